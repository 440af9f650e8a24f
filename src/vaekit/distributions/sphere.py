"""Densities on the unit sphere, all with respect to its surface: what they share, and the uniform one."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Size, Tensor
from torch.distributions import Distribution, constraints, register_kl

from vaekit.distributions.point import point
from vaekit.distributions.temperature import temper

__all__ = ["Spherical", "UniformSphere", "log_area"]


def log_area(dimension: int) -> float:
    r"""Return the logarithm of the area :math:`2 \pi^{d/2} / \Gamma(d/2)` of the unit sphere in d dimensions."""
    return math.log(2) + dimension / 2 * math.log(math.pi) - math.lgamma(dimension / 2)


class Spherical(Distribution):
    r"""A density of :math:`\mu^\top z` alone: a polar angle of its own law, and a uniform direction around :math:`\mu`.

    .. math:: z = \mu \cos\theta + v \sin\theta, \qquad v \perp \mu

    Where :math:`\mu` turns, v is carried along the great circle: the reparameterised gradient with the least noise.

    Args:
        loc: :math:`\mu`, unit vectors `(*batch, d)`, d >= 2.
        concentration: :math:`\kappa > 0`, `batch`.
    """

    arg_constraints = {"loc": constraints.real_vector, "concentration": constraints.positive}  # noqa: RUF012
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, concentration: Tensor, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = loc, concentration.expand(loc.shape[:-1])
        super().__init__(loc.shape[:-1], loc.shape[-1:], validate_args=validate_args)

    @abstractmethod
    def polar(self, shape: Size) -> tuple[Tensor, Tensor]:
        """Return reparameterised draws of cosine and sine of the angle to `loc`."""

    @abstractmethod
    def cosine_moments(self) -> tuple[Tensor, Tensor]:
        """Return mean and variance of the cosine of that angle."""

    @abstractmethod
    def sine_square(self) -> Tensor:
        """Return the mean of the squared sine: from the cosine's moments it would be a difference of near equals."""

    @property
    def mean(self) -> Tensor:
        """The mean in the space around, inside the ball; `point` is the direction itself."""
        return self.cosine_moments()[0].unsqueeze(-1) * self.loc

    @property
    def variance(self) -> Tensor:
        """The variance of each coordinate."""
        variance = self.cosine_moments()[1].unsqueeze(-1)
        around = self.sine_square().unsqueeze(-1) / (self.loc.shape[-1] - 1)
        return variance * self.loc.square() + around * (1 - self.loc.square())

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return reparameterised draws, unit vectors."""
        shape = self._extended_shape(sample_shape)
        loc = self.loc.expand(shape)
        with torch.no_grad():
            direction = F.normalize(_orthogonal(torch.randn_like(loc), loc), dim=-1)
        cosine, sine = (part.to(loc.dtype).unsqueeze(-1) for part in self.polar(shape[:-1]))
        return cosine * loc + sine * _orthogonal(direction, loc)

    def cosine(self, value: Tensor) -> Tensor:
        """Return the cosine of the angle between `value` and `loc`, in double precision."""
        return (value.double() * self.loc.double()).sum(-1).clamp(-1, 1)


def _orthogonal(v: Tensor, loc: Tensor) -> Tensor:
    return v - (v * loc).sum(-1, keepdim=True) * loc


class UniformSphere(Distribution):
    """The uniform distribution on the unit sphere.

    Args:
        pole: One unit vector `(d,)`: all are equally typical, and `point` needs one.

    Examples:
        >>> p = UniformSphere(torch.tensor([1.0, 0.0, 0.0]))
        >>> round(p.log_prob(p.pole).exp().item() * 4 * math.pi, 4)
        1.0
    """

    arg_constraints = {"pole": constraints.real_vector}  # noqa: RUF012 (the contract of torch.distributions)
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, pole: Tensor, validate_args: bool | None = None) -> None:
        self.pole = pole
        super().__init__(Size(), pole.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """Zero, the center, which is no point of the sphere."""
        return torch.zeros_like(self.pole)

    @property
    def variance(self) -> Tensor:
        """1 / d."""
        return torch.full_like(self.pole, 1 / len(self.pole))

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return unit vectors."""
        return F.normalize(torch.randn_like(self.pole.expand(self._extended_shape(sample_shape))), dim=-1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return minus the logarithm of the area, in nats."""
        return value.new_full(value.shape[:-1], -log_area(len(self.pole)))


@point.register
def _(distribution: Spherical) -> Tensor:
    return distribution.loc


@point.register
def _(distribution: UniformSphere) -> Tensor:
    return distribution.pole


@temper.register
def _(distribution: Spherical, temperature: float) -> Spherical:
    # Far from uniform the spread is that of a Gaussian with variance 1 / concentration.
    return type(distribution)(distribution.loc, distribution.concentration / temperature**2, validate_args=False)


@temper.register
def _(distribution: UniformSphere, temperature: float) -> UniformSphere:
    return distribution


@register_kl(Spherical, UniformSphere)
def _(q: Spherical, p: UniformSphere) -> Tensor:
    return log_area(q.loc.shape[-1]) - q.entropy()
