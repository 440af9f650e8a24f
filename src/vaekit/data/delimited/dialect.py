"""The dialect of a CSV: its delimiter, its quotes, and whether its first line names the columns."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from typing import Any, Literal

from vaekit.data.delimited.options import MISSING, DelimitedOptions

__all__ = ["DELIMITERS", "Dialect", "csv_options", "has_header", "look", "sniff_dialect", "sniff_rows"]

DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a pipe", " ": "a space"}
"""The characters that separate cells, the likeliest first; a space is never guessed."""

ROWS = 500
"""The largest number of rows in a sample."""

SHARE = 0.9
"""The share of rows with equally many cells, and of cells that look alike, from which on either counts."""

NUMBER = re.compile(
    r"[+-]?[$€£¥]?\s?(?:\d[\d.,'\s]*|[.,]\d+)(?:[eE][+-]?\d+)?\s?[%€$£¥]?|[+-]?inf(?:inity)?", re.IGNORECASE
)
TIME = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b.*")
DECIMAL = re.compile(r"[+-]?\d[\d.]*,\d+")


@dataclass(frozen=True)
class Dialect:
    """How the cells of a CSV are separated and quoted.

    Args:
        delimiter: The character between two cells.
        quote: The character around a cell that holds a delimiter.
        spaced: Whether spaces come between delimiters and quotes.
    """

    delimiter: str
    quote: str = '"'
    spaced: bool = False


def sniff_dialect(sample: str, wanted: str | None = None) -> Dialect:
    r"""Find how the beginning of a CSV is written.

    The best delimiter cuts most lines into equally many cells, and leaves the fewest cells with another delimiter inside.

    >>> sniff_dialect("a;b\n1,5;2\n2,5;3").delimiter
    ';'
    """
    delimiter = wanted or max(list(DELIMITERS)[:-1], key=lambda one: _fitness(sample, one))
    quote = _quote(sample, delimiter)
    spaced = re.search(rf"(?:^|{re.escape(delimiter)})[ \t]+{quote}", sample, re.MULTILINE) is not None
    return Dialect(delimiter, quote, spaced and delimiter not in " \t")


def sniff_rows(sample: str, dialect: Dialect, *, whole: bool) -> list[list[str]]:
    """Return the first rows of a CSV with their cells stripped, without empty lines and, if the file goes on, without the last.

    Args:
        sample: The beginning of the file.
        dialect: How it is written.
        whole: Whether it is the whole file.
    """
    found = []
    with suppress(csv.Error):  # a cell that is longer than Python's reader takes
        for row in islice(csv.reader(StringIO(sample, newline=""), **csv_options(dialect)), ROWS):
            if row:
                found.append([cell.strip() for cell in row])
    return found[:-1] if not whole and 1 < len(found) < ROWS else found


def csv_options(dialect: Dialect) -> dict[str, Any]:
    """Return the options of Python's own reader of CSV."""
    return {"delimiter": dialect.delimiter, "quotechar": dialect.quote, "skipinitialspace": dialect.spaced}


def has_header(rows: Sequence[Sequence[str]], options: DelimitedOptions) -> bool:
    """Return whether the first of the rows names the columns.

    Words above numbers or times are names. Numbers above numbers are not, and neither are words that occur again below. If
    the names are known, the first row must have half of them.

    >>> has_header([["a", "b"], ["1", "x"]], DelimitedOptions()), has_header([["2", "x"], ["1", "x"]], DelimitedOptions())
    (True, False)
    """
    if options.header != "auto":
        return options.header == "yes"
    first, *body = rows
    known = sum(name in options.names for name in first)
    if 2 * known >= len(first) or len(first) == len(options.names):
        return 2 * known >= len(first)
    if _counts_up(first) and not all(map(_counts_up, body)):
        return True
    columns = list(zip(*(row for row in body if len(row) == len(first)), strict=True)) or [()] * len(first)
    votes = sum(map(_vote, first, columns))
    names_all = all(look(cell) == "word" for cell in first) and len(set(first)) == len(first)
    return votes > 0 or (votes == 0 and names_all)


def look(cell: str) -> Literal["missing", "typed", "word"]:
    """Return the look of a cell: missing, typed (a number, a time, true or false), or a word."""
    if cell in MISSING:
        return "missing"
    typed = NUMBER.fullmatch(cell) or TIME.fullmatch(cell) or cell.lower() in ("true", "false")
    return "typed" if typed else "word"


def _fitness(sample: str, delimiter: str) -> tuple[bool, float, float, int]:
    rows = sniff_rows(sample, Dialect(delimiter, _quote(sample, delimiter)), whole=False)
    (width, count), *_ = Counter(map(len, rows)).most_common(1) or [(1, 0)]
    if width == 1:
        return (False, 0.0, 0.0, 0)
    cells = [cell for row in rows for cell in row]
    others = [other for other in list(DELIMITERS)[:-1] if other != delimiter]
    unclean = sum(any(other in cell for other in others) and not DECIMAL.fullmatch(cell) for cell in cells)
    share = count / len(rows)
    return (share >= SHARE, 1 - unclean / len(cells), share, width)


def _quote(sample: str, delimiter: str) -> str:
    found = {
        quote: len(re.findall(rf"(?:^|{re.escape(delimiter)})\s*{quote}[^{quote}\n]*{quote}\s*(?:$|{re.escape(delimiter)})", sample, re.MULTILINE))
        for quote in "\"'"
    }  # fmt: skip
    return "'" if found["'"] and not found['"'] else '"'


def _vote(first: str, body: Sequence[str]) -> int:
    looks = Counter(map(look, body))
    typed, present = looks["typed"], looks["typed"] + looks["word"]
    if present and typed >= SHARE * present:
        return {"word": 1, "typed": -1, "missing": 0}[look(first)]
    return -1 if first in body or look(first) == "typed" else 0


def _counts_up(row: Sequence[str]) -> bool:
    """Return whether a row holds 0, 1, 2, ... or years one after another, as names of columns do."""
    numbers = [int(cell) for cell in row if cell.isascii() and cell.isdigit()]
    start = numbers[0] if numbers else -1
    if len(numbers) < 3 or not (start == 0 or 1900 <= start <= 2100):
        return False
    return numbers == list(range(start, start + len(numbers)))
