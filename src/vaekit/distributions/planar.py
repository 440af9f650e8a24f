"""The planar flow: one bend of space after another, each along one direction."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["Planar"]

_FLOOR = 1e-3  # the least slope, so that no direction is flattened
_SHIFT = math.log(math.expm1(1 - _FLOOR))  # makes u = 0 the identity


class Planar:
    r"""The map :math:`z \mapsto z + \hat{u} \tanh(w^\top z + b)`, applied K times.

    .. math:: \hat{u} = u + (m(w^\top u) - w^\top u) \frac{w}{|w|^2}, \qquad m(a) = \log(1 + c\, e^a) - 1 + \epsilon, \quad m(0) = 0

    so that :math:`w^\top \hat{u} > -1` and every bend is invertible. Its inverse is one monotone scalar equation,
    :math:`a + w^\top \hat{u} \tanh a = w^\top y + b`, solved by bisection and, for the gradient, a Newton step.

    References:
        Rezende and Mohamed, 2015, "Variational inference with normalizing flows" (appendix A.1 for the constraint).

    Args:
        u: How far, `(*S, B, K, D)`; 0 is the identity.
        w: Along which direction, `(*S, B, K, D)`.
        b: Where, `(*S, B, K)`.

    Examples:
        >>> f = Planar(torch.ones(4, 2), torch.ones(4, 2), torch.zeros(4))
        >>> z = torch.tensor([0.5, -0.3])
        >>> torch.allclose(f.inv.call_and_ladj(f.call_and_ladj(z)[0])[0], z, atol=1e-5)
        True
    """

    def __init__(self, u: Tensor, w: Tensor, b: Tensor) -> None:
        along = (w * u).sum(-1, keepdim=True)
        slope = F.softplus(along + _SHIFT) - 1 + _FLOOR
        self.u = u + (slope - along) * w / w.square().sum(-1, keepdim=True).clamp_min(1e-12)
        self.w, self.b = w, b
        # Measured, not copied from above: what counts is the direction as it was rounded.
        self.slope = (w * self.u).sum(-1).clamp_min(_FLOOR / 2 - 1)

    @property
    def inv(self) -> _Inverse:
        """The inverse map."""
        return _Inverse(self)

    def call_and_ladj(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return the bent vectors `(*S, B, D)` and the log-determinant of the Jacobian `(*S, B)`."""
        total = torch.zeros((), dtype=z.dtype, device=z.device)
        for k in range(self.b.shape[-1]):
            bend = torch.tanh((self.w[..., k, :] * z).sum(-1) + self.b[..., k])
            z = z + self.u[..., k, :] * bend.unsqueeze(-1)
            total = total + torch.log1p(self.slope[..., k] * (1 - bend.square()))
        return z, total


class _Inverse:
    def __init__(self, inv: Planar) -> None:
        self.inv = inv

    def call_and_ladj(self, y: Tensor) -> tuple[Tensor, Tensor]:
        total = torch.zeros((), dtype=y.dtype, device=y.device)
        for k in reversed(range(self.inv.b.shape[-1])):
            slope = self.inv.slope[..., k]
            bend = torch.tanh(_root(slope, (self.inv.w[..., k, :] * y).sum(-1) + self.inv.b[..., k]))
            y = y - self.inv.u[..., k, :] * bend.unsqueeze(-1)
            total = total - torch.log1p(slope * (1 - bend.square()))
        return y, total


def _root(slope: Tensor, target: Tensor) -> Tensor:
    """Return a with a + slope tanh(a) = target, for a slope above -1."""
    with torch.no_grad():
        low, high = target - slope.abs(), target + slope.abs()
        for _ in range(60 if target.dtype == torch.float64 else 30):
            middle = (low + high) / 2
            below = middle + slope * torch.tanh(middle) < target
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        a = (low + high) / 2
        rise = 1 + slope * (1 - torch.tanh(a).square())
    # One step of Newton's method: it adds digits, and its derivative is that of the root.
    return a - (a + slope * torch.tanh(a) - target) / rise
