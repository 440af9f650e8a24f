"""Which cells a model of rows finds hard: the likelihood of each given the latents, and without them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vaekit.errors import NotApplicable
from vaekit.models import LatentVariableModel, evaluating

__all__ = ["CellLikelihoods", "cell_likelihoods"]


@dataclass(frozen=True)
class CellLikelihoods:
    r"""Log-likelihoods of cells, a value for each datum and each group of variables, 0 where nothing was observed.

    Args:
        given: :math:`E_{q(z \mid x)} \log p(x_j \mid z)` in nats, `(N, G)`; the sum over j is minus the distortion.
        alone: :math:`\log E_{q(z)} p(x_j \mid z)` in nats, `(N, G)`, z from the posteriors of other data: what the model says of the
            cell without knowing its row.
        observed: Whether anything of the group was observed, `(N, G)`.
        draws: Latents behind either number.
    """

    given: Tensor
    alone: Tensor
    observed: Tensor
    draws: int

    @property
    def mean(self) -> Tensor:
        """Mean log-likelihood of an observed cell given the latents, in nats, `(G,)`; NaN where none was observed."""
        return self._mean(self.given)

    @property
    def gain(self) -> Tensor:
        """Mean nats that the latents tell of an observed cell, `(G,)`: no unit of the data changes them."""
        return self._mean(self.given - self.alone)

    def _mean(self, values: Tensor) -> Tensor:
        return values.sum(0) / self.observed.sum(0)


def cell_likelihoods(
    model: LatentVariableModel,
    x: Tensor,
    *context: Tensor,
    groups: Sequence[Sequence[int]] | None = None,
    draws: int = 100,
    rows: int = 2000,
    seed: int = 0,
) -> CellLikelihoods:
    r"""Return how likely a model of rows finds each cell, with its latents and without.

    Where both are alike, :math:`\log p(x_j \mid z) \approx \log p(x_j)`, the latents tell nothing of the cell. Both are densities in
    the same units, so their difference has none: its mean is the information that z carries on :math:`x_j`, as the model reads
    it. The second is the log of a mean over draws, which lies below the truth; more draws make the difference smaller.

    References:
        Hoffman and Johnson, 2016, "ELBO surgery: yet another way to carve up the variational evidence lower bound" (the
        aggregate posterior).

    Args:
        model: A latent-variable model whose likelihood has `log_prob_cells`, as `vaekit.distributions.Columns`.
        x: Prepared data `(N, D)`; NaN is not observed.
        context: What they are conditioned on, `(N, C)`.
        groups: The variables of each group, which are judged together; by default each by itself.
        draws: Latents per datum, of its own posterior and of others'.
        rows: Decoder rows in one chunk.
        seed: Seed of the draws.

    Raises:
        NotApplicable: The likelihood has no cells, or there are fewer than two data to compare.
    """
    if len(x) < 2:
        raise NotApplicable(
            f"cells are compared with those of other rows, so two rows are needed, got {len(x)}; give more"
        )
    places = [[j] for j in range(x.shape[1])] if groups is None else groups
    with evaluating(model, seed):
        own = torch.arange(draws) % len(x)
        drawn = model.draw(model.infer(*(column[own] for column in (x, *context))))
        others = _Others(tuple(latent.z[0] for latent in drawn), own)
        columns = (column.split(max(1, rows // draws)) for column in (torch.arange(len(x)), x, *context))
        parts = [_part(model, part, others, places) for part in zip(*columns, strict=True)]
    given, alone = (torch.cat(side) for side in zip(*parts, strict=True))
    seen = torch.stack([(~x[:, list(group)].isnan()).any(1) for group in places], 1)
    return CellLikelihoods(given, alone, seen, draws)


class _Others(NamedTuple):
    """Latents of other data: draws of the aggregate posterior, and the datum that each was read off."""

    z: tuple[Tensor, ...]
    rows: Tensor


def _part(
    model: LatentVariableModel, given: tuple[Tensor, ...], others: _Others, groups: Sequence[Sequence[int]]
) -> tuple[Tensor, Tensor]:
    numbers, x, *context = given
    draws = len(others.rows)
    free = [z.unsqueeze(1).expand(draws, len(x), *z.shape[1:]) for z in others.z]
    seen = model.trace(x, model.infer(x, *context), samples=draws).likelihood
    own = others.rows.unsqueeze(1) == numbers
    unseen = model.decode(*free, context=tuple(context))
    with_row, without = (_grouped(likelihood, x, groups) for likelihood in (seen, unseen))
    without = without.masked_fill(own.to(x.device).unsqueeze(-1), -math.inf).logsumexp(0)
    count = (~own).sum(0).double().unsqueeze(-1)
    return with_row.mean(0).cpu(), without.cpu() - count.log()


def _grouped(likelihood: Any, x: Tensor, groups: Sequence[Sequence[int]]) -> Tensor:
    """Return the log-likelihoods of groups `(S, B, G)` in double precision."""
    if not hasattr(likelihood, "log_prob_cells"):
        raise NotApplicable(f"cells are those of a likelihood of columns, and this one is {type(likelihood).__name__}")
    cells = likelihood.log_prob_cells(x).double()
    return torch.stack([cells[..., list(group)].sum(-1) for group in groups], -1)
