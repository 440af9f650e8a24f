"""From columns of strings to columns of types: missing cells, numbers, booleans, times.

The distinct cells of a column are converted in one vectorized step, and then spread over its rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from vaekit.data.arrow import pa, pc
from vaekit.data.delimited.options import MISSING
from vaekit.data.table import number_cells
from vaekit.data.table.raw import ReadOptions
from vaekit.data.table.time_cells import parse_times

__all__ = ["type_strings"]

MIXED_SHARE, MIXED_WORDS = 0.95, 5
"""A column with at least this share of numbers and at most so many words is a mistake, not a column of words."""


ROWS = 20_000
"""The first rows of a column tell whether its cells repeat."""


@dataclass(frozen=True)
class _Column:
    """The distinct cells of a column, null if they are missing, and where each occurs; all cells if `rows` is None."""

    name: str
    cells: Any
    rows: Any | None
    style: number_cells.NumberStyle | None = None

    def spread(self, values: Any) -> Any:
        return values if self.rows is None else values.take(self.rows)


@dataclass
class _Findings:
    """The columns that a note names, by mark of missing cells and by sentence."""

    marks: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    columns: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def notes(self) -> tuple[str, ...]:
        marks = (f"{mark!r} marks a missing cell in {_list(names)}" for mark, names in self.marks.items())
        return (*marks, *(f"{what}: {_list(names)}" for what, names in self.columns.items()))


def type_strings(table: Any, options: ReadOptions, source: str) -> tuple[Any, tuple[str, ...]]:
    """Give each column of strings its type: int64, float64, bool, timestamp, or string; missing cells become null.

    Args:
        table: A pyarrow.Table of strings without nulls.
        options: The marks of missing cells, and the columns that stay strings.
        source: What the table is called in errors.

    Returns:
        The table of types, and what was found, in sentences.

    Raises:
        ValueError: If a column mixes numbers with a few words, or holds infinity; it is named.
    """
    findings = _Findings()
    marks = pa.array(sorted(MISSING | {mark.strip() for mark in options.missing}))
    columns = [_column(name, table.column(name), marks, options.strings, findings) for name in table.column_names]
    del table
    comma = any(column.style is not None and column.style.style == "comma" for column in columns)
    arrays = {}
    while columns:  # the strings of a column are let go as soon as it has its type
        column = columns.pop(0)
        typed = column.cells if column.name in options.strings else _typed(column, comma, findings, source)
        if typed is column.cells and column.name not in (*options.strings, *options.mixed):
            _refuse_mixed(column, source)
        arrays[column.name] = column.spread(typed)
    return pa.table(arrays), findings.notes()


def _column(name: str, column: Any, marks: Any, strings: Iterable[str], findings: _Findings) -> _Column:
    distinct, rows = _distinct(column)
    stripped = pc.utf8_trim_whitespace(distinct)
    if pc.any(pc.not_equal(stripped, distinct)).as_py():
        findings.columns["spaces around the cells are removed"].append(name)
    missing = pc.is_in(stripped, value_set=marks)
    for mark, count in _count_marks(stripped, missing, rows).items():
        findings.marks[mark].append(f"{name} ({count:,})")
    cells = pc.if_else(missing, pa.scalar(None, pa.string()), stripped)
    plain = name in strings or number_cells.parse_plain(cells) is not None
    style = None if plain else number_cells.number_style(cells)
    return _Column(name, cells, rows, style)


def _distinct(column: Any) -> tuple[Any, Any | None]:
    """Return the distinct cells and where each occurs; all cells and None where most occur once, for then it is no gain."""
    first = column.slice(0, ROWS)
    if len(column) > ROWS and len(first.unique()) > ROWS // 2:
        return column.combine_chunks(), None
    coded = column.combine_chunks().dictionary_encode()
    return coded.dictionary, coded.indices


def _count_marks(stripped: Any, missing: Any, rows: Any | None) -> dict[str, int]:
    if not pc.any(missing).as_py():
        return {}
    marks = pc.if_else(missing, stripped, pa.scalar(None, pa.string()))
    found = (marks if rows is None else marks.take(rows)).drop_null().value_counts()
    return {one["values"]: one["counts"] for one in found.to_pylist()}


def _typed(column: _Column, comma: bool, findings: _Findings, source: str) -> Any:
    """Return the distinct cells of a column in its type."""
    cells = column.cells
    if cells.null_count == len(cells):
        return cells
    numbers = _numbers(column, comma, findings)
    if numbers is not None:
        _refuse_infinity(column, numbers, source)
        return numbers
    lower = pc.utf8_lower(cells) if len(cells) <= 16 else None
    if lower is not None and set(lower.drop_null().to_pylist()) <= {"true", "false"}:
        return pc.equal(lower, "true")
    times = parse_times(cells)
    if times is not None:
        if times.note:
            findings.columns[times.note].append(column.name)
        return times.values
    return cells


def _numbers(column: _Column, comma: bool, findings: _Findings) -> Any | None:
    cells, style = column.cells, column.style
    if style is None:
        numbers = number_cells.parse_plain(cells)
        if numbers is None or not comma or not number_cells.points_are_thousands(cells):
            return numbers
        style = number_cells.NumberStyle("comma")
    numbers = number_cells.parse_numbers(cells, style, comma=comma)
    if numbers is None:
        if style.style == "plain":
            findings.columns["digits with leading zeros, or beyond 64 bits, stay strings"].append(column.name)
        return None
    changed = pc.indices_nonzero(pc.fill_null(pc.match_substring_regex(cells, r"[^\d.+-]|\..*\."), False))
    place = changed[0].as_py() if len(changed) else 0
    findings.columns[f"{cells[place].as_py()!r} is read as {numbers[place].as_py()}"].append(column.name)
    return numbers


def _refuse_infinity(column: _Column, numbers: Any, source: str) -> None:
    if not pa.types.is_floating(numbers.type) or not pc.any(pc.is_inf(numbers)).as_py():
        return
    row = pc.index(column.spread(pc.is_inf(numbers)), True).as_py()
    cell = column.spread(column.cells)[row].as_py()
    raise ValueError(
        f"column {column.name!r} of {source} must hold finite numbers, but row {row + 1} has {cell!r};"
        f" repair it, or declare it missing with missing_marks={cell}"
    )


def _refuse_mixed(column: _Column, source: str) -> None:
    """Refuse a column of numbers with a few words: as words it would silently lose its order."""
    if len(_words(column.cells.slice(0, ROWS))) > MIXED_WORDS:
        return
    words = _words(column.cells)
    if not 0 < len(words) <= MIXED_WORDS:
        return
    every = column.spread(column.cells).drop_null()
    strange = pc.sum(pc.cast(pc.is_in(every, value_set=words), pa.int64())).as_py()
    share = 1 - strange / len(every)
    if share >= MIXED_SHARE:
        shown = words.to_pylist()[:3]
        raise ValueError(
            f"column {column.name!r} of {source} must hold numbers or words, but {_percent(share)} of its cells are numbers"
            f" and {strange} are words such as {', '.join(map(repr, shown))}; declare them missing with"
            f" missing_marks={','.join(words.to_pylist())}, or the column categorical in schema.yaml"
        )


def _words(cells: Any) -> Any:
    return pc.filter(cells, pc.invert(pc.fill_null(number_cells.written_as_number(cells), True))).unique()


def _percent(share: float) -> str:
    return f"{min(100 * share, 99.9):.3g} %"


def _list(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
