"""Gaussian posteriors that cannot collapse: a floor under the rate by construction, of each datum or of a batch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from vaekit.distributions import single
from vaekit.heads.family import Factorized, Family
from vaekit.heads.scale import Exp, Spread
from vaekit.value import Size

__all__ = ["BatchNormalized", "Floored"]

_NEWTON = 60  # steps, of which few are needed but where the floor is tiny and the two roots are nearly one
_SLACK = 1e-6  # of a squared mean, where the square root has no derivative
_MOMENTUM = 0.1
_EPSILON = 1e-5
_LOG_VARIANCES = (-14.0, 14.0)


class Floored(Factorized):
    r"""A Gaussian whose every dimension is at least `rate` nats away from :math:`\mathcal{N}(0, 1)` (delta-VAE).

    Its variance :math:`x = \sigma^2` stays between the roots of :math:`g(x) = \ln x - x + 2 \delta + 1`, and its mean is

    .. math:: \mu = \mathrm{sign}(m) \sqrt{g(\sigma^2) + m^2}, \qquad\text{so that}\qquad
        KL = \tfrac12 (\mu^2 + \sigma^2 - 1 - \ln \sigma^2) = \delta + \tfrac12 m^2.

    The network gives m and the logit of the place between the roots. In the paper :math:`\max(0, m)` stands for
    :math:`m^2` and the mean has one sign; here it has both, so that the posteriors of all data surround the prior's center,
    and no half of the values of m is without a gradient. Where m changes its sign the mean jumps, by
    :math:`2 \sqrt{g(\sigma^2)}`: it cannot be zero, but at the two variances where g is. The floor is one against a
    standard normal prior; a learned prior may come nearer.

    References:
        Razavi, van den Oord, Poole and Vinyals, 2019, "Preventing posterior collapse with delta-VAEs".

    Examples:
        >>> q = Floored(rate=0.5)({"loc": torch.tensor([1e-9]), "scale": torch.tensor([0.0])}, (1,))
        >>> round(torch.distributions.kl_divergence(q.base_dist, Normal(0.0, 1.0)).item(), 4)
        0.5
    """

    kind: Literal["floored"] = "floored"
    rate: Annotated[float, Field(gt=0, le=20)] = 0.15
    """The floor delta under the rate, in nats per dimension."""

    @property
    def variances(self) -> tuple[float, float]:
        """The smallest and the largest variance."""
        return _roots(self.rate)

    def heads(self, event: Size) -> dict[str, Size]:
        """Return `loc` and `scale`."""
        return {"loc": event, "scale": event}

    def start(self) -> dict[str, float]:
        """Begin at a variance of 1."""
        low, high = self.variances
        return {"scale": math.log((1 - low) / (high - 1))}

    def elements(self, raw: Mapping[str, Tensor], event: Size) -> Normal:
        """Return the Gaussian."""
        m, (low, high) = single(raw["loc"]), self.variances
        variance = low + (high - low) * single(raw["scale"]).sigmoid()
        least = (variance.log() - variance + 2 * self.rate + 1).clamp_min(_SLACK)
        sign = torch.where(m < 0, -1.0, 1.0).to(m.dtype)
        loc = sign * (least + m.square()).sqrt()
        return Normal(loc, variance.sqrt(), validate_args=False)


@cache
def _roots(rate: float) -> tuple[float, float]:
    """Return the roots of ln x - x + 2 delta + 1, below 1 and above it."""
    c = 2 * rate + 1
    # In t = ln x the function t - e^t + c is concave: Newton's steps from outside come nearer to a root and never pass it.
    low, high = -c, c
    for _ in range(_NEWTON):
        low -= (low - math.exp(low) + c) / -math.expm1(low)
        high -= (high - math.exp(high) + c) / -math.expm1(high)
    return math.exp(low), math.exp(high)


class BatchNormalized(Family):
    r"""A Gaussian whose means are normalised over the batch, to a deviation that is fixed and a shift that is learned.

    .. math:: \mu = \gamma\, \frac{m - E[m]}{\sqrt{\mathrm{Var}[m]}} + \beta, \qquad
        E[KL] \ge \tfrac12 (\gamma^2 + \beta^2)

    per dimension: the inequality is :math:`\sigma^2 - 1 - \ln \sigma^2 \ge 0`, and the mean is that over the batch. A gamma
    that is learned would give the floor away. In evaluation the moments are running ones: states, saved and averaged
    like weights, and learned by no optimiser.

    References:
        Zhu, Bi, Liu, Ma, Li and Wu, 2020, "A batch normalized inference network keeps the KL vanishing away".
    """

    kind: Literal["batch_norm"] = "batch_norm"
    gamma: Annotated[float, Field(gt=0)] = 0.6
    """Standard deviation of the means over the data, in each dimension: 0.5 to 0.7 in the literature."""
    scale: Spread = Exp()
    """Parameterisation of the standard deviation of the posterior: exp or softplus."""

    def heads(self, event: Size) -> dict[str, Size]:
        """Return `loc` and `scale`."""
        return {"loc": event, "scale": event}

    def start(self) -> dict[str, float]:
        """Begin at a scale of 1."""
        return {"scale": self.scale.start()}

    def shared(self, event: Size) -> dict[str, Tensor]:
        """Return the shift, a weight, and the running moments, which are states."""
        moments = {"center": torch.zeros(event), "log_variance": torch.zeros(event)}
        states: dict[str, Tensor] = {name: nn.Parameter(value, requires_grad=False) for name, value in moments.items()}
        return {"shift": torch.zeros(event), **states}

    def __call__(self, raw: Mapping[str, Tensor], event: Size) -> Independent:
        """Return the Gaussian by the running moments."""
        parts = {name: single(part) for name, part in raw.items()}
        unit = (parts["loc"] - parts["center"]) * (-parts["log_variance"].clamp(*_LOG_VARIANCES) / 2).exp()
        scale = self.scale.sigma(parts["scale"])
        return self._gaussian(unit, scale, parts["shift"], event)

    def calibrated(self, distribution: Distribution, shared: Mapping[str, Tensor]) -> Distribution:
        """Return the Gaussian by the moments of the batch, and take those into the running ones."""
        normal = cast(Normal, cast(Independent, distribution).base_dist)
        event = distribution.event_shape
        # Normalising knows no affine map: what the running moments gave is as good as the raw output.
        unit = (normal.loc - shared["shift"]) / self.gamma
        axes = tuple(range(unit.dim() - len(event)))
        center, variance = unit.mean(axes), unit.var(axes, correction=0)
        _follow(shared, center.detach(), variance.detach())
        unit = (unit - center) * (variance + _EPSILON).rsqrt()
        return self._gaussian(unit, normal.scale, shared["shift"], event)

    def _gaussian(self, unit: Tensor, scale: Tensor, shift: Tensor, event: Size) -> Independent:
        loc = self.gamma * unit + shift
        return Independent(Normal(loc, scale.to(loc.dtype), validate_args=False), len(event), validate_args=False)


@torch.no_grad()
def _follow(shared: Mapping[str, Tensor], center: Tensor, variance: Tensor) -> None:
    """Move the running moments to those of a batch, which are given in units of the running ones."""
    log_variance = shared["log_variance"].clamp(*_LOG_VARIANCES)
    moved = (
        shared["center"] + _MOMENTUM * center * (log_variance / 2).exp(),
        log_variance + (1 + _MOMENTUM * (variance - 1)).log(),
    )
    for state, new in zip((shared["center"], shared["log_variance"]), moved, strict=True):
        # A diverged step is skipped by the loop; the states must not remember it.
        state.copy_(torch.where(new.isfinite(), new, state))
