r"""Log-gamma functions whose large terms cancel on paper rather than in single precision."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["log1p_or", "stirling"]

_LARGE = 8.0  # from here on five terms of the series leave 2e-13
_HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


def stirling(z: Tensor) -> Tensor:
    r"""Return what Stirling's formula leaves out: :math:`\log \Gamma(z) - (z - \tfrac12) \log z + z - \tfrac12 \log 2 \pi`.

    References:
        Loader, 2000, "Fast and accurate computation of binomial probabilities".

    Args:
        z: Positive, any shape.

    Examples:
        >>> stirling(torch.tensor([1.0, 1e6]))
        tensor([8.1061e-02, 8.3333e-08])
    """
    small, large = z.clamp_max(_LARGE), z.clamp_min(_LARGE)
    direct = torch.lgamma(small) - (small - 0.5) * small.log() + small - _HALF_LOG_TAU
    w = large.square().reciprocal()
    series = (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w * (1 / 1680 - w / 1188)))) / large
    return torch.where(z < _LARGE, direct, series)


def log1p_or(near: Tensor, far: Tensor) -> Tensor:
    """Return log(1 + near) where it is the more exact form of `far`, a difference of logarithms: close to zero."""
    return torch.where(near.abs() < 0.5, near.clamp(-0.5, 0.5).log1p(), far)
