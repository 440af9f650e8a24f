"""The wrapped normal distribution on the Poincare ball: a Gaussian of hyperbolic space."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Size, Tensor
from torch.distributions import Distribution, constraints

from vaekit.distributions.point import point
from vaekit.distributions.temperature import temper

__all__ = ["WrappedNormal", "exponential"]


class WrappedNormal(Distribution):
    r"""A Gaussian in the tangent space at :math:`\mu`, laid onto the unit ball of curvature -1 by the exponential map.

    .. math:: z = \mu \oplus \tanh(r / 2)\, v / r, \quad v \sim \mathcal{N}(0, \sigma^2), \quad r = \lVert v \rVert

    with Moebius addition. The density is one with respect to the Riemannian volume :math:`(2 / (1 - |z|^2))^d dz`, not to
    :math:`dz`: :math:`\log p(z) = \log \mathcal{N}(v; 0, \sigma^2) + (d - 1) \log (r / \sinh r)`. It works in double
    precision, because points far out lie close to the boundary.

    References:
        Nagano, Yamaguchi, Fujita and Koyama, 2019, "A wrapped normal distribution on hyperbolic space for gradient-based
        learning"; Mathieu, Le Lan, Maddison, Tomioka and Teh, 2019, "Continuous hierarchical representations with Poincare
        variational auto-encoders".

    Args:
        loc: :math:`\mu`, points in the open unit ball, `(*batch, d)`.
        scale: :math:`\sigma > 0` per dimension, in units of hyperbolic length, broadcasts with `loc`.

    Examples:
        >>> p = WrappedNormal(torch.zeros(2), torch.ones(2))
        >>> round(p.log_prob(torch.zeros(2)).exp().item() * 2 * math.pi, 4)
        1.0
    """

    arg_constraints = {"loc": constraints.real_vector, "scale": constraints.positive}  # noqa: RUF012
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, scale: Tensor, validate_args: bool | None = None) -> None:
        self.loc, self.scale = torch.broadcast_tensors(loc, scale)
        super().__init__(loc.shape[:-1], loc.shape[-1:], validate_args=validate_args)

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return reparameterised draws in the open unit ball."""
        loc = self.loc.double().expand(self._extended_shape(sample_shape))
        step = exponential(self.scale.double() * torch.randn_like(loc))
        sum_, _ = _added(loc, step)
        # Rounding must not leave the open ball.
        edge = 1 - 4 * torch.finfo(self.loc.dtype).eps
        return (sum_ * (edge / _norm(sum_)).clamp_max(1)).to(self.loc.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-density in nats, with respect to the Riemannian volume."""
        u, rest = _added(-self.loc.double(), value.double())
        n = _norm(u)
        r = 2 * torch.log1p(n) - rest.log()  # 2 artanh n, without the cancellation in 1 - n^2
        v, scale = u * (r / n), self.scale.double()
        gaussian = -0.5 * (v / scale).square() - scale.log() - 0.5 * math.log(2 * math.pi)
        # log(r / sinh r) = log 2 r - r - log(1 - e^-2r)
        shrink = (2 * r).log() - r - torch.log(-torch.expm1(-2 * r))
        return (gaussian.sum(-1) + (u.shape[-1] - 1) * shrink.squeeze(-1)).to(value.dtype)


def exponential(v: Tensor) -> Tensor:
    """Return the point of the unit ball at the end of the geodesic from 0 along v, `(*, d)`, as long as v is."""
    r = _norm(v)
    return (r / 2).tanh() * v / r


def _norm(v: Tensor) -> Tensor:
    # The gradient of a norm is undefined at 0; this one is 0 there.
    return v.square().sum(-1, keepdim=True).clamp_min(1e-20).sqrt()


def _added(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the Moebius sum of points x and y, and 1 minus its squared norm."""
    xy, xx, yy = ((a * b).sum(-1, keepdim=True) for a, b in ((x, y), (x, x), (y, y)))
    denominator = 1 + 2 * xy + xx * yy
    return ((1 + 2 * xy + yy) * x + (1 - xx) * y) / denominator, (1 - xx) * (1 - yy) / denominator


@point.register
def _(distribution: WrappedNormal) -> Tensor:
    return distribution.loc


@temper.register
def _(distribution: WrappedNormal, temperature: float) -> WrappedNormal:
    return WrappedNormal(distribution.loc, distribution.scale * temperature, validate_args=False)
