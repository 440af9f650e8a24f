"""What the doctor says: a finding with its evidence, its explanation and its prescription."""

from __future__ import annotations

from typing import Literal, TypeAlias

from vaekit.value import Value

__all__ = ["SEVERITIES", "Finding", "Severity"]

Severity: TypeAlias = Literal["severe", "warning", "info"]
"""severe: the model or its numbers cannot be trusted; warning: it could be clearly better; info: good to know."""

SEVERITIES: tuple[Severity, ...] = ("severe", "warning", "info")
"""Worst first."""


class Finding(Value):
    """One pathology that was found."""

    name: str
    """What it is called, in snake_case."""
    severity: Severity
    """How bad it is."""
    evidence: str
    """A sentence with the number that was measured and the threshold that it passed."""
    explanation: str
    """What it means, in two sentences at most."""
    source: str
    """Author, year, title of where that is known from; empty where it needs no source."""
    prescription: tuple[str, ...]
    """The keys to try, `key=value` as `vaekit fit` takes them; empty where no key cures it."""
    remedy: str
    """What to do, in words."""
    effect: str
    """What to expect of it."""
    measure: str
    """What was measured, with its unit."""
    value: float
    """The number."""
    threshold: float
    """The number that it passed."""
