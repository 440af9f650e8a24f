"""The affine first layer of an encoder: data in their own units in, order one out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Standardize"]


class Standardize(nn.Module):
    r"""Return :math:`(x - \mu) / \sigma`, with constants that travel with the weights.

    Args:
        loc: :math:`\mu`, the value that becomes 0.
        scale: :math:`\sigma > 0`, the distance that becomes 1.

    Examples:
        >>> Standardize(127.5, 127.5)(torch.tensor([0.0, 255.0]))
        tensor([-1.,  1.])
    """

    loc: Tensor
    scale: Tensor

    def __init__(self, loc: float, scale: float) -> None:
        super().__init__()
        if not scale > 0:
            raise ValueError(f"the scale to divide by must be positive, got {scale}")
        self.register_buffer("loc", torch.tensor(float(loc)))
        self.register_buffer("scale", torch.tensor(float(scale)))

    def forward(self, x: Tensor) -> Tensor:
        """Standardise a tensor of any shape."""
        return (x - self.loc) / self.scale
