"""The Gaussian family: posteriors, and likelihoods of real data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from vaekit.distributions import CalibratedNormal
from vaekit.heads.family import Factorized
from vaekit.heads.location_scale import LocationScale
from vaekit.heads.scale import AnyScale, Exp, Optimal
from vaekit.value import Size

__all__ = ["Gaussian"]


class Gaussian(Factorized, LocationScale):
    r""":math:`\mathcal{N}(x; \mu, \sigma^2)` with independent dimensions, normalised: the :math:`\log 2 \pi` is there.

    References:
        Kingma and Welling, 2014, "Auto-encoding variational Bayes".

    Examples:
        >>> import torch
        >>> q = Gaussian()({"loc": torch.zeros(3, 2), "scale": torch.zeros(3, 2)}, (2,))
        >>> q.batch_shape, q.event_shape, q.base_dist.scale[0, 0].item()
        (torch.Size([3]), torch.Size([2]), 1.0)
    """

    kind: Literal["gaussian"] = "gaussian"
    scale: AnyScale = Exp()
    """Parameterisation of the standard deviation: exp, softplus, fixed, shared, or optimal (of a likelihood)."""

    def elements(self, raw: Mapping[str, Tensor], event: Size) -> Normal:
        """Return the Gaussian."""
        return Normal(*self.parts(raw), validate_args=False)

    def calibrated(self, distribution: Distribution, shared: Mapping[str, Tensor]) -> Distribution:
        """Return the Gaussian that keeps its one variance optimal, where that is its parameterisation."""
        if not isinstance(self.scale, Optimal):
            return distribution
        loc = cast(Normal, cast(Independent, distribution).base_dist).loc
        base = CalibratedNormal(loc, shared["scale"], self.scale.bounds)
        return Independent(base, len(distribution.event_shape), validate_args=False)
