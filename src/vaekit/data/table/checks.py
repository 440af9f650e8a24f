"""Checks of raw tables: they have rows, and columns of different names."""

from __future__ import annotations

from collections.abc import Sequence

from vaekit.data.delimited.layout import check_names
from vaekit.data.table.raw import RawTable

__all__ = ["check_columns", "check_trainable"]


def check_columns(names: Sequence[str], rows: int, source: str) -> None:
    """Check that a table has columns of different names, and rows.

    Raises:
        ValueError: If it has none, or two columns of one name.
    """
    check_names(names, source)
    if not names or not rows:
        raise ValueError(
            f"{source} must have columns and rows, but has {len(names)} columns and {rows} rows; give a table with rows"
        )


def check_trainable(raw: RawTable, source: str) -> None:
    """Check that a model can learn from a table: one row can be scored, but learning needs more.

    Raises:
        ValueError: If it has one row or one column.
    """
    rows, names = raw.table.num_rows, raw.table.column_names
    if rows < 2:
        raise ValueError(f"learning needs two rows at least, but {source} has {rows}; give a table with more rows")
    if len(names) < 2:
        raise ValueError(
            f"learning needs two columns at least, but {source} has only {names[0]!r};"
            " give more columns, or name the separator with delimiter="
        )
