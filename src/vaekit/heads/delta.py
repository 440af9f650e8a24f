"""The posterior of an autoencoder without noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import Tensor

from vaekit import distributions
from vaekit.heads.family import Family
from vaekit.value import Size

__all__ = ["Delta"]


class Delta(Family):
    """A point per datum: no density, hence no rate and no bound, and an objective that does without (`rae`, `wae`).

    Examples:
        >>> import torch
        >>> Delta()({"loc": torch.ones(3, 2)}, (2,)).rsample((4,)).shape
        torch.Size([4, 3, 2])
    """

    kind: Literal["delta"] = "delta"

    def heads(self, event: Size) -> dict[str, Size]:
        """Return `loc`."""
        return {"loc": event}

    def __call__(self, raw: Mapping[str, Tensor], event: Size) -> distributions.Delta:
        """Return the point."""
        return distributions.Delta(distributions.single(raw["loc"]), len(event), validate_args=False)
