"""Schedules of a weight over training, counted in steps of the optimiser and in nothing else."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from vaekit.value import Value

__all__ = ["Constant", "Cosine", "Cyclical", "Hold", "Linear", "Logistic", "Schedule"]

_REST = 7.0  # steepnesses past its midpoint a logistic is within a thousandth of its end, and rests


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


class _Rise(Value):
    start: Annotated[float, Field(ge=0)] = 0.0
    """Value at the beginning."""
    stop: Annotated[float, Field(ge=0)] = 1.0
    """Value at the end."""

    def _between(self, share: float) -> float:
        return self.start + (self.stop - self.start) * share


class _Ramp(_Rise):
    steps: Annotated[int, Field(ge=1)] = 1000
    """Length of the rise, in steps."""

    @property
    def end(self) -> int:
        """The step from which the final value holds."""
        return self.steps


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


class Hold(_Rise):
    """`start` for `hold` steps, then a straight line to `stop` over `steps`.

    A latent space that was shaped without a price of the rate is kept when the price comes.

    References:
        Li, Gao, Wang, Guo, Zhang, Chen and others, 2020, "Optimus: organizing sentences via pre-trained modeling of a
        latent space".

    Examples:
        >>> [Hold(hold=100, steps=50).at(s) for s in (0, 100, 125, 150)]
        [0.0, 0.0, 0.5, 1.0]
    """

    kind: Literal["hold"] = "hold"
    hold: Annotated[int, Field(ge=0)] = 1000
    """Steps at the beginning."""
    steps: Annotated[int, Field(ge=1)] = 1000
    """Length of the rise after them, in steps."""

    def at(self, step: int) -> float:
        """Return the value at a step."""
        return self._between(min(1.0, max(0, step - self.hold) / self.steps))

    @property
    def end(self) -> int:
        """The step from which the final value holds."""
        return self.hold + self.steps


class Logistic(_Rise):
    r"""From `start` to `stop` by :math:`1 / (1 + e^{-k (t - t_0)})`, which rests once it is within a thousandth of its end.

    References:
        Bowman, Vilnis, Vinyals, Dai, Jozefowicz and Bengio, 2016, "Generating sentences from a continuous space".

    Examples:
        >>> [round(Logistic().at(s), 3) for s in (0, 2500, 3000, 10_000)]
        [0.002, 0.5, 0.777, 1.0]
    """

    kind: Literal["logistic"] = "logistic"
    midpoint: Annotated[int, Field(ge=0)] = 2500
    """The step at which half of the way is done."""
    steepness: Annotated[float, Field(gt=0)] = 0.0025
    """The factor k of the step: four times the slope at the midpoint."""

    def at(self, step: int) -> float:
        """Return the value at a step."""
        if step >= self.end:
            return self.stop
        # The logistic function in a form that cannot overflow.
        return self._between((1 + math.tanh(self.steepness * (step - self.midpoint) / 2)) / 2)

    @property
    def end(self) -> int:
        """The step from which the final value holds."""
        return self.midpoint + math.ceil(_REST / self.steepness)


def _constant(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"kind": "constant", "value": value} if is_number else value


Schedule: TypeAlias = Annotated[
    Annotated[Constant | Linear | Cosine | Cyclical | Hold | Logistic, Field(discriminator="kind")],
    BeforeValidator(_constant),
]
"""A schedule, or a number for a constant one."""
