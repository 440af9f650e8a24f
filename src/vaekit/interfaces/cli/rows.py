"""Texts and rows of tables that a verb made: printed, or written to a file by its suffix."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vaekit.interfaces.cli.output import emit
from vaekit.interfaces.columns import check_suffix, write_columns
from vaekit.interfaces.shown import Shown
from vaekit.interfaces.table_files import TABLE_SUFFIXES, plain_rows, table_bytes, with_columns
from vaekit.training.checkpoint import write_atomically

__all__ = ["tell_rows", "write_rows"]

_TEXTS = (".txt", ".jsonl", ".csv", ".parquet")
_PRINTED = 20  # rows of a table that a terminal is shown


def tell_rows(
    as_json: bool,
    lead: Mapping[str, Sequence[Any]],
    shown: Shown,
    out: Path | None,
    *,
    name: str = "text",
    **more: Any,
) -> None:
    """Print texts or rows, or write them to a file.

    Args:
        as_json: Print one JSON object.
        lead: What stands beside them, by name, of equal length.
        shown: A list of texts, or a `pyarrow.Table`.
        out: The file; None prints.
        name: What texts are called.
        more: What else is told in JSON.

    Raises:
        ValueError: The suffix of the file is none of those known.
    """
    if isinstance(shown, list):
        _tell_texts(as_json, {**lead, name: shown}, out, more)
    else:
        _tell_table(as_json, with_columns(lead, shown), out, more)


def write_rows(table: Any, out: Path) -> None:
    """Write a table to a file by its suffix.

    Raises:
        ValueError: The suffix is none of those known.
    """
    write_atomically(check_suffix(out, TABLE_SUFFIXES), table_bytes(table, out.suffix.lower()))


def _tell_table(as_json: bool, table: Any, out: Path | None, more: Mapping[str, Any]) -> None:
    if out is not None:
        write_rows(table, out)
        emit(as_json, {"out": str(out), "n": len(table), **more}, f"{len(table):,} rows: {out}")
        return
    rest = (
        f"... {len(table) - _PRINTED:,} more; --out FILE.csv or .parquet holds them all"
        if len(table) > _PRINTED
        else ""
    )
    rows = plain_rows(table)
    emit(
        as_json, {"n": len(table), "rows": rows, **more}, *([] if as_json else [_grid(table.column_names, rows), rest])
    )


def _grid(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Any:
    from rich.table import Table

    grid = Table(*names, box=None, pad_edge=False, header_style="bold")
    for row in rows[:_PRINTED]:
        grid.add_row(*("" if row[name] is None else _cell(row[name]) for name in names))
    return grid


def _tell_texts(as_json: bool, columns: Mapping[str, Sequence[Any]], out: Path | None, more: Mapping[str, Any]) -> None:
    *_, last = columns
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if out is None:
        lines = ("\t".join(_cell(value, ".2f") for value in row.values()) for row in rows)
        emit(as_json, {"n": len(rows), "texts": rows, **more}, *lines)
        return
    check_suffix(out, _TEXTS)
    match out.suffix.lower():
        case ".txt":
            content = "".join(f"{_one_line(row[last])}\n" for row in rows)
            write_atomically(out, content.encode())
        case ".jsonl":
            write_atomically(out, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
        case _:
            write_columns(out, {name: [str(value) for value in column] for name, column in columns.items()})
    emit(as_json, {"out": str(out), "n": len(rows), **more}, f"{len(rows)} texts: {out}")


def _cell(value: Any, digits: str = ".6g") -> str:
    return format(value, digits) if isinstance(value, float) else _one_line(str(value))


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())
