"""A check: one number, its threshold, and what to do if the number passes the threshold."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from vaekit.diagnosis.examination import Examination
from vaekit.diagnosis.finding import SEVERITIES, Finding, Severity
from vaekit.diagnosis.held_keys import holds

__all__ = ["Check", "no_keys"]

_FAR = 3.0  # times the threshold, beyond which a finding is a degree more severe
_NOTHING_LEFT = "The run has all keys that would help already, so none is left to try."


def no_keys(_examination: Examination) -> tuple[str, ...]:
    """Prescribe nothing: no key is about this finding."""
    return ()


@dataclass(frozen=True)
class Check:
    """The rule for one finding: a number beyond a threshold, so that both can be tested and calibrated.

    Args:
        name: The name of the finding, in snake_case.
        measure: What the number is, with its unit, as a phrase: "the rate in nats per datum".
        value: Returns the number, or None where the check does not apply.
        fires: On which side of the threshold.
        threshold: Chosen on the clinic's tuning runs.
        severity: The severity of the finding at its threshold.
        explanation: What it means, in two sentences at most.
        source: Author, year, title.
        remedy: What to do, in words.
        prescription: Returns the keys to try, `key=value`; they must bring the number back towards the threshold.
        effect: What to expect.
        where: Returns the place of the number, such as a column; empty if it is about the whole model.
        far: The number from which the finding is a degree more severe; by default three times the threshold, or a third of
            it where the finding is below.
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
    far: float | None = None

    def is_found(self, value: float | None) -> bool:
        """Return whether a number lies beyond the threshold; a number that is not finite always does."""
        if value is None:
            return False
        return not math.isfinite(value) or (value > self.threshold if self.fires == "above" else value < self.threshold)

    def severity_of(self, value: float) -> Severity:
        """Return the severity, which grows with the distance beyond the threshold."""
        above = self.fires == "above"
        far = self.threshold * (_FAR if above else 1 / _FAR) if self.far is None else self.far
        is_far = not math.isfinite(value) or (value > far if above else value < far)
        return SEVERITIES[max(0, SEVERITIES.index(self.severity) - is_far)]

    def prescribed(self, examination: Examination) -> tuple[str, ...]:
        """Return the keys to try, none if they would train the same run again."""
        keys = self.prescription(examination)
        return () if all(holds(examination.subject, key) for key in keys) else keys

    def __call__(self, examination: Examination) -> Finding | None:
        """Return the finding, or None."""
        value = self.value(examination)
        if value is None or not self.is_found(value):
            return None
        finite, place = math.isfinite(value), self.where(examination)
        beyond = "more than" if self.fires == "above" else "less than"
        measure = f"{self.measure}, {place}" if place else self.measure
        keys = self.prescribed(examination)
        is_cured_by_keys = self.prescription is not no_keys and examination.subject.description is not None
        return Finding(
            name=self.name,
            severity=self.severity_of(value),
            evidence=f"{measure}: {value:.4g}, {beyond} {self.threshold:.4g}" if finite else f"{measure}: {value}",
            explanation=self.explanation,
            source=self.source,
            prescription=keys,
            remedy=f"{self.remedy} {_NOTHING_LEFT}" if is_cured_by_keys and not keys else self.remedy,
            effect=self.effect,
            measure=self.measure,
            value=value if finite else math.copysign(1e308, value),
            threshold=self.threshold,
        )
