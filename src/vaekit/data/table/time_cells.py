"""Times as people write them: ISO 8601, or day, month and year in another order; with or without a time zone."""

from __future__ import annotations

from typing import Any, NamedTuple

from vaekit.data.arrow import pa, pc
from vaekit.data.table.number_cells import all_match, cast_cells

__all__ = ["Times", "parse_times"]

UNITS = ("s", "ms", "us", "ns")

CLOCK = r"(?:[T ,]\s*\d{1,2}(?::\d{2}){0,2}(?:\.\d{1,9})?(?:\s?[AaPp]\.?[Mm]\.?)?(?:\s?(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?)?"
NAMES = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
MONTH = rf"(?i:{'|'.join(NAMES)})[a-z]*\.?"

LAYOUTS = (
    (rf"\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}{CLOCK}", r"^(\d+).(\d+).(\d+)", r"\1-\2-\3"),
    (rf"\d{{1,2}}[-/.]\d{{1,2}}[-/.]\d{{4}}{CLOCK}", r"^(\d+).(\d+).(\d+)", r"\3-\2-\1"),
    (rf"\d{{1,2}}[-/.]\d{{1,2}}[-/.]\d{{4}}{CLOCK}", r"^(\d+).(\d+).(\d+)", r"\3-\1-\2"),
    (rf"\d{{1,2}}[-. ]+{MONTH}[-, ]+\d{{4}}{CLOCK}", rf"^(\d+)[-. ]+({MONTH})[-, ]+(\d+)", r"\3-\2-\1"),
    (rf"{MONTH} \d{{1,2}},? \d{{4}}{CLOCK}", rf"^({MONTH}) (\d+),? (\d+)", r"\3-\1-\2"),
    (r"\d{4}[-/]\d{2}", r"^(\d+).(\d+)$", r"\1-\2-01"),
)
"""What a time looks like, and how it becomes one of ISO 8601: year, month, day."""

ZONE = r"(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)$"


class Times(NamedTuple):
    """Times, and a note about how they were read."""

    values: Any
    note: str = ""


def parse_times(cells: Any) -> Times | None:
    """Read cells as times, in the coarsest unit that holds them; None if some are none.

    If no cell distinguishes day and month, the month comes first between slashes, and the day first otherwise.

    Args:
        cells: An array of strings; nulls stay null.

    >>> parse_times(pa.array(["2024-02-29T10:00+02:00"])).values.type, parse_times(pa.array(["2023-02-29"]))
    (TimestampType(timestamp[s, tz=+02:00]), None)
    """
    if not len(cells) or not all_match(cells, r"[A-Za-z]{0,9}\.? ?\d.*\d.*", 1):
        return None
    direct = _zoned(cells)
    if direct is not None:
        return direct
    found = [times for layout in LAYOUTS if (times := _rewritten(cells, *layout)) is not None]
    if len(found) < 2:
        return found[0] if found else None
    if found[0].values.equals(found[1].values):
        return found[0]
    day_first = not pc.any(pc.match_substring(cells, "/")).as_py()
    example = pc.filter(cells, pc.not_equal(found[0].values, found[1].values))[0].as_py()
    order = "day before month" if day_first else "month before day"
    chosen = found[0 if day_first else 1]
    return Times(chosen.values, f"{example!r} could be two days: read as {order}")


def _rewritten(cells: Any, pattern: str, parts: str, iso: str) -> Times | None:
    if not all_match(cells, pattern):
        return None
    cells = pc.replace_substring_regex(cells, parts, iso)
    if "[a-z]" in parts:
        for number, name in enumerate(NAMES, 1):
            cells = pc.replace_substring_regex(cells, rf"(?i)-{name}[a-z]*\.?(-|$)", rf"-{number}\1")
    for what, by in ((r"-(\d)\b", r"-0\1"), (r"^(\S{10})[T ,]+(\d):", r"\1 0\2:"), (r"^(\S{10}),\s*", r"\1 ")):
        cells = pc.replace_substring_regex(cells, what, by)
    return _zoned(cells)


def _zoned(cells: Any) -> Times | None:
    """Read times of ISO 8601, all with a zone or all without."""
    half = pc.match_substring_regex(cells, r"(?i)[ap]\.?m\.?\b")
    if pc.any(half).as_py():
        return _half_days(cells, half)
    if not all_match(cells, rf".*:.*{ZONE}"):
        values = _cast(cells, None)
        return None if values is None else Times(values)
    for what, by in ((r"\s?(?:UTC|GMT)$", "Z"), (r"\s([+-]\d\d)", r"\1")):
        cells = pc.replace_substring_regex(cells, what, by)
    marks = pc.replace_substring_regex(cells, rf"^.*?({ZONE})", r"\1").unique().drop_null()
    zones = list({_offset(mark) for mark in marks.to_pylist()})
    values = _cast(cells, zones[0] if len(zones) == 1 else "UTC")
    note = f"times of {len(zones)} zones are brought to UTC" if len(zones) > 1 else ""
    return None if values is None else Times(values, note)


def _half_days(cells: Any, half: Any) -> Times | None:
    """Read times of twelve hours, all with AM or PM."""
    if pc.all(half).as_py() is False:
        return None
    values = _cast(pc.replace_substring_regex(cells, r"(?i)\s?[ap]\.?m\.?$", ""), None)
    if values is None or pc.any(pc.greater(pc.hour(values), 12)).as_py():
        return None
    late, noon = pc.match_substring_regex(cells, r"(?i)p\.?m\.?$"), pc.equal(pc.hour(values), 12)
    shift = pc.subtract(pc.cast(late, pa.int64()), pc.cast(noon, pa.int64()))
    seconds = pc.cast(pc.multiply(shift, 12 * 3600), pa.duration("s"))
    return Times(pc.cast(pc.add(values, seconds), values.type))


def _offset(zone: str) -> str:
    digits = zone.replace(":", "")
    return "UTC" if digits in ("Z", "+0000", "-0000", "+00", "-00") else f"{digits[:3]}:{digits[3:] or '00'}"


def _cast(cells: Any, zone: str | None) -> Any | None:
    found = (cast_cells(cells, pa.timestamp(unit, zone)) for unit in UNITS)
    return next((times for times in found if times is not None), None)
