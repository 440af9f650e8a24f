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
    """One pathology that was found.

    Attributes:
        name: What it is called, in snake_case.
        severity: How bad it is.
        evidence: A sentence with the number that was measured and the threshold that it passed.
        explanation: What it means, in two sentences at most.
        source: Author, year and title of the source; empty if it needs none.
        prescription: The keys to try, `key=value` as `vaekit fit` takes them; empty if no key cures it.
        remedy: What to do, in words.
        effect: What to expect of it.
        measure: What was measured, with its unit.
        value: The number.
        threshold: The number that it passed.
        explained_by: The name of another finding of the same run that explains this one; empty if there is none.
    """

    name: str
    severity: Severity
    evidence: str
    explanation: str
    source: str
    prescription: tuple[str, ...]
    remedy: str
    effect: str
    measure: str
    value: float
    threshold: float
    explained_by: str = ""
