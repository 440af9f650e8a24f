"""Numbers and durations as people read them: one way for the terminal, the report and the measures."""

from __future__ import annotations

import math
import re

__all__ = ["CONTROLS", "duration", "number", "visible"]

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Control characters but for line ends and tabs, separators of lines, and marks that turn the direction of writing."""


def number(value: float | None, digits: int = 2) -> str:
    """Return a number with some digits; `unknown` if it is missing."""
    return "unknown" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def duration(seconds: float) -> str:
    """Return seconds as hours, minutes and seconds.

    Examples:
        >>> duration(125)
        '2m05s'
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else (f"{minutes}m{rest:02}s" if minutes else f"{rest}s")


def visible(text: str) -> str:
    r"""Return text for a terminal with its control characters written out: they could move the cursor, or rewrite lines.

    Examples:
        >>> print(visible(f"a{chr(27)}[2Jb"))
        a\x1b[2Jb
    """
    return CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
