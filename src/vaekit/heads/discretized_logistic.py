"""The discretised logistic family: likelihoods of integer levels, 8-bit pixels above all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.distributions import Independent

from vaekit import distributions
from vaekit.heads.family import Family, Support
from vaekit.heads.scale import Exp, Scale
from vaekit.value import Size

__all__ = ["DiscretizedLogistic"]


class DiscretizedLogistic(Family):
    r"""A logistic density gathered on levels 0 .. L - 1; see `vaekit.distributions.DiscretizedLogistic`.

    The network works in units where the levels span [-1, 1]; the density is evaluated in level units, where single
    precision keeps its mass. Bounds of (-14, 2) on :math:`2 \log s` mean a log-scale in [-7, 1].

    Examples:
        >>> raw = {"loc": torch.zeros(1, 2), "scale": torch.zeros(1, 2)}
        >>> point = DiscretizedLogistic(levels=256)(raw, (2,)).base_dist
        >>> point.loc, point.scale[0, 0].item()
        (tensor([[127.5000, 127.5000]]), 127.5)
    """

    kind: Literal["discretized_logistic"] = "discretized_logistic"
    levels: Annotated[int, Field(ge=2)] = 256
    """Number of levels of the data."""
    scale: Scale = Exp(bounds=(-14.0, 2.0))
    """Parameterisation of the logistic's scale s, in units of half the range of levels."""

    @property
    def support(self) -> Support:
        """The integers 0 .. L - 1."""
        return "levels"

    def heads(self, event: Size) -> dict[str, Size]:
        """Return `loc`, and `scale` where the network gives it."""
        return {"loc": event, "scale": event} if self.scale.source == "head" else {"loc": event}

    def start(self) -> dict[str, float]:
        """Begin at s = 1, half the range: nearly uniform over the levels."""
        return {"scale": self.scale.start()} if self.scale.source == "head" else {}

    def shared(self, event: Size) -> dict[str, Tensor]:
        """Return the one scale for all data, where there is one."""
        return {"scale": torch.tensor(self.scale.start())} if self.scale.source == "shared" else {}

    def check(self, x: Tensor) -> None:
        """Refuse anything but integers from 0 to `levels` - 1."""
        if (x != x.round()).any() or x.min() < 0 or x.max() > self.levels - 1:
            raise ValueError(
                f"likelihood 'discretized_logistic' needs integers 0 .. {self.levels - 1}, but x lies in "
                f"[{x.min():.4g}, {x.max():.4g}]; set likelihood.levels, or use likelihood=gaussian for real values"
            )

    def __call__(self, raw: Mapping[str, Tensor], event: Size) -> Independent:
        """Return the discretised logistic."""
        half = (self.levels - 1) / 2
        loc = raw["loc"]
        scale = self.scale.sigma(loc if self.scale.source == "constant" else raw["scale"])
        base = distributions.DiscretizedLogistic((loc + 1) * half, scale * half, self.levels, validate_args=False)
        return Independent(base, len(event), validate_args=False)
