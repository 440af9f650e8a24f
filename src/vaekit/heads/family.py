"""The word of generalised linear models: how a network's raw output becomes a distribution over one event."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, TypeAlias

import torch
from pydantic import Field
from torch import Tensor
from torch.distributions import Distribution, Independent

from vaekit.distributions import single
from vaekit.value import Size, Value

__all__ = [
    "Factorized",
    "Family",
    "Leveled",
    "Measure",
    "Support",
    "per_dimension",
    "refuse_non_finite",
    "vector_length",
]

Support: TypeAlias = Literal[
    "binary", "unit", "open_unit", "levels", "counts", "real", "columns", "sphere", "ball", "one_hot", "codes"
]
"""What one event must be.

Data: {0, 1}; the interval [0, 1], with or without its ends; the integers 0 .. L - 1; the integers from 0 on; any real
number; rows of columns of different kinds, with NaN where a cell is missing. Latents: real vectors, unit vectors, points
in the unit ball, one-hot vectors, vectors of a codebook.
"""

Measure: TypeAlias = Literal["counting", "lebesgue", "mixed"]
"""What a log-likelihood is a logarithm of: a probability (counting) or a density (lebesgue), never to be compared.

Of a row with columns of both kinds it is mixed: a density in some columns, a probability in the others.
"""


class Family(Value, ABC):
    """A parametric family of distributions, the same for posterior and likelihood.

    To add one: give the named parts of the raw output (`heads`), their biases at the start (`start`), and the
    distribution (`__call__`); the laws in `tests/laws` then apply to it.
    """

    support: ClassVar[Support] = "real"
    """What the data must be."""

    @property
    def measure(self) -> Measure:
        """Whether `log_prob` is that of a probability or of a density."""
        return "counting" if self.support in ("binary", "levels", "counts") else "lebesgue"

    def latent_event(self, latent: int) -> Size:
        """Return the shape of one group of latents where this family is a posterior of `latent` latent variables."""
        return (latent,)

    @abstractmethod
    def heads(self, event: Size) -> dict[str, Size]:
        """Return the named parts of the raw output and their shapes."""

    def start(self) -> dict[str, float]:
        """Return the heads that begin as a constant for all data, with that constant."""
        return {}

    def shared(self, event: Size) -> dict[str, Tensor]:
        """Return the initial values of weights shared by all data; a Parameter without gradient is a mere state."""
        return {}

    def check(self, x: Tensor) -> None:
        """Raise ValueError, with the cure, where data lie outside the support."""
        refuse_non_finite(x)

    @abstractmethod
    def __call__(self, raw: Mapping[str, Tensor], event: Size) -> Distribution:
        """Return the distribution.

        Args:
            raw: The parts named by `heads`, each `(*S, B, *size)`, and by `shared`.
            event: The shape of one datum.

        Returns:
            A distribution with `batch_shape` `(*S, B)` and `event_shape` `event`.
        """

    def calibrated(self, distribution: Distribution, shared: Mapping[str, Tensor]) -> Distribution:
        """Return what takes the distribution's place in training: one that sets a shared state by the data it sees.

        Args:
            distribution: What `__call__` returned.
            shared: The state, which `log_prob` may write to.
        """
        return distribution


class Factorized(Family, ABC):
    """A family whose dimensions are independent; to add one, write `elements` in the place of `__call__`."""

    @abstractmethod
    def elements(self, raw: Mapping[str, Tensor], event: Size) -> Distribution:
        """Return the distribution of each dimension, with `batch_shape` `(*S, B, *event)`."""

    def __call__(self, raw: Mapping[str, Tensor], event: Size) -> Independent:
        """Return the distribution of the whole event."""
        return Independent(self.elements(raw, event), len(event), validate_args=False)


class Leveled(Family, ABC):
    """A family of integers from 0 to `levels` - 1."""

    kind: str
    """Its name."""
    levels: Annotated[int, Field(ge=2)] = 256
    """Number of levels of the data."""

    support = "levels"

    def check(self, x: Tensor) -> None:
        """Refuse anything but integers from 0 to `levels` - 1."""
        if (x != x.round()).any() or x.min() < 0 or x.max() > self.levels - 1:
            raise ValueError(
                f"likelihood '{self.kind}' needs integers 0 .. {self.levels - 1}, but x lies in "
                f"[{x.min():.4g}, {x.max():.4g}]; set likelihood.levels, or use likelihood=gaussian for real values"
            )


def refuse_non_finite(x: Tensor) -> None:
    """Raise ValueError naming the first data that hold NaN or infinity."""
    bad = ~torch.isfinite(x.flatten(1)).all(1) if x.dim() > 1 else ~torch.isfinite(x)
    if bad.any():
        rows = ", ".join(str(i) for i in bad.nonzero().flatten()[:5].tolist())
        raise ValueError(
            f"data must be finite, but {int(bad.sum())} of {len(x)} hold NaN or infinity (first: {rows}); drop or impute them"
        )


def per_dimension(raw: Tensor, count: int, event: Size) -> Tensor:
    """Return `count` raw channels per dimension, `(*S, B, count, *event)`, of the `(*S, B, count * event[0], ...)` of a head."""
    return single(raw).unflatten(-len(event), (count, event[0]))


def vector_length(event: Size, kind: str) -> int:
    """Return d of an event `(d,)`.

    Raises:
        ValueError: The event is no vector.
    """
    if len(event) != 1:
        raise ValueError(f"posterior={kind} is one of latent vectors, but here a latent has the shape {tuple(event)}")
    return event[0]
