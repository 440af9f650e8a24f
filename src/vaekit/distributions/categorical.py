"""The categorical distribution over ordered levels."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
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

    def __init__(self, logits: Tensor, *, validate_args: bool | None = None) -> None:
        self._unnormalized, self._num_events = logits, logits.shape[-1]
        distributions.Distribution.__init__(self, logits.shape[:-1], validate_args=validate_args)

    @property
    def logits(self) -> Tensor:
        """log P(k), `(..., L)`: only where it is asked for, since a copy of them costs more than a step's products."""
        return self._unnormalized.log_softmax(-1)

    @property
    def _param(self) -> Tensor:  # type: ignore[override]  # torch stores it
        return self._unnormalized

    def expand(self, batch_shape: Any, _instance: Any = None) -> Categorical:
        """Return the same distribution over a larger batch."""
        logits = self._unnormalized.expand(*batch_shape, self._num_events)
        return Categorical(logits=logits, validate_args=self._validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return log P(value), in one pass over the logits."""
        if self._validate_args:
            self._validate_sample(value)
        levels, logits = torch.broadcast_tensors(value.long().unsqueeze(-1), self._unnormalized)
        chosen = levels[..., 0]
        loss = F.cross_entropy(logits.flatten(0, -2), chosen.flatten(), reduction="none")
        return -loss.view(chosen.shape)

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
