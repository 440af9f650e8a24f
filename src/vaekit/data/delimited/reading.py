"""The rows of a delimited file as strings: every cell as it stands in the file."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from vaekit.data.arrow import csv as pa_csv, pa, pc
from vaekit.data.delimited.dialect import csv_options
from vaekit.data.delimited.encoding import opened, opened_text
from vaekit.data.delimited.layout import Layout, find_layout
from vaekit.data.delimited.options import DelimitedOptions

__all__ = ["column_types", "read_strings", "stream_strings"]

BLOCK = 1 << 24
"""The bytes that are parsed at a time; no row may be longer."""


def read_strings(path: Path, options: DelimitedOptions) -> tuple[Any, tuple[str, ...]]:
    """Read a file as strings, stripped of nothing.

    Args:
        path: The file, compressed by gzip if its name ends in .gz.
        options: How it is read.

    Returns:
        A pyarrow.Table of strings without nulls, and notes about what was found.

    Raises:
        ValueError: If the file is not text, is empty, has no rows, equal names, lines of other lengths or another separator.
    """
    layout = find_layout(path, options)
    with _errors_explained(layout), _stream(layout) as stream:
        table = pa_csv.read_csv(stream, **_arrow_options(layout, layout.names))
    if not table.num_rows:
        raise _no_rows(layout)
    _check_end(table.column(table.num_columns - 1)[-1].as_py(), layout)
    return _without_unnamed(table, layout)


def stream_strings(layout: Layout, columns: Sequence[str]) -> Iterator[Any]:
    """Yield some columns of a file as pyarrow.RecordBatches of strings without nulls, a few megabytes at a time.

    Raises:
        ValueError: If the file has no rows, or lines of other lengths.
    """
    wanted = list(dict.fromkeys([*columns, layout.names[-1]]))  # the last cell of all tells an open quote
    end = None
    with _errors_explained(layout), _stream(layout) as stream:
        for batch in pa_csv.open_csv(stream, **_arrow_options(layout, wanted)):
            if len(batch):
                end = batch.column(layout.names[-1])[-1].as_py()
                yield batch
    if end is None:
        raise _no_rows(layout)
    _check_end(end, layout)


def column_types(layout: Layout) -> dict[str, Any]:
    """Return the Arrow type of each column, as the beginning of the file suggests it.

    Raises:
        ValueError: If the file has no rows, or lines of other lengths at its beginning.
    """
    with _errors_explained(layout), _stream(layout) as stream:
        options = _arrow_options(layout, layout.names)
        options["convert_options"] = pa_csv.ConvertOptions()
        batches = pa_csv.open_csv(stream, **options)
        if not any(len(batch) for batch in batches):
            raise _no_rows(layout)
    return dict(zip(batches.schema.names, batches.schema.types, strict=True))


def _arrow_options(layout: Layout, columns: Sequence[str]) -> dict[str, Any]:
    dialect, types = layout.dialect, dict.fromkeys(columns, pa.string())
    read = pa_csv.ReadOptions(
        column_names=layout.names,
        skip_rows_after_names=int(layout.has_header),
        encoding="utf-8" if dialect.spaced else layout.encoding,
        block_size=BLOCK,
    )
    parse = pa_csv.ParseOptions(delimiter=dialect.delimiter, quote_char=dialect.quote, newlines_in_values=True)
    convert = pa_csv.ConvertOptions(column_types=types, include_columns=columns, strings_can_be_null=False)
    return {"read_options": read, "parse_options": parse, "convert_options": convert}


@contextmanager
def _errors_explained(layout: Layout) -> Iterator[None]:
    try:
        yield
    except pa.ArrowInvalid as error:
        raise _ragged(layout) or _damaged(layout.path, str(error).split("\n")[0]) from error
    except csv.Error as error:
        raise _damaged(layout.path, str(error)) from error
    except UnicodeError as error:
        raise _damaged(layout.path, f"it is not {layout.encoding}: {error}") from error


@contextmanager
def _rows(layout: Layout, errors: str = "strict") -> Iterator[Any]:
    """Open a file for Python's own reader, which is slower and says more."""
    with opened_text(layout.path, layout.encoding, errors=errors) as text:
        yield csv.reader(text, **csv_options(layout.dialect))


@contextmanager
def _stream(layout: Layout) -> Iterator[Any]:
    if not layout.dialect.spaced:
        with opened(layout.path) as stream:
            yield stream
        return
    # Arrow takes a quote for one only at the very beginning of a cell, so the file is written anew.
    with _rows(layout) as rows, TemporaryFile("w+", encoding="utf-8", newline="") as made:
        csv.writer(made, delimiter=layout.dialect.delimiter, quotechar=layout.dialect.quote).writerows(rows)
        made.seek(0)
        yield made.buffer


def _ragged(layout: Layout) -> ValueError | None:
    width = len(layout.names)
    with _rows(layout, "replace") as rows:
        try:
            for row in rows:
                if row and len(row) != width:
                    return ValueError(
                        f"all lines of {layout.path.name} must have {width} cells as its first, but line {rows.line_num}"
                        f" has {len(row)}; repair it, or name the separator with delimiter="
                    )
        except csv.Error as error:
            return _damaged(layout.path, f"line {rows.line_num}: {error}")
    return None


def _check_end(last: str, layout: Layout) -> None:
    """Refuse a file whose last cell runs to the end because its quote is never closed: it may hold most of the rows."""
    if "\n" not in last:
        return
    with opened(layout.path) as stream:
        count = sum(line.count(layout.dialect.quote.encode()) for line in stream)
    if count % 2:
        start = last.split("\n")[0][:20]
        raise ValueError(
            f"the quotes of {layout.path.name} must be closed, but the one before {start!r} is not; close or remove it"
        )


def _no_rows(layout: Layout) -> ValueError:
    return ValueError(
        f"{layout.path.name} must have rows, but has nothing below its header ({', '.join(layout.names)});"
        " give a table with rows"
    )


def _damaged(path: Path, reason: str) -> ValueError:
    return ValueError(f"{path.name} must be a CSV, but cannot be read ({reason}); save it again")


def _without_unnamed(table: Any, layout: Layout) -> tuple[Any, tuple[str, ...]]:
    """Drop a last column that has neither name nor content, as lines that end with a delimiter make it."""
    unnamed, notes = list(layout.unnamed), layout.notes
    last = table.num_columns - 1
    if last in unnamed and last and not pc.any(pc.not_equal(table.column(last), "")).as_py():
        unnamed.remove(last)
        table, notes = table.remove_column(last), (*notes, "the last column has no name and no content: left out")
    if unnamed:
        places = ", ".join(f"c{place}" for place in unnamed[:5])
        notes = (*notes, f"columns without a name are called by their place: {places}")
    return table, notes
