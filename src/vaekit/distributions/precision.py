"""Densities are evaluated in full precision, whatever autocast does to the networks around them."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["full_precision", "single"]


def full_precision(tensor: Tensor) -> torch.autocast:
    """Return a context without autocast on the device of a tensor.

    Autocast rounds every matrix product to half precision, those inside a density too: a covariance would lose its
    factorisation, a quadratic form its digits.

    Examples:
        >>> x = torch.ones(2, 2)
        >>> with torch.autocast("cpu", torch.bfloat16), full_precision(x):
        ...     (x @ x).dtype
        torch.float32
    """
    return torch.autocast(tensor.device.type, enabled=False)


def single(tensor: Tensor) -> Tensor:
    """Return a tensor in single precision or better: densities need the digits that half precision lacks."""
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor
