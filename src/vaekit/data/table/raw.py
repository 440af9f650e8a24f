"""The options of reading a table, and the table as it was read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vaekit.data.delimited.options import SUFFIXES as DELIMITED
from vaekit.data.delimited.options import DelimitedOptions

__all__ = ["SUFFIXES", "RawTable", "ReadOptions"]

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
    """

    table: Any
    notes: tuple[str, ...] = ()
    parts: npt.NDArray[np.int8] | None = None
