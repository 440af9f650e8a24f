"""Numbers and durations as people read them: one way for the terminal, the report and the measures."""

from __future__ import annotations

import math

__all__ = ["duration", "number"]


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
