"""The standard normal prior."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from vaekit.heads.priors.prior import Prior, Site
from vaekit.value import Size

__all__ = ["Standard", "StandardNormal", "standard_normal"]


class Standard(Prior):
    """N(0, I): nothing is learned, and any posterior near it can be sampled from without further care."""

    kind: Literal["standard"] = "standard"

    def build(self, site: Site) -> nn.Module:
        """Return the module; a context leaves it as it is."""
        return StandardNormal(site.event)


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

    def forward(self, *_context: Tensor) -> Independent:
        """Return the prior, with an empty batch shape."""
        return standard_normal(self.loc, len(self.event))


def standard_normal(loc: Tensor, dims: int) -> Independent:
    """Return N(loc, I), whose last `dims` axes are one event."""
    return Independent(Normal(loc, torch.ones_like(loc), validate_args=False), dims, validate_args=False)
