"""A CSV as a table of strings: every cell as it stands in the file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

from vaekit.data.table.arrow import csv as pa_csv
from vaekit.data.table.arrow import pa, pc
from vaekit.data.table.checks import check_names
from vaekit.data.table.dialect import DELIMITERS, Dialect, csv_options, has_header, sniff_dialect, sniff_rows
from vaekit.data.table.encoding import Encoding, find_encoding, opened, sample_text
from vaekit.data.table.raw import ReadOptions

__all__ = ["read_strings"]

BLOCK = 1 << 24
"""The bytes that are parsed at a time; no row may be longer."""


def read_strings(path: Path, options: ReadOptions) -> tuple[Any, tuple[str, ...]]:
    """Read a CSV as strings, stripped of nothing; what was found out about the file comes as notes.

    Args:
        path: The file, compressed by gzip where its name ends in .gz.
        options: How it is read.

    Returns:
        A pyarrow.Table of strings without nulls, and the notes.

    Raises:
        ValueError: If the file is no CSV, is empty, has no rows, equal names, lines of other lengths or another separator.
    """
    encoding = Encoding(options.encoding) if options.encoding else find_encoding(path)
    sample, whole = sample_text(path, encoding.name)
    dialect = sniff_dialect(sample, options.delimiter or ("\t" if ".tsv" in path.name.lower() else None))
    rows = sniff_rows(sample, dialect, whole=whole)
    if not any(map(any, rows)):
        raise ValueError(f"{path.name} must hold a table, but is empty; give another file")
    named = has_header(rows, options)
    names = _names(rows[0], named, options, path)
    _check_separator(rows, dialect, path)
    table = _parse(path, encoding.name, dialect, names, named)
    if not table.num_rows:
        raise ValueError(
            f"{path.name} must have rows, but has nothing below its header ({', '.join(names)}); give a table with rows"
        )
    _check_end(table, path, dialect.quote)
    notes = _notes(dialect, encoding.note, named, names, options)
    return _without_unnamed(table, rows[0] if named else names, notes)


def _names(first: Sequence[str], named: bool, options: ReadOptions, path: Path) -> list[str]:
    if not named:
        known = options.names if len(options.names) == len(first) else ()
        return list(known) or [f"c{place}" for place in range(len(first))]
    names = [name or f"c{place}" for place, name in enumerate(first)]
    check_names(names, path.name)
    return names


def _check_separator(rows: list[list[str]], dialect: Dialect, path: Path) -> None:
    """Refuse a single column whose cells hold one other delimiter, all equally often."""
    if len(rows[0]) > 1 or len(rows) < 2:
        return
    for other, called in DELIMITERS.items():
        counts = {line[0].count(other) for line in rows if line}
        if len(counts) == 1 and 0 not in counts and (other != " " or _numbers(rows[1:])):
            raise ValueError(
                f"{path.name} has one column when cut at {dialect.delimiter!r}, but all its lines hold {called}"
                f" {counts.pop()} times; use delimiter={other if other.isprintable() and other != ' ' else called[2:]}"
            )


def _numbers(rows: list[list[str]]) -> bool:
    return all(all(part.replace(".", "", 1).lstrip("+-").isdigit() for part in row[0].split()) for row in rows)


def _parse(path: Path, encoding: str, dialect: Dialect, names: list[str], named: bool) -> Any:
    reading = pa_csv.ReadOptions(
        column_names=names, skip_rows_after_names=int(named), encoding=encoding, block_size=BLOCK
    )
    parsing = pa_csv.ParseOptions(delimiter=dialect.delimiter, quote_char=dialect.quote, newlines_in_values=True)
    converting = pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    try:
        with _stream(path, encoding, dialect) as stream:
            return pa_csv.read_csv(stream, read_options=reading, parse_options=parsing, convert_options=converting)
    except pa.ArrowInvalid as error:
        raise _ragged(path, encoding, dialect, len(names)) or _damaged(path, str(error).split("\n")[0]) from error
    except UnicodeError as error:
        raise _damaged(path, f"it is not {encoding}: {error}") from error


def _stream(path: Path, encoding: str, dialect: Dialect) -> Any:
    if not dialect.spaced:
        return pa.input_stream(str(path), compression="detect")
    # Arrow takes a quote for one only at the very beginning of a cell, so the file is written anew.
    made = StringIO(newline="")
    with opened(path) as stream, TextIOWrapper(stream, encoding, newline="") as text:
        csv.writer(made, delimiter=dialect.delimiter, quotechar=dialect.quote).writerows(
            csv.reader(text, **csv_options(dialect))
        )
    return pa.input_stream(BytesIO(made.getvalue().encode(encoding)))


def _ragged(path: Path, encoding: str, dialect: Dialect, width: int) -> ValueError | None:
    with opened(path) as stream, TextIOWrapper(stream, encoding, errors="replace", newline="") as text:
        reader = csv.reader(text, **csv_options(dialect))
        try:
            for row in reader:
                if row and len(row) != width:
                    return ValueError(
                        f"all lines of {path.name} must have {width} cells as its first, but line {reader.line_num} has"
                        f" {len(row)}; repair it, or name the separator with delimiter="
                    )
        except csv.Error as error:
            return _damaged(path, f"line {reader.line_num}: {error}")
    return None


def _check_end(table: Any, path: Path, quote: str) -> None:
    """Refuse a file whose last cell runs to the end because its quote is never closed: it may hold most of the rows."""
    last = table.column(table.num_columns - 1)[-1].as_py()
    if "\n" not in last:
        return
    with opened(path) as stream:
        count = sum(line.count(quote.encode()) for line in stream)
    if count % 2:
        start = last.split("\n")[0][:20]
        raise ValueError(
            f"the quotes of {path.name} must be closed, but the one before {start!r} is not; close or remove it"
        )


def _damaged(path: Path, said: str) -> ValueError:
    return ValueError(f"{path.name} must be a CSV, but cannot be read ({said}); save it again")


def _notes(dialect: Dialect, encoding: str, named: bool, names: list[str], options: ReadOptions) -> tuple[str, ...]:
    told = options.delimiter is not None or dialect.delimiter == ","
    found = (
        "" if told else f"{DELIMITERS[dialect.delimiter]} separates the cells",
        encoding,
        f"cells are quoted by {dialect.quote}" if dialect.quote == "'" else "",
        "" if named else f"no line names the columns: they are called {names[0]} to {names[-1]}",
    )
    return tuple(note for note in found if note)


def _without_unnamed(table: Any, first: Sequence[str], notes: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
    """Drop a last column that has neither name nor content, as lines that end with a delimiter make it."""
    empty = [place for place, name in enumerate(first) if not name]
    last = table.num_columns - 1
    if last in empty and last and not pc.any(pc.not_equal(table.column(last), "")).as_py():
        empty.remove(last)
        table, notes = table.remove_column(last), (*notes, "the last column has no name and no content: left out")
    if empty:
        notes = (
            *notes,
            f"columns without a name are called by their place: {', '.join(f'c{place}' for place in empty[:5])}",
        )
    return table, notes
