"""The meaning of a typed value: the rules of YAML, except where they surprise."""

from __future__ import annotations

import re
from typing import Any

from vaekit.data.foreign import read_yaml
from vaekit.errors import shortened

__all__ = ["HUGE", "is_number", "read_value", "seconds_of", "shown"]

_LONGEST = 366 * 86400.0
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

HUGE = 2**63
"""The first whole number that does not fit into 64 bits."""


def read_value(path: str, text: str) -> Any:
    """Return the value that the text after `path=` stands for.

    Raises:
        ValueError: The text stands for no value.

    Examples:
        >>> read_value("lr", "1e-3"), read_value("epochs", "1e9"), read_value("size", "0x64")
        (0.001, 1000000000, '0x64')
    """
    if path == "delimiter" and len(text) == 1:
        return text  # YAML would read some characters as syntax
    try:
        value = read_yaml(text)
    except ValueError as error:
        raise ValueError(f"the value of {path} cannot be read: {shortened(repr(text))}") from error
    if re.fullmatch(r"\s*0x\d+\s*", text):
        return text.strip()  # a size, not a hexadecimal number
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+", value):
        number = float(value)  # YAML 1.1 reads 1.0e+9 as a number and 1e9 as a text
        return int(number) if number.is_integer() and abs(number) < HUGE else number
    return value


def is_number(value: Any) -> bool:
    """Whether a value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def shown(value: Any) -> str:
    """Return a value in the form that a user would type."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else shortened(value)


def seconds_of(text: str) -> float:
    """Return seconds from `90`, `90s`, `10m`, `1h30m` or `+10m`.

    Raises:
        ValueError: The text has another form.

    Examples:
        >>> seconds_of("1h30m")
        5400.0
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip().removeprefix("+").lower())
    if not parts or "".join(n + u for n, u in parts) != text.strip().removeprefix("+").lower():
        raise ValueError(f"a time is written like 90s, 10m or 1h30m, got {text!r}")
    seconds = sum(float(number) * _UNITS[unit or "s"] for number, unit in parts)
    if not 0 < seconds <= _LONGEST:
        raise ValueError(f"a time limit must be positive and finite, and at most a year, got {shortened(text)!r}")
    return seconds
