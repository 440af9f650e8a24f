"""The categorical family: likelihoods of few integer levels, with a free probability for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import Tensor

from vaekit import distributions
from vaekit.heads.family import Factorized, Leveled, per_dimension
from vaekit.value import Size

__all__ = ["Categorical"]


class Categorical(Factorized, Leveled):
    r"""A probability for each of the levels :math:`0, \dots, L - 1`, by softmax: any shape, at L raw channels per dimension.

    References:
        van den Oord, Kalchbrenner and Kavukcuoglu, 2016, "Pixel recurrent neural networks" (a softmax over 256 levels).

    Examples:
        >>> import torch
        >>> Categorical(levels=4)({"logits": torch.zeros(1, 8)}, (2,)).log_prob(torch.tensor([[0.0, 3.0]])).exp()
        tensor([0.0625])
    """

    kind: Literal["categorical"] = "categorical"

    def heads(self, event: Size) -> dict[str, Size]:
        """Return `logits`, one per level and dimension."""
        return {"logits": (self.levels * event[0], *event[1:])}

    def elements(self, raw: Mapping[str, Tensor], event: Size) -> distributions.Categorical:
        """Return the categorical distribution."""
        logits = per_dimension(raw["logits"], self.levels, event).movedim(-len(event) - 1, -1)
        return distributions.Categorical(logits=logits, validate_args=False)
