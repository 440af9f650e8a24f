"""Numbers as people write them: with a decimal comma, marks between the thousands, a currency or a percent sign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from vaekit.data.arrow import pa, pc

__all__ = [
    "NumberStyle", "all_match", "cast_cells", "number_style", "parse_numbers", "parse_plain", "points_are_thousands",
    "written_as_number",
]  # fmt: skip

SAMPLE = 256
"""The number of cells that are tried first: they suffice to reject most columns that do not fit."""

GAP = "[ '\u2019\u00a0\u202f]"
"""What comes between the thousands besides commas and points."""

PLAIN = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
THOUSANDS = rf"[1-9]\d{{0,2}}(?:(?:,|{GAP})\d{{3}})+(?:\.\d*)?"
COMMA = rf"(?:\d+|[1-9]\d{{0,2}}(?:(?:\.|{GAP})\d{{3}})+)(?:,\d*)?(?:[eE][+-]?\d+)?"
POINTS = r"[1-9]\d{0,2}(?:\.\d{3})*"

AFFIX = r"^[$€£¥]\s?|\s?[%€$£¥]$"


@dataclass(frozen=True)
class NumberStyle:
    """How the numbers of a column are written.

    Args:
        style: "thousands" as in 1,234.5; "comma" as in 1.234,5; "either" where all are as 1,234.
        affix: Whether a sign of currency or percent stands beside them.
    """

    style: Literal["plain", "thousands", "comma", "either"]
    affix: bool = False


def parse_plain(cells: Any) -> Any | None:
    """Read cells as int64, or else float64; None if some are no plain numbers, or integers that would lose digits.

    Integers keep all their digits: with leading zeros, or beyond 64 bits, they are codes and no numbers.

    >>> parse_plain(pa.array(["1", "2"])).type, parse_plain(pa.array(["1.50", "2"])).type, parse_plain(pa.array(["007"]))
    (DataType(int64), DataType(double), None)
    """
    integers = cast_cells(cells, pa.int64())
    if integers is not None:
        return integers if pc.all(pc.equal(pc.cast(integers, pa.string()), cells)).as_py() is not False else None
    numbers = cast_cells(cells, pa.float64())
    if numbers is None:
        return None
    large = pc.filter(cells, pc.greater_equal(pc.abs(numbers), 2.0**63))
    return numbers if not len(large) or not all_match(large, r"[+-]?\d+") else None


def number_style(cells: Any) -> NumberStyle | None:
    """Find how the numbers in all cells are written; None if some cells are no numbers.

    >>> number_style(pa.array(["1.234,5", "7"])), number_style(pa.array(["1,234", "7"])), number_style(pa.array(["a"]))
    (NumberStyle(style='comma', affix=False), NumberStyle(style='either', affix=False), None)
    """
    if not pc.any(written_as_number(cells.slice(0, SAMPLE))).as_py():
        return None
    affix = bool(pc.any(pc.match_substring_regex(cells, AFFIX)).as_py())
    bare = _bare(cells) if affix else cells
    if all_match(bare, rf"[+-]?{PLAIN}"):
        return NumberStyle("plain", affix)
    thousands = all_match(bare, rf"[+-]?(?:{THOUSANDS}|{PLAIN})")
    comma = all_match(bare, rf"[+-]?{COMMA}")
    if not thousands and not comma:
        return None
    return NumberStyle("either" if thousands and comma else "thousands" if thousands else "comma", affix)


def parse_numbers(cells: Any, style: NumberStyle, *, comma: bool) -> Any | None:
    """Read cells written in a style as int64 or float64; None if some are no numbers after all.

    Args:
        cells: An array of strings.
        style: How they are written.
        comma: Whether what could be either is written with a decimal comma.
    """
    bare = _bare(cells) if style.affix else cells
    if style.style == "comma" or (style.style == "either" and comma):
        bare = pc.replace_substring(pc.replace_substring_regex(bare, rf"\.|{GAP}", ""), ",", ".")
    elif style.style != "plain":
        bare = pc.replace_substring_regex(bare, rf",|{GAP}", "")
    return parse_plain(bare)


def points_are_thousands(cells: Any) -> bool:
    """Return whether all cells could be integers as 1.234, where other columns have a decimal comma."""
    return all_match(cells, rf"[+-]?{POINTS}") and bool(pc.any(pc.match_substring(cells, ".")).as_py())


def written_as_number(cells: Any) -> Any:
    """Return which cells hold a number in any of the styles, as an array of bools."""
    return pc.match_substring_regex(_bare(cells), rf"^[+-]?(?:{PLAIN}|{THOUSANDS}|{COMMA})$")


def all_match(cells: Any, pattern: str, count: int | None = None) -> bool:
    """Return whether all cells, or the first of them, match a pattern as a whole; nulls do."""
    for part in (cells.slice(0, SAMPLE), cells.slice(0, count)):
        if pc.all(pc.match_substring_regex(part, f"^(?:{pattern})$")).as_py() is False:
            return False
    return True


def cast_cells(cells: Any, wanted: Any) -> Any | None:
    """Cast strings to a type; None if one of them does not fit."""
    try:
        # Arrow words an error for each cell that fails, which takes long where all of them do.
        pc.cast(cells.slice(0, SAMPLE), wanted)
        return pc.cast(cells, wanted)
    except pa.ArrowInvalid:
        return None


def _bare(cells: Any) -> Any:
    return pc.replace_substring_regex(pc.replace_substring_regex(cells, r"^([+-])([$€£¥])\s?", r"\1"), AFFIX, "")
