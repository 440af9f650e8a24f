"""The flow prior: N(0, I) carried along by coupling maps."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from vaekit.distributions import Transported
from vaekit.heads.priors.prior import Prior, Site
from vaekit.heads.priors.standard import standard_normal
from vaekit.heads.transforms import coupling
from vaekit.nets import Widths
from vaekit.value import Size

__all__ = ["FlowDensity", "FlowPrior"]


class FlowPrior(Prior):
    """A coupling flow of the latents; with a context, conditional on it. It begins as N(0, I).

    References:
        Xu, Chen, Li and Duvenaud, 2019, "On the necessity and effectiveness of learning the prior of variational
        auto-encoder" (a flow gains more as the prior than as the posterior).
    """

    kind: Literal["flow"] = "flow"
    transforms: Annotated[int, Field(ge=1, le=100)] = 4
    """Number of coupling maps, odd and even dimensions in turn."""
    hidden: Widths = (256,)
    """Widths of the net inside each map."""
    coupling: Literal["affine", "spline"] = "affine"
    """How one half moves given the other: affine is quick; splines are more flexible and several times slower."""

    def build(self, site: Site) -> nn.Module:
        """Return the module.

        Raises:
            ImportError: The package zuko is missing.
        """
        spline, size = self.coupling == "spline", math.prod(site.event)
        return FlowDensity(coupling(size, site.context, self.transforms, self.hidden, spline=spline), site.event)


class FlowDensity(nn.Module):
    """The distribution whose image under a map is N(0, I).

    Args:
        transform: From a context, or None, to the map that takes z to normal vectors: the quick direction.
        event: The shape of one z.
    """

    loc: Tensor

    def __init__(self, transform: nn.Module, event: Size) -> None:
        super().__init__()
        self.transform, self.event = transform, tuple(event)
        self.register_buffer("loc", torch.zeros(math.prod(self.event)), persistent=False)

    def forward(self, *context: Tensor) -> Transported:
        """Return p(z), or p(z | context) with batch shape (B,)."""
        given = context[0] if context else None
        loc = self.loc if given is None else self.loc.expand(*given.shape[:-1], -1)
        return Transported(standard_normal(loc, 1), self.transform(given).inv, self.event)
