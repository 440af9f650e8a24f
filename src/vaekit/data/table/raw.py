"""The options of reading a table, the table as it was read, and whether it has rows and columns enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vaekit.data.delimited.layout import check_names
from vaekit.data.delimited.options import SUFFIXES as DELIMITED, DelimitedOptions

__all__ = ["SUFFIXES", "RawTable", "ReadOptions", "check_columns", "check_trainable"]

SUFFIXES = (*DELIMITED, ".parquet", ".arrow", ".feather")
"""How the names of files of tables end."""


@dataclass(frozen=True)
class ReadOptions(DelimitedOptions):
    """How a table is read: as a delimited file, and how its cells get their types.

    Args:
        missing: Marks of missing cells, besides the usual ones.
        test: The file of the test part, if it is one of its own.
        strings: Columns to leave as strings, although they look like numbers or times.
        mixed: Columns that may mix numbers and a few words, and are strings then.
    """

    missing: tuple[str, ...] = ()
    test: str | Path | None = None
    strings: tuple[str, ...] = ()
    mixed: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class RawTable:
    """A table as it was read.

    Args:
        table: The columns, a pyarrow.Table, each int64, float64, string, bool or timestamp; a missing cell is null.
        notes: Sentences about what was found and converted.
        parts: The official part of each row, shape (N,), int8: 0 train, 1 validation, 2 test; None if there is none.
        index: The index of a frame of pandas, a pyarrow.Table of as many rows; None if it only counts.
    """

    table: Any
    notes: tuple[str, ...] = ()
    parts: npt.NDArray[np.int8] | None = None
    index: Any = None


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
