"""Priors without weights on spaces other than R^d: the uniform ones, and the Gaussian of hyperbolic space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from vaekit import distributions
from vaekit.distributions import StraightThrough
from vaekit.heads.priors.prior import Prior, Site

__all__ = ["Constant", "UniformCategorical", "UniformSphere", "WrappedNormal"]


class Constant(nn.Module):
    """A distribution without weights, on the device and in the precision of its module.

    Args:
        make: Makes the distribution from `at`.
        at: A tensor that moves with the module.

    Examples:
        >>> Constant(distributions.UniformSphere, torch.tensor([1.0, 0.0]))().event_shape
        torch.Size([2])
    """

    at: Tensor

    def __init__(self, make: Callable[[Tensor], Distribution], at: Tensor) -> None:
        super().__init__()
        self.make = make
        self.register_buffer("at", at, persistent=False)

    def forward(self, *_context: Tensor) -> Distribution:
        """Return the prior, with an empty batch shape."""
        return self.make(self.at)


class UniformSphere(Prior):
    """The uniform distribution on the unit sphere; the rate of a spherical posterior against it is in closed form."""

    kind: Literal["uniform_sphere"] = "uniform_sphere"

    support = "sphere"

    def build(self, site: Site) -> nn.Module:
        """Return the module; a context leaves it as it is."""
        pole = torch.zeros(site.event)
        pole[0] = 1
        return Constant(_uniform, pole)


class UniformCategorical(Prior):
    """Every class of every variable with the same probability."""

    kind: Literal["uniform_categorical"] = "uniform_categorical"

    support = "one_hot"

    def build(self, site: Site) -> nn.Module:
        """Return the module; a context leaves it as it is."""
        return Constant(_categoricals, torch.zeros(site.event))


class WrappedNormal(Prior):
    """The wrapped normal of unit scale at the center of the Poincare ball."""

    kind: Literal["wrapped_normal"] = "wrapped_normal"

    support = "ball"

    def build(self, site: Site) -> nn.Module:
        """Return the module; a context leaves it as it is."""
        return Constant(_unit_wrapped, torch.zeros(site.event))


def _uniform(pole: Tensor) -> distributions.UniformSphere:
    return distributions.UniformSphere(pole, validate_args=False)


def _categoricals(logits: Tensor) -> Independent:
    return Independent(StraightThrough(logits, validate_args=False), logits.dim() - 1, validate_args=False)


def _unit_wrapped(loc: Tensor) -> distributions.WrappedNormal:
    return distributions.WrappedNormal(loc, torch.ones_like(loc), validate_args=False)
