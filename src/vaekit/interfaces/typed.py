"""What a typed value means: the rules of YAML, where they do not surprise."""

from __future__ import annotations

import re
from typing import Any

import yaml

__all__ = ["HUGE", "is_number", "read_value", "shown"]

HUGE = 2**63
"""From here on a whole number does not fit what computes with it."""


def read_value(path: str, text: str) -> Any:
    """Return the value that the text after `path=` stands for.

    Raises:
        ValueError: It stands for none.

    Examples:
        >>> read_value("lr", "1e-3"), read_value("epochs", "1e9"), read_value("size", "0x64")
        (0.001, 1000000000, '0x64')
    """
    if path == "delimiter" and len(text) == 1:
        return text  # which may be syntax to YAML
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"the value of {path} cannot be read: {text!r}") from error
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
    """Return a value as it is typed."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
