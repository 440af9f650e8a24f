"""The distribution over rows of a table: columns of different kinds side by side, any of which may be missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Size, Tensor
from torch.distributions import Categorical, Distribution, constraints

from vaekit.distributions.counts import NegativeBinomial, Poisson, Tempered, ZeroInflated
from vaekit.distributions.point import point
from vaekit.distributions.temperature import temper

__all__ = ["Columns", "Evidence"]

_LEAST = -100.0  # nats of evidence that no value explains
_MOST = 2**21  # likelihoods of evidence in memory at once


class Evidence(Protocol):
    """Cells of a row that tell of others: these are missing, and the likelihood is the sum over what they may be."""

    places: Sequence[int]
    """The places of the cells that tell, E of them."""
    slots: Sequence[int]
    """The places of the others, S of them."""

    def completed(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return K values of the others for each row `(N, K, S)`, NaN for those that do not matter, and log-weights `(N, K)`."""


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
        evidence: What the last columns of a row tell of others. They belong to no part, and a draw lacks them.
        narrowed: What returns the distribution of some columns over some rows of the last batch axis.

    Examples:
        >>> real = torch.distributions.Normal(torch.zeros(1, 2), 1.0)
        >>> columns = Columns([(torch.tensor([0, 1]), real)])
        >>> columns.log_prob_cells(torch.tensor([[0.0, torch.nan]]))
        tensor([[-0.9189,  0.0000]])
    """

    arg_constraints = {}  # noqa: RUF012 (the contract of torch.distributions)
    support = constraints.independent(constraints.real, 1)

    def __init__(
        self,
        parts: Sequence[tuple[Tensor, Distribution]],
        evidence: Sequence[Evidence] = (),
        narrowed: Callable[[Tensor, Sequence[int]], Columns] | None = None,
    ) -> None:
        self.parts, self.evidence, self._narrowed = tuple(parts), tuple(evidence), narrowed
        self._order = torch.cat([indices for indices, _ in self.parts])
        size = len(self._order) + sum(len(each.places) for each in self.evidence)
        super().__init__(self.parts[0][1].batch_shape[:-1], Size((size,)), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-likelihood in nats of rows `(..., B, D)`, of the cells that are finite."""
        return self._grouped(value).sum(-1) + sum(self._of_evidence(each, value) for each in self.evidence)

    def log_prob_cells(self, value: Tensor) -> Tensor:
        """Return the log-likelihood in nats of each cell, `(*S, B, D)`: 0 where it is not observed."""
        found = self._placed(self._grouped(value))
        for each in self.evidence:
            found[..., each.places[0]] = self._of_evidence(each, value)
        return found

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return rows; a draw has no missing cells, but for evidence."""
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

    def completed(self, x: Tensor) -> Tensor:
        """Return draws `(*S, B, D)` of the missing cells of rows `(B, D)`, given the observed ones."""
        whole = torch.where(x.isfinite(), x, self.sample())
        for each in self.evidence:
            rows = x[..., list(each.places)].isfinite().any(-1).nonzero().flatten()
            for some in rows.split(self._rows(each, x)) if len(rows) else ():
                values, terms = self._terms(each, x, some)  # (n, K, S), (K, *S, n)
                noise = -torch.empty_like(terms).exponential_().log()
                chosen = (terms + noise).argmax(0)
                drawn = values[torch.arange(len(some), device=x.device), chosen]  # (*S, n, S)
                place = torch.tensor(list(each.slots), device=x.device)
                old = whole.index_select(-2, some).index_select(-1, place)
                new = whole.index_select(-2, some).index_copy(-1, place, torch.where(drawn.isnan(), old, drawn))
                whole = whole.index_copy(-2, some, new)
            whole[..., list(each.places)] = torch.nan
        return whole

    def _of_evidence(self, evidence: Evidence, value: Tensor) -> Tensor:
        """Return the log-likelihood `(*S, B)` of evidence, 0 where there is none."""
        found = value.new_zeros(torch.broadcast_shapes(self.batch_shape, value.shape[:-1]))
        rows = value[..., list(evidence.places)].isfinite().any(-1)
        if not rows.any():
            return found
        if value.dim() > 2:
            raise ValueError(
                f"evidence is that of rows (B, D), got the shape {tuple(value.shape)}; give rows without more axes"
            )
        for some in rows.nonzero().flatten().split(self._rows(evidence, value)):
            terms = self._terms(evidence, value, some)[1]
            found = found.index_copy(-1, some, terms.logsumexp(0).clamp_min(_LEAST).to(found.dtype))
        return found

    def _terms(self, evidence: Evidence, x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the values `(n, K, S)` of what is missing in some rows, and the log-likelihood of each `(K, *S, n)`."""
        if self._narrowed is None:
            raise ValueError("evidence needs the raw output of a network; this distribution has none")
        values, weights = evidence.completed(x[rows])
        lead = [1] * (len(self.batch_shape) - 1)
        each = values.movedim(1, 0).unflatten(0, (-1, *lead))
        return values, self._narrowed(rows, evidence.slots).log_prob(each) + weights.T.unflatten(0, (-1, *lead))

    def _rows(self, evidence: Evidence, x: Tensor) -> int:
        """Return how many rows of evidence fit into memory at once."""
        return max(1, _MOST // (512 * max(1, self.batch_shape[:-1].numel())))

    def _gathered(self, values: Sequence[Tensor]) -> Tensor:
        found = self._placed(torch.cat(list(values), -1))
        for each in self.evidence:
            found[..., list(each.places)] = torch.nan
        return found

    def _placed(self, cells: Tensor) -> Tensor:
        placed = cells.index_select(-1, self._order.argsort())
        return F.pad(placed, (0, self.event_shape[0] - len(self._order))) if self.evidence else placed


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
    parts = [(indices, temper(part, temperature)) for indices, part in distribution.parts]
    return Columns(parts, distribution.evidence)
