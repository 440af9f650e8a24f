"""A check: one number, its threshold, and what to do if the number passes the threshold."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from vaekit.diagnosis.examination import Examination
from vaekit.diagnosis.finding import Finding, Severity

__all__ = ["Check"]


@dataclass(frozen=True)
class Check:
    """The rule for one finding: a number beyond a threshold, so that both can be tested and calibrated.

    Args:
        name: The name of the finding, in snake_case.
        measure: What the number is, with its unit, as a phrase: "the rate in nats per datum".
        value: Returns the number, or None where the check does not apply.
        fires: On which side of the threshold.
        threshold: Chosen on the clinic's tuning runs.
        severity: The severity of the finding.
        explanation: What it means, in two sentences at most.
        source: Author, year, title.
        remedy: What to do, in words.
        prescription: Returns the keys to try, `key=value`; they must bring the number back towards the threshold.
        effect: What to expect.
        where: Returns the place of the number, such as a column; empty if it is about the whole model.
    """

    name: str
    measure: str
    value: Callable[[Examination], float | None]
    fires: Literal["above", "below"]
    threshold: float
    severity: Severity
    explanation: str
    source: str
    remedy: str
    prescription: Callable[[Examination], tuple[str, ...]]
    effect: str
    where: Callable[[Examination], str] = lambda _examination: ""

    def is_found(self, value: float | None) -> bool:
        """Return whether a number lies beyond the threshold; a number that is not finite always does."""
        if value is None:
            return False
        return not math.isfinite(value) or (value > self.threshold if self.fires == "above" else value < self.threshold)

    def __call__(self, examination: Examination) -> Finding | None:
        """Return the finding, or None."""
        value = self.value(examination)
        if value is None or not self.is_found(value):
            return None
        finite, place = math.isfinite(value), self.where(examination)
        beyond = "more than" if self.fires == "above" else "less than"
        measure = f"{self.measure}, {place}" if place else self.measure
        return Finding(
            name=self.name,
            severity=self.severity,
            evidence=f"{measure}: {value:.4g}, {beyond} {self.threshold:.4g}" if finite else f"{measure}: {value}",
            explanation=self.explanation,
            source=self.source,
            prescription=self.prescription(examination),
            remedy=self.remedy,
            effect=self.effect,
            measure=self.measure,
            value=value if finite else math.copysign(1e308, value),
            threshold=self.threshold,
        )
