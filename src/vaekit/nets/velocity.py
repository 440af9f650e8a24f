"""A vector field that changes with time, and its divergence in closed form."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["VelocityNet"]

_FREQUENCIES = 8
_CONDITION = 64  # units between time and gains: one hidden layer of few, since in training every row has a time


class VelocityNet(nn.Module):
    r"""Two hidden layers whose gains and biases depend on the time, with all shortcuts between layers.

        h = silu(a + A * (P x)),  k = silu(b + B * (Q x + R h)),  v = S h + T k         (a, A, b, B of time and context)

    The trace of its Jacobian is a sum over pairs of units, which costs no more than the field itself: with
    :math:`h', k'` the derivatives of the units, :math:`\operatorname{tr} = h' \cdot \operatorname{diag}(PS) + k' \cdot
    \operatorname{diag}(QT) + k'^\top (R \odot (PT)^\top) h'`. It begins as the field that is zero everywhere.

    Args:
        size: D.
        width: Units of each hidden layer.
        context: Length of the context vector; 0 for none.

    Examples:
        >>> v, divergence = VelocityNet(3, 8)(torch.randn(5, 3), torch.rand(5, 1))
        >>> v.shape, divergence.shape
        (torch.Size([5, 3]), torch.Size([5]))
    """

    frequencies: Tensor

    def __init__(self, size: int, width: int, context: int = 0) -> None:
        super().__init__()
        self.first = nn.Linear(size, width, bias=False)  # P
        self.skipped = nn.Linear(size, width, bias=False)  # Q
        self.second = nn.Linear(width, width, bias=False)  # R
        self.early = nn.Linear(width, size, bias=False)  # S
        self.late = nn.Linear(width, size)  # T
        self.conditions = nn.Sequential(
            nn.Linear(2 * _FREQUENCIES + 1 + context, _CONDITION), nn.SiLU(), nn.Linear(_CONDITION, 4 * width)
        )
        for layer in (self.early, self.late):
            nn.init.zeros_(layer.weight)
        nn.init.zeros_(self.late.bias)
        self.register_buffer("frequencies", math.pi * torch.arange(1, _FREQUENCIES + 1) / 2, persistent=False)

    def forward(self, x: Tensor, time: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the field and its divergence.

        Args:
            x: `(B, D)`.
            time: In [0, 1], `(B, 1)` or `(1, 1)`.
            context: `(B, C)`, or None.

        Returns:
            `(B, D)` and `(B,)`.
        """
        shift, gain, later_shift, later_gain = self._conditioned(time, context)
        before = shift + gain * self.first(x)
        h, slope = F.silu(before), _slope(before)
        later = later_shift + later_gain * (self.skipped(x) + self.second(h))
        k, later_slope = F.silu(later), _slope(later)
        slope, later_slope = slope * gain, later_slope * later_gain
        p, q, r, s, t = (
            layer.weight for layer in (self.first, self.skipped, self.second, self.early, self.late)
        )  # each (out, in)
        pairs = F.linear(slope, r * (p @ t).T)
        own = F.linear(slope, (p * s.T).sum(1).unsqueeze(0)).squeeze(-1)
        trace = own + (later_slope * ((q * t.T).sum(1) + pairs)).sum(-1)
        return self.early(h) + self.late(k), trace

    def field(self, x: Tensor, time: Tensor, context: Tensor | None = None) -> Tensor:
        """Return the field alone, `(B, D)`."""
        shift, gain, later_shift, later_gain = self._conditioned(time, context)
        h = F.silu(shift + gain * self.first(x))
        k = F.silu(later_shift + later_gain * (self.skipped(x) + self.second(h)))
        return self.early(h) + self.late(k)

    def _conditioned(self, time: Tensor, context: Tensor | None) -> tuple[Tensor, ...]:
        angle = time * self.frequencies
        parts = [time, angle.sin(), angle.cos()]
        if context is not None:
            parts = [part.expand(len(context), -1) for part in parts] + [context]
        shift, gain, later_shift, later_gain = self.conditions(torch.cat(parts, -1)).chunk(4, -1)
        return shift, 1 + gain, later_shift, 1 + later_gain


def _slope(x: Tensor) -> Tensor:
    """Return the derivative of silu."""
    gate = x.sigmoid()
    return gate * (1 + x * (1 - gate))
