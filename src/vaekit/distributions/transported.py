"""Distributions carried along by an invertible map: what a normalising flow is, once its weights are given."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Size, Tensor
from torch.distributions import Distribution

from vaekit.distributions.point import point
from vaekit.distributions.precision import full_precision, single
from vaekit.distributions.randomness import drawing
from vaekit.distributions.temperature import temper

__all__ = ["Bijection", "Transported"]

_DRAWS = 64  # for moments, which have no closed form


class Bijection(Protocol):
    """An invertible map of vectors, in the form of zuko's transforms."""

    @property
    def inv(self) -> Bijection:
        """The inverse map."""
        ...

    def call_and_ladj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        r"""Return :math:`y = f(x)` and :math:`\log |\det \partial y / \partial x|`, `(*S, B, D)` and `(*S, B)`."""
        ...


class Transported(Distribution):
    r"""The distribution of :math:`y = f(u)`, :math:`u \sim p_0`: :math:`\log p(y) = \log p_0(u) - \log |\det \partial y / \partial u|`.

    The density is evaluated in single precision or better, whatever autocast is set to. Draws come with their density
    (`rsample_and_log_prob`), so that a map that is slow to invert need not be. Moments are estimates from 64 draws with
    a generator of their own.

    References:
        Rezende and Mohamed, 2015, "Variational inference with normalizing flows".

    Args:
        base: :math:`p_0`, batch shape `(*S, B)` and D dimensions.
        transform: f, on vectors of length D.
        event: The shape of one y, of D elements.

    Examples:
        >>> from torch.distributions import Independent, Normal
        >>> from vaekit.distributions import Planar
        >>> f = Planar(torch.ones(1, 2), torch.ones(1, 2), torch.zeros(1))
        >>> Transported(Independent(Normal(torch.zeros(2), 1.0), 1), f, (2,)).sample((3,)).shape
        torch.Size([3, 2])
    """

    arg_constraints = {}  # noqa: RUF012 (the contract of torch.distributions)
    has_rsample = True

    def __init__(self, base: Distribution, transform: Bijection, event: tuple[int, ...]) -> None:
        self.base, self.transform = base, transform
        super().__init__(base.batch_shape, Size(event), validate_args=False)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Transported:
        """Return the distribution with its batch shape expanded."""
        return Transported(self.base.expand(batch_shape), self.transform, self.event_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-density in nats; inverts the map."""
        lead = value.shape[: value.dim() - len(self.event_shape)]
        y = single(value).expand(*torch.broadcast_shapes(lead, self.batch_shape), *self.event_shape)
        with full_precision(value):
            u, ladj = self.transform.inv.call_and_ladj(y.flatten(-len(self.event_shape)))
            return self.base.log_prob(u) + ladj

    def rsample_and_log_prob(self, sample_shape: Any = Size()) -> tuple[Tensor, Tensor]:  # noqa: B008
        """Return draws and their log-densities in nats, without inverting the map."""
        together = getattr(self.base, "rsample_and_log_prob", None)
        if together is not None:
            u, log_base = together(sample_shape)
        else:
            u = self.base.rsample(sample_shape)
            log_base = self.base.log_prob(u)
        y, ladj = self._forward(u)
        return y, log_base - ladj

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return reparameterised draws."""
        return self._forward(self.base.rsample(sample_shape))[0]

    @property
    def mean(self) -> Tensor:
        """The mean, estimated."""
        return self._draws.mean(0)

    @property
    def variance(self) -> Tensor:
        """The variance, estimated."""
        return self._draws.var(0)

    @cached_property
    def _draws(self) -> Tensor:
        with drawing(0):
            return self.sample((_DRAWS,))

    def _forward(self, u: Tensor) -> tuple[Tensor, Tensor]:
        with full_precision(u):
            y, ladj = self.transform.call_and_ladj(u)
        return y.unflatten(-1, self.event_shape), ladj


@point.register
def _(distribution: Transported) -> Tensor:
    # Where the map carries the middle of the base: on the way of the flow, unlike a mean between its modes.
    return distribution._forward(point(distribution.base))[0]


@temper.register
def _(distribution: Transported, temperature: float) -> Transported:
    return Transported(temper(distribution.base, temperature), distribution.transform, distribution.event_shape)
