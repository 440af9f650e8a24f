"""Texts in a column of a table: a delimited file, .jsonl or .parquet, read a few rows at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from vaekit.data.corpus import Entry, Label, without_surrogates
from vaekit.data.delimited.encoding import find_encoding
from vaekit.data.delimited.layout import Layout, find_layout
from vaekit.data.delimited.options import SUFFIXES as DELIMITED
from vaekit.data.text_files import read_lines
from vaekit.data.text_options import TextFile, TextOptions

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


def open_table(path: Path, options: TextOptions) -> TextFile:
    """Find the column of texts in a table; a missing text is empty.

    Args:
        path: The table.
        options: The columns of the texts and of the classes, and how a delimited file is read.

    Raises:
        ImportError: If pyarrow is missing.
        ValueError: If the file is damaged, a column is not there or of another type, or none can be chosen.
    """
    name = path.name.lower()
    if name.endswith(JSONL):
        return _open_jsonl(path, options)
    return _open_parquet(path, options) if name.endswith(".parquet") else _open_delimited(path, options)


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
    if column is not None:
        if types[column] != "string":
            raise ValueError(
                f"column must hold text, but {column!r} in {file} is {types[column]}; give one of {_texts(types)}"
            )
        return column
    texts = [name for name, type_ in types.items() if type_ == "string" and name != label]
    usual = [name for wanted in COLUMNS for name in texts if name.lower() == wanted]
    if usual or len(texts) == 1:
        return (usual or texts)[0]
    raise ValueError(
        f"{file} must have one column of text, or one called {', '.join(COLUMNS)}, but has"
        f" {', '.join(f'{name} ({type_})' for name, type_ in types.items()) or 'none'}; name it with column="
    )


def _texts(types: Mapping[str, str]) -> str:
    return ", ".join(name for name, type_ in types.items() if type_ == "string") or "those of another table"


def parquet_types(path: Path) -> dict[str, str]:
    """Return the type of each column of a .parquet by its name; "string" for text.

    Raises:
        ImportError: If pyarrow is missing.
        ValueError: If the file is damaged.
    """
    from vaekit.data.arrow import parquet

    with _damage_explained(path), parquet.ParquetFile(path) as table:
        return {field.name: _type_name(field.type) for field in table.schema_arrow}


def _open_jsonl(path: Path, options: TextOptions) -> TextFile:
    encoding, types = find_encoding(path, options.encoding), dict[str, str]()
    for row in islice(_rows(path, encoding.name), ROWS):
        for name, value in row.items():
            if value is not None:
                types.setdefault(name, "string" if isinstance(value, str) else TYPES.get(type(value), "nested"))
    if not types:
        return TextFile(lambda: iter(()))
    column = choose_column(types, options.column, options.label, path.name)
    return TextFile(partial(_read_jsonl, path, encoding.name, column, options.label), encoding.notes)


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


def _open_delimited(path: Path, options: TextOptions) -> TextFile:
    from vaekit.data.delimited.reading import column_types

    layout = find_layout(path, options)
    types = {name: _type_name(found) for name, found in column_types(layout).items()}
    column = choose_column(types, options.column, options.label, path.name)
    return TextFile(partial(_read_delimited, layout, column, options.label), layout.notes)


def _read_delimited(layout: Layout, column: str, label: str | None) -> Iterator[Entry]:
    from vaekit.data.delimited.reading import stream_strings

    for batch in stream_strings(layout, _both(column, label)):
        yield from _entries(batch, column, label)


def _open_parquet(path: Path, options: TextOptions) -> TextFile:
    column = choose_column(parquet_types(path), options.column, options.label, path.name)
    return TextFile(partial(_read_parquet, path, column, options.label))


def _read_parquet(path: Path, column: str, label: str | None) -> Iterator[Entry]:
    from vaekit.data.arrow import parquet

    with _damage_explained(path), parquet.ParquetFile(path) as table:
        for batch in table.iter_batches(columns=_both(column, label)):
            yield from _entries(batch, column, label)


def _both(column: str, label: str | None) -> list[str]:
    return [column] if label in (None, column) else [column, str(label)]


def _entries(batch: Any, column: str, label: str | None) -> Iterator[Entry]:
    texts = batch.column(column).to_pylist()
    labels = [None] * len(texts) if label is None else batch.column(label).to_pylist()
    return (Entry(text or "", None if found == "" else found) for text, found in zip(texts, labels, strict=True))


def _type_name(found: Any) -> str:
    from vaekit.data.arrow import pa

    if pa.types.is_dictionary(found):
        found = found.value_type
    return "string" if found in (pa.string(), pa.large_string(), pa.string_view()) else str(found)


@contextmanager
def _damage_explained(path: Path) -> Iterator[None]:
    from vaekit.data.arrow import pa

    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(
            f"{path.name} must be a parquet table, but cannot be read ({reason}); save it again"
        ) from error
