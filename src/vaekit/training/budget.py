"""How many steps fit into a time limit: measured once, after warm-up steps, and then kept."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

__all__ = ["Stopwatch", "validations"]

_UNTIMED = 10  # the first steps pay for caches, threads and compilation
_TIMED = 20
_MARGIN = 0.96
MOST_VALIDATIONS = 40


@dataclass
class Stopwatch:
    """Times steps until a time limit can be turned into a number of steps.

    Args:
        seconds: What may still be spent, from now.
    """

    seconds: float
    steps: int = 0
    started: float = field(default_factory=time.perf_counter)
    _timed_from: float = 0.0

    def tick(self) -> bool:
        """Count a step; say whether enough of them are timed."""
        self.steps += 1
        now = time.perf_counter()
        if self.steps == _UNTIMED:
            self._timed_from = now
        if now - self.started > self.seconds / 2:
            return True
        timed = now - self._timed_from > min(8.0, self.seconds / 20)
        return timed and self.steps >= _UNTIMED + _TIMED

    @property
    def per_step(self) -> float:
        """Seconds per step; the first steps count where there are no others."""
        now = time.perf_counter()
        if self.steps <= _UNTIMED:
            return (now - self.started) / self.steps
        return (now - self._timed_from) / (self.steps - _UNTIMED)

    def remaining_steps(self, per_step: float, per_validation: float) -> int:
        """Return how many more steps fit, validations included."""
        left = (self.seconds - (time.perf_counter() - self.started)) * _MARGIN
        left -= max(per_validation, min(0.1 * left, MOST_VALIDATIONS * per_validation))
        return max(1, math.floor(left / per_step))


def validations(steps: int, steps_per_epoch: int, per_step: float = 0.0, per_validation: float = 0.0) -> int:
    """Return the steps between two validations: 40 of them and a tenth of the time at most.

    They are an epoch apart at least, but in a run of few epochs there are ten, so that it has curves.

    Examples:
        >>> validations(steps=3300, steps_per_epoch=11)
        83
    """
    affordable = MOST_VALIDATIONS
    if per_validation > 0:
        affordable = max(1, min(affordable, math.floor(0.1 * steps * per_step / per_validation)))
    return max(min(steps_per_epoch, math.ceil(steps / 10)), math.ceil(steps / affordable))
