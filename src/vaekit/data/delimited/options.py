"""The options of reading a delimited file, and the usual marks of its missing cells."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

__all__ = ["MISSING", "SUFFIXES", "DelimitedOptions", "Header", "is_delimited"]

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
"""How the names of delimited files end."""

Header: TypeAlias = Literal["auto", "yes", "no"]

MISSING = frozenset([
    "", "?", "-", "--", ".", "NA", "N/A", "n/a", "na", "NaN", "nan", "NAN", "-nan", "NULL", "Null", "null", "None", "none",
    "NaT", "<NA>", "#N/A", "#NA", "N.A.", "n.a.", "(null)", "\\N",
])  # fmt: skip
"""The usual marks of missing cells; a note names those that occur."""

WORDS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
"""The names of delimiters that are hard to type."""


@dataclass(frozen=True)
class DelimitedOptions:
    r"""How a delimited file is read; what is left out is found in the file.

    Args:
        delimiter: What separates the cells: one character, or tab, comma, semicolon, pipe or space.
        encoding: The encoding, as Python calls it.
        header: Whether the first line holds the names of the columns.
        names: The names of the columns, if they are known: a file without a header gets them, in order.

    Raises:
        ValueError: If the delimiter is not one character, or the encoding or the header is unknown.

    >>> DelimitedOptions(delimiter="tab").delimiter
    '\t'
    """

    delimiter: str | None = None
    encoding: str | None = None
    header: Header = "auto"
    names: tuple[str, ...] = ()

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


def is_delimited(name: str) -> bool:
    """Return whether the name of a file ends as that of a delimited file does.

    >>> is_delimited("a.TSV.gz"), is_delimited("a.parquet")
    (True, False)
    """
    return name.lower().endswith(SUFFIXES)
