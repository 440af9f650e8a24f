"""What every raw table must have: rows, and columns of different names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from vaekit.data.table.raw import RawTable

__all__ = ["check_columns", "check_names", "check_trainable"]


def check_names(names: Sequence[str], source: str) -> None:
    """Check that no two columns of a table are called the same.

    Raises:
        ValueError: If two are; both are named by their place.
    """
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        places = [str(place) for place, name in enumerate(names, 1) if name == twice]
        raise ValueError(
            f"the columns of {source} must have different names, but columns {' and '.join(places)} are called"
            f" {twice!r}; rename one"
        )


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
    """Check that a model can learn from a table: scoring takes one row, learning needs more.

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
