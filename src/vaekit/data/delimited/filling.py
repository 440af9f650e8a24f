"""A delimited file with some of its cells replaced, and every other byte as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from vaekit.data.delimited.encoding import opened_text
from vaekit.data.delimited.layout import find_layout
from vaekit.data.delimited.options import DelimitedOptions

__all__ = ["filled_file"]


def filled_file(
    path: Path, options: DelimitedOptions, cells: Mapping[str, Mapping[int, str]], rows: int
) -> bytes | None:
    """Return a file with the cells of some columns replaced; None if it does not have that many rows.

    A number gets a decimal comma where the other cells of its column have one.

    Args:
        path: The file.
        options: How it is read.
        cells: The new cells by column and row, rows counted from 0.
        rows: The number of rows.

    Raises:
        ValueError: If the file cannot be read.
    """
    layout = find_layout(path, options)
    with opened_text(path, layout.encoding) as stream:
        text = stream.read()
    dialect = layout.dialect
    records = list(_records(text, dialect.delimiter, dialect.quote))[int(layout.has_header) :]
    if len(records) != rows or any(len(record) != len(layout.names) for record in records):
        return None
    new: list[tuple[int, int, str]] = []
    for place, name in enumerate(layout.names):
        if wanted := cells.get(name, {}):
            comma = _has_commas(text[slice(*record[place])] for record in records)
            for row, value in wanted.items():
                value = value.replace(".", ",") if comma and re.fullmatch(r"-?\d+\.\d+", value) else value
                new.append((*records[row][place], _quoted(value, dialect.delimiter, dialect.quote)))
    parts, end = [], 0
    for start, stop, value in sorted(new):
        parts += [text[end:start], value]
        end = stop
    return "".join([*parts, text[end:]]).encode(layout.encoding)


def _records(text: str, delimiter: str, quote: str) -> Iterator[list[tuple[int, int]]]:
    """Yield where the cells of each record begin and end; empty lines are none."""
    d, q = re.escape(delimiter), re.escape(quote)
    cell = re.compile(rf"((?: *{q}(?:[^{q}]|{q}{q})*{q})?[^{d}\r\n]*)({d}|\r\n|\n|\r|\Z)")
    record: list[tuple[int, int]] = []
    at = len(text) - len(text.removeprefix("\ufeff"))
    while at < len(text) or record:
        found = cell.match(text, at)
        if found is None:
            return
        record.append(found.span(1))
        at = found.end()
        if found[2] != delimiter:
            if len(record) > 1 or found[1]:
                yield record
            record = []


def _has_commas(cells: Iterator[str]) -> bool:
    """Say whether numbers have a decimal comma: some have one, and none has a decimal point."""
    written = [cell.strip().strip("\"'") for cell in cells]
    return any(re.fullmatch(r"-?[\d.]*,\d+", cell) for cell in written) and not any(
        re.fullmatch(r"-?[\d,]*\.\d{1,2}|-?\d+\.\d+", cell) and not re.fullmatch(r"-?\d{1,3}(\.\d{3})+", cell)
        for cell in written
    )


def _quoted(value: str, delimiter: str, quote: str) -> str:
    if delimiter in value or quote in value or "\n" in value or "\r" in value:
        return quote + value.replace(quote, quote * 2) + quote
    return value
