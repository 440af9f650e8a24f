"""What all families of a location and a scale share: where the two come from, and where they start."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping

from torch import Tensor

from vaekit.distributions import single
from vaekit.heads.family import Family
from vaekit.heads.scale import AnyScale
from vaekit.value import Size

__all__ = ["LocationScale"]


class LocationScale(Family, ABC):
    """A family with a head `loc` and a `scale` in any parameterisation; to add one, write its `__call__`."""

    kind: str
    """Its name."""
    scale: AnyScale
    """Parameterisation of the scale."""

    def heads(self, event: Size) -> dict[str, Size]:
        """Return `loc`, and `scale` where the network gives it."""
        return {"loc": event, "scale": event} if self.scale.source == "head" else {"loc": event}

    def start(self) -> dict[str, float]:
        """Begin at a scale of 1."""
        return {"scale": self.scale.start()} if self.scale.source == "head" else {}

    def shared(self, event: Size) -> dict[str, Tensor]:
        """Return the one scale for all data, where there is one."""
        return {"scale": self.scale.weight()} if self.scale.source == "shared" else {}

    def parts(self, raw: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return location and scale, both `(*S, B, *event)`, in single precision or better."""
        loc = single(raw["loc"])
        sigma = self.scale.sigma(loc if self.scale.source == "constant" else single(raw["scale"]))
        return loc, sigma.to(loc.dtype).expand_as(loc)
