"""Several categorical variables side by side, each with a number of levels of its own."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias, cast

import torch
from torch import Size, Tensor
from torch.autograd.function import once_differentiable
from torch.distributions import Distribution, constraints

from vaekit.distributions.point import point
from vaekit.distributions.temperature import temper

__all__ = ["Categoricals"]

_Levels: TypeAlias = tuple[int, ...]


class Categoricals(Distribution):
    r"""J independent categoricals with :math:`L_1, \dots, L_J` levels, whose logits lie side by side; no padding.

    The batch shape is `(..., J)`, the event one level. Levels have no order here: the `point` is the mode.

    Args:
        logits: :math:`\log P` up to a constant per variable, `(..., L_1 + ... + L_J)`.
        levels: :math:`L_1, \dots, L_J`. Neighbours with equally many levels share one operation.

    Examples:
        >>> Categoricals(torch.zeros(1, 6), (2, 4)).log_prob(torch.tensor([[1.0, 3.0]])).exp()
        tensor([[0.5000, 0.2500]])
    """

    arg_constraints = {"logits": constraints.real}  # noqa: RUF012 (the contract of torch.distributions)
    support = constraints.nonnegative_integer

    def __init__(self, logits: Tensor, levels: Sequence[int]) -> None:
        self._unnormalized, self.levels = logits, tuple(levels)
        super().__init__(torch.Size((*logits.shape[:-1], len(self.levels))), validate_args=False)

    @property
    def logits(self) -> Tensor:
        """All log P(k), in the shape of the logits that were given."""
        return torch.cat([run.log_softmax(-1).flatten(-2) for run in self._runs()], -1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return log P(value) per variable, of levels `(..., J)` given as floats."""
        place = value.long() + _starts(self.levels, value.device)
        lead = torch.broadcast_shapes(place.shape[:-1], self._unnormalized.shape[:-1])
        place = place.expand(*lead, -1)
        quick = _exponentials(self._unnormalized.detach(), self.levels)
        if quick is None:
            return self.logits.expand(*lead, -1).gather(-1, place)
        logits, *parts = (part.expand(*lead, -1) for part in (self._unnormalized, *quick))
        return cast(Tensor, _Chosen.apply(logits, place, *parts, self.levels))

    @property
    def mode(self) -> Tensor:
        """The most probable level of each variable, as floats `(..., J)`."""
        return torch.cat([run.argmax(-1) for run in self._runs()], -1).to(self._unnormalized.dtype)

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return levels as floats."""
        with torch.no_grad():
            draws = [_inverted(run, torch.Size(sample_shape)) for run in self._runs()]
            return torch.cat(draws, -1).to(self._unnormalized.dtype)

    def _runs(self) -> list[Tensor]:
        return _split(self._unnormalized, self.levels)


def _inverted(logits: Tensor, sample_shape: Size) -> Tensor:
    """Return levels by the inverse of the distribution function: a search in L numbers, where noise per level takes all of them.

    Args:
        logits: `(..., L)`.
        sample_shape: Of the draws, in front.
    """
    upper = (logits - logits.amax(-1, keepdim=True)).exp_().cumsum(-1)
    count = sample_shape.numel()
    height = torch.rand(*upper.shape[:-1], count, dtype=upper.dtype, device=upper.device) * upper[..., -1:]
    levels = torch.searchsorted(upper, height, right=True).clamp_max_(upper.shape[-1] - 1)
    return levels.movedim(-1, 0).unflatten(0, sample_shape) if sample_shape else levels.squeeze(-1)


class _Chosen(torch.autograd.Function):
    """Log-probabilities of chosen levels, whose gradient takes one pass over all exponentials.

    With some twenty small softmaxes per row, autograd's own gradients would take as long as a layer of the network.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, place: Tensor, exponentials: Tensor, sums: Tensor, log_sums: Tensor, levels: _Levels
    ) -> Tensor:
        ctx.save_for_backward(place, exponentials, sums)
        ctx.levels = levels
        return logits.gather(-1, place).sub_(log_sums).clamp_max_(0)  # rounding makes no probability larger than 1

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        place, exponentials, sums = ctx.saved_tensors
        runs = _split(exponentials, ctx.levels)
        each = (slope / sums).neg_().split([run.shape[-2] for run in runs], -1)
        gradient = torch.cat([(run * part.unsqueeze(-1)).flatten(-2) for run, part in zip(runs, each, strict=True)], -1)
        return gradient.scatter_add_(-1, place, slope), None, None, None, None, None


def _exponentials(logits: Tensor, levels: _Levels) -> tuple[Tensor, Tensor, Tensor] | None:
    """Return the exponentials of logits `(..., L)` in units of each row's largest, their sums `(..., J)` and log-sums.

    One unit for all variables of a row saves the search for the largest of each. None where a variable lies too far below
    its neighbours for that, and on devices that would have to wait for the answer.
    """
    if logits.device.type != "cpu":
        return None
    largest = logits.amax(-1, keepdim=True)
    exponentials = (logits - largest).exp_()
    sums = torch.cat([part.sum(-1) for part in _split(exponentials, levels)], -1)
    if not (sums > torch.finfo(sums.dtype).tiny).all():
        return None
    return exponentials, sums, sums.log() + largest


def _split(logits: Tensor, levels: _Levels) -> list[Tensor]:
    """Return the logits of neighbours with equally many levels, each `(..., n, L)`."""
    runs = [(count, len(list(same))) for count, same in itertools.groupby(levels)]
    parts = logits.split([count * same for count, same in runs], -1)
    return [part.unflatten(-1, (same, count)) for part, (count, same) in zip(parts, runs, strict=True)]


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # what is kept must serve a training step too
def _starts(levels: _Levels, device: torch.device) -> Tensor:
    """Return where each variable's logits begin, `(J,)`."""
    return torch.tensor([0, *itertools.accumulate(levels[:-1])], device=device)


@point.register
def _(distribution: Categoricals) -> Tensor:
    return distribution.mode


@temper.register
def _(distribution: Categoricals, temperature: float) -> Categoricals:
    return Categoricals(distribution._unnormalized / temperature, distribution.levels)
