"""Priors: distributions over latents, conditional on nothing."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from vaekit.value import Size

__all__ = ["StandardNormal"]


class StandardNormal(nn.Module):
    r""":math:`p(z) = \mathcal{N}(0, I)`.

    Args:
        event: The shape of one group of latents.

    Examples:
        >>> StandardNormal((3,))().event_shape
        torch.Size([3])
    """

    loc: Tensor

    def __init__(self, event: Size) -> None:
        super().__init__()
        self.event = tuple(event)
        self.register_buffer("loc", torch.zeros(self.event), persistent=False)

    def forward(self) -> Independent:
        """Return the prior, with an empty batch shape."""
        base = Normal(self.loc, torch.ones_like(self.loc), validate_args=False)
        return Independent(base, len(self.event), validate_args=False)
