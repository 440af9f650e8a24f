"""The mixture of discretised logistics: likelihoods of 8-bit colour pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from vaekit import distributions
from vaekit.heads.family import Leveled, per_dimension
from vaekit.heads.location_scale import LocationScale
from vaekit.heads.scale import Exp, Scale
from vaekit.value import Size

__all__ = ["DiscretizedLogisticMixture"]


class DiscretizedLogisticMixture(Leveled, LocationScale):
    r"""A mixture per pixel, whose means shift linearly with the channels before; see `vaekit.distributions`.

    The first axis of an event is the channel. The network works in units where the levels span [-1, 1] and gives
    :math:`M (1 + 2 C + C (C - 1) / 2)` numbers per pixel: weights, locations, scales, and :math:`\tanh^{-1}` of the
    coefficients.

    References:
        Salimans, Karpathy, Chen and Kingma, 2017, "PixelCNN++: improving the PixelCNN with discretized logistic mixture
        likelihood and other modifications".

    Examples:
        >>> sum(size[0] for size in DiscretizedLogisticMixture(components=10).heads((3, 32, 32)).values())
        100
    """

    kind: Literal["discretized_logistic_mixture"] = "discretized_logistic_mixture"
    components: Annotated[int, Field(ge=2)] = 10
    """Number M of components."""
    scale: Scale = Exp(bounds=(-14.0, 2.0))
    """Parameterisation of the logistics' scale, in units of half the range of levels."""

    def heads(self, event: Size) -> dict[str, Size]:
        """Return `logits`, `loc`, `scale`, and `coefficients` where there are several channels."""
        channels, *grid = event
        sizes = super().heads((self.components * channels, *grid)) | {"logits": (self.components, *grid)}
        pairs = self.components * channels * (channels - 1) // 2
        return sizes | {"coefficients": (pairs, *grid)} if pairs else sizes

    def __call__(self, raw: Mapping[str, Tensor], event: Size) -> distributions.DiscretizedLogisticMixture:
        """Return the mixture."""
        channels, *grid = event
        half = (self.levels - 1) / 2
        loc, scale = (per_dimension(part, self.components, event) * half for part in self.parts(raw))
        pairs = (channels * (channels - 1) // 2, *grid)
        if pairs[0]:
            coefficients = torch.tanh(per_dimension(raw["coefficients"], self.components, pairs))
        else:
            coefficients = loc.narrow(-len(event), 0, 0)
        logits = distributions.single(raw["logits"])
        return distributions.DiscretizedLogisticMixture(
            logits, loc + half, scale, coefficients, levels=self.levels, grid=len(grid)
        )
