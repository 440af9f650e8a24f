"""Schedules of a weight over training, counted in steps of the optimiser and in nothing else."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from vaekit.value import Value

__all__ = ["Constant", "Cosine", "Cyclical", "Linear", "Schedule"]


class Constant(Value):
    """The same value throughout.

    Examples:
        >>> Constant(value=4.0).at(10)
        4.0
    """

    kind: Literal["constant"] = "constant"
    value: Annotated[float, Field(ge=0)] = 1.0
    """The value."""

    def at(self, _step: int) -> float:
        """Return the value at a step."""
        return self.value

    @property
    def end(self) -> int:
        """The step from which the final value holds."""
        return 0


class _Ramp(Value):
    start: Annotated[float, Field(ge=0)] = 0.0
    """Value at step 0."""
    stop: Annotated[float, Field(ge=0)] = 1.0
    """Value from step `steps` on."""
    steps: Annotated[int, Field(ge=1)] = 1000
    """Length of the rise, in steps."""

    @property
    def end(self) -> int:
        """The step from which the final value holds."""
        return self.steps

    def _between(self, share: float) -> float:
        return self.start + (self.stop - self.start) * share


class Linear(_Ramp):
    """A straight line from `start` to `stop`, then `stop`.

    References:
        Bowman, Vilnis, Vinyals, Dai, Jozefowicz and Bengio, 2016, "Generating sentences from a continuous space".

    Examples:
        >>> Linear(steps=100).at(25)
        0.25
    """

    kind: Literal["linear"] = "linear"

    def at(self, step: int) -> float:
        """Return the value at a step."""
        return self._between(min(1.0, step / self.steps))


class Cosine(_Ramp):
    """Half a cosine from `start` to `stop`: slow at both ends.

    Examples:
        >>> round(Cosine(steps=100).at(50), 6)
        0.5
    """

    kind: Literal["cosine"] = "cosine"

    def at(self, step: int) -> float:
        """Return the value at a step."""
        return self._between((1 - math.cos(math.pi * min(1.0, step / self.steps))) / 2)


class Cyclical(_Ramp):
    """`cycles` times: a line from `start` to `stop` over the first `rise` of a cycle, then `stop`.

    References:
        Fu, Li, Liu, Gao, Celikyilmaz and Carin, 2019, "Cyclical annealing schedule".

    Examples:
        >>> [Cyclical(steps=400, cycles=4).at(s) for s in (0, 25, 50, 100, 999)]
        [0.0, 0.5, 1.0, 0.0, 1.0]
    """

    kind: Literal["cyclical"] = "cyclical"
    cycles: Annotated[int, Field(ge=1)] = 4
    """Number of cycles within `steps`."""
    rise: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of a cycle in which the value rises."""

    def at(self, step: int) -> float:
        """Return the value at a step."""
        if step >= self.steps:
            return self.stop
        share = step * self.cycles / self.steps % 1
        return self._between(min(1.0, share / self.rise))


def _constant(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"kind": "constant", "value": value} if is_number else value


Schedule: TypeAlias = Annotated[
    Annotated[Constant | Linear | Cosine | Cyclical, Field(discriminator="kind")], BeforeValidator(_constant)
]
"""A schedule, or a number for a constant one."""
