"""What the reading of a table is told, and what it gives."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["SUFFIXES", "Header", "RawTable", "ReadOptions"]

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".arrow", ".feather")
"""How the names of files of tables end."""

Header: TypeAlias = Literal["auto", "yes", "no"]

WORDS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
"""How delimiters are called that are hard to type."""


@dataclass(frozen=True)
class ReadOptions:
    r"""How a table is read; all that is not said is found out.

    Args:
        delimiter: What separates the cells of a CSV: one character, or tab, comma, semicolon, pipe or space.
        encoding: The encoding of a CSV, as Python calls it.
        header: Whether the first line of a CSV holds the names of the columns.
        missing: Marks of missing cells, besides the usual ones.
        test: The file of the test part, where it is one of its own.
        names: The columns of a schema: a CSV without a header gets them, in order.
        strings: Columns to leave as strings, although they look like numbers or times.
        mixed: Columns that may mix numbers and a few words, and are strings then.

    Raises:
        ValueError: If the delimiter is not one character, or the encoding or the header is unknown.

    >>> ReadOptions(delimiter="tab").delimiter
    '\t'
    """

    delimiter: str | None = None
    encoding: str | None = None
    header: Header = "auto"
    missing: tuple[str, ...] = ()
    test: str | Path | None = None
    names: tuple[str, ...] = ()
    strings: tuple[str, ...] = ()
    mixed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.delimiter is not None:
            object.__setattr__(self, "delimiter", WORDS.get(self.delimiter, self.delimiter))
            if len(self.delimiter) != 1 or not self.delimiter.isascii() or self.delimiter in "\"'\r\n":
                raise ValueError(f"delimiter must be one character, such as ; or tab, but is {self.delimiter!r}")
        if self.header not in get_args(Header):
            raise ValueError(f"header must be one of {', '.join(get_args(Header))}, but is {self.header!r}")
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except LookupError as error:
                raise ValueError(f"encoding must be one such as utf-8 or cp1252, but is {self.encoding!r}") from error


@dataclass(frozen=True, eq=False)
class RawTable:
    """A table as it was read.

    Args:
        table: The columns, each int64, float64, string, bool or timestamp; what is missing is null.
        notes: Sentences about what was found and converted.
        parts: The official part of each row, shape (N,), int8: 0 train, 1 validation, 2 test; None where there is none.
    """

    table: pa.Table
    notes: tuple[str, ...] = ()
    parts: npt.NDArray[np.int8] | None = None
