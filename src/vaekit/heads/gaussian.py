"""The Gaussian family: posteriors, and likelihoods of real data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from vaekit.heads.family import Family, Support, refuse_non_finite
from vaekit.heads.scale import Exp, Scale
from vaekit.value import Size

__all__ = ["Gaussian"]


class Gaussian(Family):
    r""":math:`\mathcal{N}(x; \mu, \sigma^2)` with independent dimensions, normalised: the :math:`\log 2 \pi` is there.

    Examples:
        >>> q = Gaussian()({"loc": torch.zeros(3, 2), "scale": torch.zeros(3, 2)}, (2,))
        >>> q.batch_shape, q.event_shape, q.base_dist.scale[0, 0].item()
        (torch.Size([3]), torch.Size([2]), 1.0)
    """

    kind: Literal["gaussian"] = "gaussian"
    scale: Scale = Exp()
    """Parameterisation of the standard deviation: exp, softplus, fixed or shared."""

    @property
    def support(self) -> Support:
        """Any real number."""
        return "real"

    def heads(self, event: Size) -> dict[str, Size]:
        """Return `loc`, and `scale` where the network gives it."""
        return {"loc": event, "scale": event} if self.scale.source == "head" else {"loc": event}

    def start(self) -> dict[str, float]:
        """Begin at a standard deviation of 1."""
        return {"scale": self.scale.start()} if self.scale.source == "head" else {}

    def shared(self, event: Size) -> dict[str, Tensor]:
        """Return the one scale for all data, where there is one."""
        return {"scale": torch.tensor(self.scale.start())} if self.scale.source == "shared" else {}

    def check(self, x: Tensor) -> None:
        """Refuse NaN and infinity."""
        refuse_non_finite(x)

    def __call__(self, raw: Mapping[str, Tensor], event: Size) -> Independent:
        """Return the Gaussian."""
        loc = raw["loc"]
        sigma = self.scale.sigma(loc if self.scale.source == "constant" else raw["scale"])
        return Independent(Normal(loc, sigma.expand_as(loc), validate_args=False), len(event), validate_args=False)
