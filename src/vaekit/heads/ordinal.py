"""The ordinal family: likelihoods of levels that have an order but no distances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from vaekit import distributions
from vaekit.heads.family import Factorized, Leveled, per_dimension
from vaekit.value import Size

__all__ = ["Ordinal"]

_LEAST_GAP = 1e-6  # softplus underflows to 0 far to the left, where a level would have no probability at all


class Ordinal(Factorized, Leveled):
    r"""Cumulative logits, :math:`P(x \le k) = \sigma(c_k)`: the raw channels are the first cut point and the gaps.

    .. math:: c_0 = raw_0, \qquad c_k = c_{k-1} + \log(1 + e^{raw_k})

    References:
        McCullagh, 1980, "Regression models for ordinal data"; Nazabal, Olmos, Ghahramani and Valera, 2020, "Handling
        incomplete heterogeneous data using VAEs".

    Examples:
        >>> import torch
        >>> Ordinal(levels=3)({"cuts": torch.zeros(1, 2)}, (1,)).log_prob(torch.tensor([[0.0]])).exp()
        tensor([0.5000])
    """

    kind: Literal["ordinal"] = "ordinal"
    levels: Annotated[int, Field(ge=2)] = 5
    """Number of levels of the data."""

    def heads(self, event: Size) -> dict[str, Size]:
        """Return `cuts`, one fewer than there are levels, per dimension."""
        return {"cuts": ((self.levels - 1) * event[0], *event[1:])}

    def elements(self, raw: Mapping[str, Tensor], event: Size) -> distributions.Ordinal:
        """Return the ordinal distribution."""
        cuts = per_dimension(raw["cuts"], self.levels - 1, event).movedim(-len(event) - 1, -1)
        return distributions.Ordinal(cuts[..., 0], F.softplus(cuts[..., 1:]).clamp_min(_LEAST_GAP), validate_args=False)
