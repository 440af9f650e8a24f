"""Temperatures of the draws of each group of latents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from vaekit.errors import real, shortened

__all__ = ["Temperature", "temperatures"]

Temperature: TypeAlias = float | Sequence[Any]
"""One number for all groups of latents, one for each from the top down, or `("linear", a, b)`: from a at the top to b."""


def temperatures(given: Temperature, groups: int) -> tuple[float, ...]:
    """Return the temperature of each group, from the top one down.

    Raises:
        ValueError: There is another number of them than of groups, or one is no number or negative.

    Examples:
        >>> temperatures(0.7, 2), temperatures([1, 0.5], 2), temperatures(("linear", 1, 0.5), 3)
        ((0.7, 0.7), (1.0, 0.5), (1.0, 0.75, 0.5))
    """
    if not isinstance(given, Iterable) or isinstance(given, str | bytes) or getattr(given, "ndim", 1) == 0:
        return (real("temperature", given, 0),) * groups
    several = list(given)
    if several[:1] == ["linear"] and len(several) == 3:
        first, last = (real("temperature", one, 0) for one in several[1:])
        return tuple(first + (last - first) * i / max(1, groups - 1) for i in range(groups))
    if len(several) != groups:
        many = (
            f"one for each of the {groups} groups of latents" if groups > 1 else "this model has one group of latents"
        )
        got = shortened(repr(several))
        raise ValueError(f"temperature is a number, a list of them ({many}), or ('linear', first, last), got {got}")
    return tuple(real("temperature", one, 0) for one in several)
