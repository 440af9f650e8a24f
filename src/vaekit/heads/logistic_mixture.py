"""The mixture of logistics: likelihoods of real data with several modes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from vaekit import distributions
from vaekit.heads.family import Factorized, per_dimension
from vaekit.heads.location_scale import LocationScale
from vaekit.heads.scale import Scale, Softplus
from vaekit.value import Size

__all__ = ["LogisticMixture"]


class LogisticMixture(Factorized, LocationScale):
    """A mixture per dimension, see `vaekit.distributions.LogisticMixture`: three raw channels per component.

    References:
        Salimans, Karpathy, Chen and Kingma, 2017, "PixelCNN++: improving the PixelCNN with discretized logistic mixture
        likelihood and other modifications" (their mixture, here without bins).

    Examples:
        >>> sum(size[0] for size in LogisticMixture(components=5).heads((2,)).values())
        30
    """

    kind: Literal["logistic_mixture"] = "logistic_mixture"
    components: Annotated[int, Field(ge=2)] = 5
    """Number K of components per dimension."""
    scale: Scale = Softplus(floor=0.01)
    """Parameterisation of the logistics' scale s, of which the standard deviation is a multiple: exp, softplus, ..."""

    def heads(self, event: Size) -> dict[str, Size]:
        """Return `logits`, `loc`, and `scale` where the network gives it: K channels per dimension each."""
        channels = (self.components * event[0], *event[1:])
        return {"logits": channels, **super().heads(channels)}

    def elements(self, raw: Mapping[str, Tensor], event: Size) -> distributions.LogisticMixture:
        """Return the mixture."""
        logits, loc, scale = (
            # In memory the components come first: a vector of a few numbers would leave loops of that length inside.
            per_dimension(part, self.components, event).movedim(-len(event) - 1, 0).contiguous().movedim(0, -1)
            for part in (raw["logits"], *self.parts(raw))
        )
        return distributions.LogisticMixture(logits, loc, scale, validate_args=False)
