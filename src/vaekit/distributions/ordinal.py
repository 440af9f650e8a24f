"""The ordinal distribution: levels that have an order, as intervals of one hidden number."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Size, Tensor
from torch.distributions import Distribution, constraints

from vaekit.distributions.categorical import Categorical
from vaekit.distributions.point import point
from vaekit.distributions.temperature import temper

__all__ = ["Ordinal"]


class Ordinal(Distribution):
    r"""Cumulative logits: :math:`P(x \le k) = \sigma(c_k)` for the cut points :math:`c_0 < c_1 < \dots < c_{L-2}`.

    .. math:: \log P(k) = \log \sigma(c_k) + \log \sigma(-c_{k-1}) + \log(1 - e^{-(c_k - c_{k-1})}),

    where the first level has only its first term, and the last one only its second. Its `point` is the median.

    References:
        McCullagh, 1980, "Regression models for ordinal data".

    Args:
        first: The first cut point :math:`c_0`, any shape.
        gaps: How far each further cut point lies above the one before it, positive, `(*first.shape, L - 2)`.

    Examples:
        >>> Ordinal(torch.zeros(1), torch.full((1, 1), 2.0)).probs
        tensor([[0.5000, 0.3808, 0.1192]])
    """

    arg_constraints = {"first": constraints.real, "gaps": constraints.positive}  # noqa: RUF012 (the contract of torch)

    def __init__(self, first: Tensor, gaps: Tensor, validate_args: bool | None = None) -> None:
        self.first, self.gaps = first, gaps
        super().__init__(first.shape, validate_args=validate_args)

    @property
    def levels(self) -> int:
        """L."""
        return self.gaps.shape[-1] + 2

    @property
    def support(self) -> constraints.Constraint:
        """The integers 0 to L - 1."""
        return constraints.integer_interval(0, self.levels - 1)

    @property
    def logits(self) -> Tensor:
        """log P(k), `(..., L)`."""
        cuts = self._cuts
        inner = torch.log(-torch.expm1(-self.gaps))
        below, above = F.logsigmoid(cuts), F.logsigmoid(-cuts)
        return torch.cat([below[..., :1], below[..., 1:] + above[..., :-1] + inner, above[..., -1:]], -1)

    @property
    def probs(self) -> Tensor:
        """P(k), `(..., L)`."""
        return self.logits.exp()

    def log_prob(self, value: Tensor) -> Tensor:
        """Return log P(value) of levels given as floats."""
        if self._validate_args:
            self._validate_sample(value)
        level, logits = torch.broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return logits.gather(-1, level[..., :1]).squeeze(-1)

    @property
    def mean(self) -> Tensor:
        """The mean level: that of the number of cut points below."""
        return torch.sigmoid(-self._cuts).sum(-1)

    @property
    def variance(self) -> Tensor:
        """The variance of the level."""
        return Categorical(logits=self.logits, validate_args=False).variance

    @property
    def median(self) -> Tensor:
        """The least level that is not exceeded with a probability of a half or more."""
        return (self._cuts < 0).sum(-1).to(self.first.dtype)

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return levels as floats: the number of cut points below a logistic draw."""
        with torch.no_grad():
            u = torch.rand(self._extended_shape(sample_shape), dtype=self.first.dtype, device=self.first.device)
            return (self._cuts.sigmoid() <= u.unsqueeze(-1)).sum(-1).to(self.first.dtype)

    @property
    def _cuts(self) -> Tensor:
        return torch.cat([self.first.unsqueeze(-1), self.gaps], -1).cumsum(-1)


@point.register
def _(distribution: Ordinal) -> Tensor:
    return distribution.median


@temper.register
def _(distribution: Ordinal, temperature: float) -> Ordinal:
    # The hidden number's scale is what is multiplied: towards 0 the median level is left.
    return Ordinal(distribution.first / temperature, distribution.gaps / temperature, validate_args=False)
