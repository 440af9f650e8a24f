"""Accidents of training: steps whose gradients were not finite, steps that were skipped or taken back, spikes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from vaekit.diagnosis.finite import non_finite
from vaekit.diagnosis.subject import Subject

__all__ = ["Accidents", "accidents"]

_SPIKE = 10.0  # times the usual change between validations


@dataclass(frozen=True)
class Accidents:
    """What went wrong in training.

    Args:
        steps: Steps of the optimizer.
        skipped: Steps that were skipped.
        rollbacks: How often training returned to an earlier state.
        spikes: Validations at which the training bound lay far below those before and after.
        validations: Number of validations.
        non_finite: Steps whose loss or gradient was not finite, and tensors of the model that are not finite now.
    """

    steps: int
    skipped: int
    rollbacks: int
    spikes: int
    validations: int
    non_finite: int

    @property
    def lost(self) -> float:
        """Share of training that was lost: skipped steps, and a stretch between validations per rollback and spike."""
        if not self.steps:
            return 0.0
        return self.skipped / self.steps + (self.rollbacks + self.spikes) / max(self.validations, 1)


def accidents(subject: Subject) -> Accidents:
    """Count the accidents of a run."""
    history = subject.history
    last = history[-1] if history else {}
    return Accidents(
        steps=int(last.get("step") or 0),
        skipped=int(last.get("skipped") or 0),
        rollbacks=int(last.get("rollbacks") or 0),
        spikes=_spikes(list(_train_elbo(subject))),
        validations=len(history),
        non_finite=int(last.get("non_finite") or 0) + non_finite(subject.model),
    )


def _train_elbo(subject: Subject) -> Iterator[float]:
    """Yield the training bounds after the end of all schedules; before, they move by design."""
    for row in subject.history:
        value = row.get("train_elbo")
        if row.get("step", 0) >= subject.objective.schedule_end and isinstance(value, float) and math.isfinite(value):
            yield value


def _spikes(values: list[float]) -> int:
    if len(values) < 5:
        return 0
    changes = [abs(b - a) for a, b in pairwise(values)]
    limit = _SPIKE * statistics.median(changes)
    triples = zip(values, values[1:], values[2:], strict=False)
    return sum(min(before, after) - value > limit for before, value, after in triples)
