"""Texts in a column of a table: .csv, .jsonl or .parquet, read a few rows at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from vaekit.data.corpus import Entry, Label, mended
from vaekit.data.text_files import read_lines

__all__ = ["TABLES", "choose_column", "read_table"]

TABLES = (".csv", ".jsonl", ".parquet")
"""How the names of tables end."""

COLUMNS = ("text", "sentence", "content", "caption", "name")
"""What a column of texts is called, the likeliest first."""

ROWS = 1000
"""The number of rows that tell the types of the columns of .jsonl."""

TYPES = {int: "int64", bool: "bool", float: "double"}
"""The types of JSON as those of the other tables are called."""


def read_table(path: Path, column: str | None = None, label: str | None = None) -> Iterator[Entry]:
    """Yield the texts in a column of a table, and their labels; a missing text is empty.

    Args:
        path: The table.
        column: The column of texts; by default the one with a usual name, or the only one that holds text.
        label: The column of the classes, if they are wanted.

    Raises:
        ImportError: If pyarrow is missing.
        ValueError: If the file is damaged, a column is not there or of another type, or none can be chosen.
    """
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        return _read_jsonl(path, column, label)
    return _read_parquet(path, column, label) if suffix == ".parquet" else _read_csv(path, column, label)


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


def _read_jsonl(path: Path, column: str | None, label: str | None) -> Iterator[Entry]:
    types: dict[str, str] = {}
    for row in islice(_rows(path), ROWS):
        for name, value in row.items():
            if value is not None:
                types.setdefault(name, "string" if isinstance(value, str) else TYPES.get(type(value), "nested"))
    if not types:
        return
    chosen = choose_column(types, column, label, path.name)
    for number, row in enumerate(_rows(path), 1):
        text = row.get(chosen)
        if not isinstance(text, str | None):
            raise ValueError(
                f"column {chosen!r} of {path.name} must hold text, but line {number} has {text!r}; repair it"
            )
        yield Entry(mended(text or ""), None if label is None else _label(row.get(label), path, number))


def _label(found: Any, path: Path, number: int) -> Label | None:
    if isinstance(found, str | int | None):
        return found
    raise ValueError(f"a label must be a name or an integer, but line {number} of {path.name} has {found!r}; repair it")


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(read_lines(path), 1):
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


def _read_csv(path: Path, column: str | None, label: str | None) -> Iterator[Entry]:
    pyarrow, csv = _pyarrow("pyarrow"), _pyarrow("pyarrow.csv")
    for _ in read_lines(path):
        pass  # pyarrow does not say where a file leaves UTF-8
    if not path.stat().st_size:
        return
    parse = csv.ParseOptions(newlines_in_values=True)
    try:
        with csv.open_csv(path, parse_options=parse) as reader:
            types = {field.name: _type(field.type, pyarrow) for field in reader.schema}
        chosen = choose_column(types, column, label, path.name)
        names = [chosen] if label in (None, chosen) else [chosen, label]
        forced = csv.ConvertOptions(include_columns=names, column_types={name: pyarrow.string() for name in names})
        with csv.open_csv(path, parse_options=parse, convert_options=forced) as reader:
            for batch in reader:
                yield from _entries(batch, chosen, label)
    except pyarrow.ArrowInvalid as error:
        raise _damaged(path, error) from error


def _read_parquet(path: Path, column: str | None, label: str | None) -> Iterator[Entry]:
    pyarrow, parquet = _pyarrow("pyarrow"), _pyarrow("pyarrow.parquet")
    try:
        with parquet.ParquetFile(path) as table:
            types = {field.name: _type(field.type, pyarrow) for field in table.schema_arrow}
            chosen = choose_column(types, column, label, path.name)
            names = [chosen] if label in (None, chosen) else [chosen, label]
            for batch in table.iter_batches(columns=names):
                yield from _entries(batch, chosen, label)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise _damaged(path, error) from error


def _entries(batch: Any, column: str, label: str | None) -> Iterator[Entry]:
    texts = batch.column(column).to_pylist()
    labels = [None] * len(texts) if label is None else batch.column(label).to_pylist()
    return (Entry(text or "", None if found == "" else found) for text, found in zip(texts, labels, strict=True))


def _type(found: Any, pyarrow: ModuleType) -> str:
    if pyarrow.types.is_dictionary(found):
        found = found.value_type
    texts = (pyarrow.string(), pyarrow.large_string(), pyarrow.string_view())
    return "string" if found in texts else str(found)


def _damaged(path: Path, error: Exception) -> ValueError:
    said = str(error).split("\n")[0]
    return ValueError(f"{path.name} must be a {path.suffix[1:]} table, but cannot be read ({said}); save it again")


def _pyarrow(name: str) -> ModuleType:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError("a table of texts needs pyarrow; install it with: pip install vaekit[text]") from error
