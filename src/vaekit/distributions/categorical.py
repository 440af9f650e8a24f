"""The categorical distribution over ordered levels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Size, Tensor, distributions

from vaekit.distributions.temperature import temper

__all__ = ["Categorical"]


class Categorical(distributions.Categorical):
    r"""torch's Categorical with levels given as floats, and with the moments of the levels :math:`0, \dots, L - 1`.

    Its `point` is the mean: levels are ordered, so the mean has the least squared error, where the mode of a flat
    distribution jumps from level to level.

    Args:
        logits: :math:`\log P(k)` up to a constant, `(..., L)`.

    Examples:
        >>> Categorical(logits=torch.zeros(1, 5)).mean
        tensor([2.0000])
    """

    @property
    def mean(self) -> Tensor:
        """The mean level."""
        return (self.logits.exp() * self._levels).sum(-1)  # no matrix product, which autocast would round

    @property
    def variance(self) -> Tensor:
        """The variance of the level."""
        return (self.logits.exp() * (self._levels - self.mean.unsqueeze(-1)).square()).sum(-1)

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return levels as floats."""
        return super().sample(torch.Size(sample_shape)).to(self.logits.dtype)

    @property
    def _levels(self) -> Tensor:
        return torch.arange(self.logits.shape[-1], dtype=self.logits.dtype, device=self.logits.device)


@temper.register
def _(distribution: Categorical, temperature: float) -> Categorical:
    return Categorical(logits=distribution.logits / temperature, validate_args=False)
