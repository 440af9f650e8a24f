"""The distribution over rows of a table: columns of different kinds side by side, any of which may be missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Size, Tensor
from torch.distributions import Categorical, Distribution, constraints

from vaekit.distributions.counts import NegativeBinomial, Poisson, Tempered, ZeroInflated
from vaekit.distributions.point import point
from vaekit.distributions.temperature import temper

__all__ = ["Columns"]


class Columns(Distribution):
    r"""Independent cells of different kinds: :math:`p(x) = \prod_{j\ \mathrm{observed}} p_j(x_j)`.

    A cell that is NaN is not observed: it is left out of the product, which is the exact marginal over it. So is an infinite
    one, whose value the columns do not know: its probability is for others to add. Such a cell is filled with 0, which lies in the support of every kind of column, BEFORE the densities are asked, and left out after, so that
    no gradient is ever NaN.

    References:
        Nazabal, Olmos, Ghahramani and Valera, 2020, "Handling incomplete heterogeneous data using VAEs".

    Args:
        parts: Which columns a distribution is of, as indices `(J,)`, and the distribution, with batch `(*S, B, J)`.
            Every column 0 .. D - 1 is in exactly one part.

    Examples:
        >>> real = torch.distributions.Normal(torch.zeros(1, 2), 1.0)
        >>> columns = Columns([(torch.tensor([0, 1]), real)])
        >>> columns.log_prob_cells(torch.tensor([[0.0, torch.nan]]))
        tensor([[-0.9189,  0.0000]])
    """

    arg_constraints = {}  # noqa: RUF012 (the contract of torch.distributions)
    support = constraints.independent(constraints.real, 1)

    def __init__(self, parts: Sequence[tuple[Tensor, Distribution]]) -> None:
        self.parts = tuple(parts)
        self._order = torch.cat([indices for indices, _ in self.parts])
        super().__init__(self.parts[0][1].batch_shape[:-1], self._order.shape, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-likelihood in nats of rows `(..., B, D)`, of the cells that are finite."""
        return self._grouped(value).sum(-1)

    def log_prob_cells(self, value: Tensor) -> Tensor:
        """Return the log-likelihood in nats of each cell, `(*S, B, D)`: 0 where it is not observed."""
        return self._placed(self._grouped(value))

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return rows; a draw has no missing cells."""
        return self._gathered([distribution.sample(torch.Size(sample_shape)) for _, distribution in self.parts])

    def points(self) -> Tensor:
        """Return one value per cell: a number's mean, a category's mode, a rank's median, a count's rounded mean."""
        return self._gathered([_cell(distribution) for _, distribution in self.parts])

    def _grouped(self, value: Tensor) -> Tensor:
        """Return the cells' log-likelihoods in the order of the parts."""
        x = value.index_select(-1, self._order)
        missing = ~x.isfinite()
        cells = x.masked_fill(missing, 0).split([len(indices) for indices, _ in self.parts], -1)
        found = [distribution.log_prob(cell) for (_, distribution), cell in zip(self.parts, cells, strict=True)]
        return torch.cat(found, -1).masked_fill(missing, 0)

    def _gathered(self, values: Sequence[Tensor]) -> Tensor:
        return self._placed(torch.cat(list(values), -1))

    def _placed(self, cells: Tensor) -> Tensor:
        return cells.index_select(-1, self._order.argsort())


def _cell(distribution: Distribution) -> Tensor:
    match distribution:
        case Poisson() | NegativeBinomial() | ZeroInflated() | Tempered():
            return distribution.mean.round()
        case Categorical():  # vaekit's own among them, whose point is the mean: that of a category means nothing
            return distribution.logits.argmax(-1).to(distribution.logits.dtype)
        case _:
            return point(distribution)


@point.register
def _(distribution: Columns) -> Tensor:
    return distribution.points()


@temper.register
def _(distribution: Columns, temperature: float) -> Columns:
    return Columns([(indices, temper(part, temperature)) for indices, part in distribution.parts])
