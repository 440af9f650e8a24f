"""Texts in a column of a table: a delimited file, .jsonl or .parquet, read a few rows at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from vaekit.data.arrow import damage_explained, opened_parquet, pa, parquet
from vaekit.data.corpus import Corpus, Entry, Label, without_surrogates
from vaekit.data.delimited.encoding import find_encoding
from vaekit.data.delimited.layout import find_layout
from vaekit.data.delimited.options import SUFFIXES as DELIMITED
from vaekit.data.delimited.reading import column_types, stream_strings
from vaekit.data.text_files import TextOptions, read_lines

__all__ = ["TABLES", "choose_column", "open_table", "parquet_types"]

JSONL = (".jsonl", ".jsonl.gz")

TABLES = (*DELIMITED, *JSONL, ".parquet")
"""How the names of tables of texts end."""

COLUMNS = ("text", "sentence", "content", "caption", "name")
"""The usual names of a column of texts, the likeliest first."""

ROWS = 1000
"""The number of rows that tell the types of the columns of .jsonl."""

TYPES = {int: "int64", bool: "bool", float: "double"}
"""The names of the types of JSON in the other tables."""


class _Table(NamedTuple):
    """The types of the columns of a table, how the entries of a column of texts and one of labels are read, and notes."""

    types: Mapping[str, str]
    read: Callable[[str, str | None], Iterator[Entry]]
    notes: tuple[str, ...] = ()


def open_table(path: Path, options: TextOptions) -> Corpus:
    """Find the column of texts in a table; a missing text is empty.

    Args:
        path: The table.
        options: The columns of the texts and of the classes, and how a delimited file is read.

    Raises:
        ImportError: If pyarrow is missing.
        ValueError: If the file is damaged, a column is not there or of another type, or none can be chosen.
    """
    name = path.name.lower()
    opened = _open_jsonl if name.endswith(JSONL) else _open_parquet if name.endswith(".parquet") else _open_delimited
    table = opened(path, options)
    if opened is _open_jsonl and not table.types:
        return Corpus(lambda: iter(()))
    column = choose_column(table.types, options.column, options.label, path.name)
    return Corpus(partial(table.read, column, options.label), path.parent, (path.name,), notes=table.notes)


def choose_column(types: Mapping[str, str], column: str | None, label: str | None, file: str) -> str:
    """Choose the column of texts, and check that of the labels.

    Args:
        types: The type of each column by its name; "string" for text.
        column: The column that was asked for.
        label: The column of the classes.
        file: The name of the table, for the error.

    Raises:
        ValueError: If a column is not there or of another type, or none can be chosen.

    >>> choose_column({"id": "int64", "caption": "string", "author": "string"}, None, None, "a.csv")
    'caption'
    """
    for key, name in (("column", column), ("label", label)):
        if name is not None and name not in types:
            raise ValueError(
                f"{key} must be one of {', '.join(types)}, the columns of {file}, but is {name!r}; give one"
            )
    if label is not None and not types[label].startswith(("string", "int", "uint", "bool")):
        raise ValueError(f"label must be a column of names or integers, but {label!r} in {file} is {types[label]}")
    texts = [name for name, type_ in types.items() if type_ == "string"]
    if column is not None:
        if column not in texts:
            cure = f"give one of {', '.join(texts) or 'those of another table'}"
            raise ValueError(f"column must hold text, but {column!r} in {file} is {types[column]}; {cure}")
        return column
    texts = [name for name in texts if name != label]
    usual = [name for wanted in COLUMNS for name in texts if name.lower() == wanted]
    if usual or len(texts) == 1:
        return (usual or texts)[0]
    raise ValueError(
        f"{file} must have one column of text, or one called {', '.join(COLUMNS)}, but has"
        f" {', '.join(f'{name} ({type_})' for name, type_ in types.items()) or 'none'}; name it with column="
    )


def parquet_types(path: Path) -> dict[str, str]:
    """Return the type of each column of a .parquet by its name; "string" for text.

    Raises:
        ImportError: If pyarrow is missing.
        ValueError: If the file is damaged.
    """
    with damage_explained(path), parquet.ParquetFile(path) as table:
        return {field.name: _type_name(field.type) for field in table.schema_arrow}


def _open_jsonl(path: Path, options: TextOptions) -> _Table:
    encoding, types = find_encoding(path, options.encoding), dict[str, str]()
    for row in islice(_rows(path, encoding.name), ROWS):
        for name, value in row.items():
            if value is not None:
                types.setdefault(name, "string" if isinstance(value, str) else TYPES.get(type(value), "nested"))
    return _Table(types, partial(_read_jsonl, path, encoding.name), encoding.notes)


def _read_jsonl(path: Path, encoding: str, column: str, label: str | None) -> Iterator[Entry]:
    for number, row in enumerate(_rows(path, encoding), 1):
        text = row.get(column)
        if not isinstance(text, str | None):
            raise ValueError(
                f"column {column!r} of {path.name} must hold text, but line {number} has {text!r}; repair it"
            )
        yield Entry(without_surrogates(text or ""), None if label is None else _label(row.get(label), path, number))


def _label(found: Any, path: Path, number: int) -> Label | None:
    if isinstance(found, str | int | None):
        return found
    raise ValueError(f"a label must be a name or an integer, but line {number} of {path.name} has {found!r}; repair it")


def _rows(path: Path, encoding: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(read_lines(path, encoding), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"line {number} of {path.name} must be JSON, but is not ({error}); repair it") from error
        if not isinstance(row, dict):
            raise ValueError(
                f"line {number} of {path.name} must be an object of JSON with columns, but is {line[:40]!r}"
            )
        yield row


def _open_delimited(path: Path, options: TextOptions) -> _Table:
    layout = find_layout(path, options)
    types = {name: _type_name(found) for name, found in column_types(layout).items()}
    return _Table(types, partial(_read_batches, partial(stream_strings, layout)), layout.notes)


def _open_parquet(path: Path, options: TextOptions) -> _Table:
    return _Table(parquet_types(path), partial(_read_batches, partial(_stream_parquet, path)))


def _stream_parquet(path: Path, columns: Sequence[str]) -> Iterator[Any]:
    with damage_explained(path), opened_parquet(path) as table:
        yield from table.iter_batches(columns=columns)


def _read_batches(stream: Callable[[Sequence[str]], Iterator[Any]], column: str, label: str | None) -> Iterator[Entry]:
    for batch in stream([column] if label in (None, column) else [column, str(label)]):
        texts = batch.column(column).to_pylist()
        labels = [None] * len(texts) if label is None else batch.column(label).to_pylist()
        for text, found in zip(texts, labels, strict=True):
            yield Entry(text or "", None if found == "" else found)


def _type_name(found: Any) -> str:
    if pa.types.is_dictionary(found):
        found = found.value_type
    return "string" if found in (pa.string(), pa.large_string(), pa.string_view()) else str(found)
