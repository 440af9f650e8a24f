"""How many steps fit into a time limit: measured after warm-up steps, and never more of them afterwards."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

__all__ = ["NEVER", "Deadline", "Pace", "Stopwatch", "validations"]

_UNTIMED = 10  # the first steps pay for caches, threads and compilation
_TIMED = 20
_MARGIN = 0.96
_GLANCE = 0.05  # seconds of steps between two looks at the clock
_WINDOW = 0.05  # part of the limit over which the pace is measured
_TOLERANCE = 0.05  # by which the last step may come too late before it is moved
MOST_VALIDATIONS = 40


@dataclass(frozen=True)
class Deadline:
    """A moment at which work must have ended.

    Args:
        at: On the clock of `time.perf_counter`; infinity if there is no limit.
    """

    at: float = math.inf

    @property
    def left(self) -> float:
        """Seconds until then; negative afterwards."""
        return self.at - time.perf_counter()

    def before(self, seconds: float) -> Deadline:
        """Return the moment so many seconds earlier."""
        return Deadline(self.at - seconds)


NEVER = Deadline()


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
        left = self.left * _MARGIN
        left -= max(per_validation, min(0.1 * left, MOST_VALIDATIONS * per_validation))
        return max(1, math.floor(left / per_step))

    @property
    def left(self) -> float:
        """Seconds that may still be spent."""
        return self.seconds - (time.perf_counter() - self.started)


@dataclass
class Pace:
    """How fast steps are now, and so how many still fit into the time limit.

    Args:
        watch: Knows what may still be spent.
        step: The present step.
        per_step: Seconds per step.
        per_validation: Seconds of the last validation.
        paused: Seconds of validations since the pace was measured.
    """

    watch: Stopwatch
    step: int
    per_step: float
    per_validation: float
    paused: float = 0.0

    def __post_init__(self) -> None:
        self._glance = max(1, math.floor(_GLANCE / self.per_step))
        self._measured = time.perf_counter()

    def is_due(self, step: int) -> bool:
        """Say whether the clock is to be looked at, by the step alone, which is the same in all processes."""
        return step % self._glance == 0

    def last_step(self, step: int, stop: int) -> int:
        """Return the last step: `stop`, or an earlier one where that would come too late."""
        now, left = time.perf_counter(), self.watch.left - self.per_validation
        if left <= 0:
            return step
        spent = now - self._measured - self.paused
        if spent < _WINDOW * self.watch.seconds:
            return stop
        # The faster one of the last two stretches: a short load elsewhere does not end training early.
        recent = spent / max(1, step - self.step)
        pace, self.per_step = min(recent, self.per_step), recent
        self.step, self._measured, self.paused = step, now, 0.0
        too_late = (stop - step) * pace > left * (1 + _TOLERANCE)
        return step + math.floor(left * _MARGIN / pace) if too_late else stop


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
