"""A Gaussian of all cells of a table, from rows with missing cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaekit.data import Slot

__all__ = ["CellGaussian", "cell_width"]

_SHRINKAGE = (1.0, 3.0, 10.0, 30.0)  # rows that the prior of the covariance may count as
_TURNS = 16  # of expectation maximization
_CLOSE = 1e-3  # change of all variances, as a share of the first ones, at which it ends
_CHOSEN = 512  # rows that the shrinkage is chosen by
_PARTS = 5  # parts of the columns that are hidden in turns
_NUMBERS = 4_000_000  # numbers in one batch of covariances


class _Conditional(NamedTuple):
    """The distribution of the missing features of rows.

    Args:
        mean: Features `(N, W)`, the observed ones as they are.
        rest: Conditional covariances of the patterns of missing cells, `(P, W, W)`.
        pattern: The pattern of each row, `(N,)`.
    """

    mean: Tensor
    rest: Tensor
    pattern: Tensor


class CellGaussian(nn.Module):
    r"""A Gaussian of the features of rows: numbers, log(1 + count), ranks, and an indicator for each category.

    The covariance is the mode under an inverse-Wishart prior at the variances of the features; expectation maximization
    fits it to rows with missing cells. A draw of a category is the largest of its indicators' draws.

    References:
        Little and Rubin, 2019, "Statistical analysis with missing data" (chapter 11).

    Args:
        slots: The variables.
        together: A number for each variable; those of equal numbers belong to one column.
    """

    def __init__(self, slots: Sequence[Slot], together: Sequence[int]) -> None:
        super().__init__()
        self.slots, self.together = tuple(slots), tuple(together)
        self.widths = [_width(slot) for slot in slots]
        self.register_buffer("mean", torch.zeros(sum(self.widths)))
        self.register_buffer("covariance", torch.eye(sum(self.widths)))
        self.register_buffer("shrinkage", torch.tensor(_SHRINKAGE[0]))

    mean: Tensor
    covariance: Tensor
    shrinkage: Tensor

    def fit(self, x: Tensor) -> None:
        """Fit to rows `(N, D)`; how far the covariance is shrunk is chosen by the errors of hidden cells in a fifth of them."""
        features = self.features(x)
        fold = min(len(x), _CHOSEN) // 5
        if fold:
            seen = features[fold:_CHOSEN]
            errors: list[float] = []
            self._start(seen)
            for shrinkage in _SHRINKAGE:  # each goes on where the one before it ended
                self._climb(seen, shrinkage, _TURNS // (1 + bool(errors)))
                errors.append(self._error(x[:fold]))
            self.shrinkage.fill_(_SHRINKAGE[errors.index(min(errors))])
        else:
            self._start(features)
        self._climb(features, self.shrinkage.item(), _TURNS)

    def draw(self, x: Tensor, count: int) -> Tensor:
        """Return draws of rows `(count, N, D)` given their observed cells."""
        features, drawn = self.features(x), []
        for rows in features.split(max(1, _NUMBERS // features.shape[1] ** 2)):
            mean, rest, pattern = self._conditional(rows)
            root = torch.linalg.cholesky(rest + 1e-6 * self._variances.diag())
            noise = torch.randn(count, *rows.shape, dtype=rows.dtype, device=rows.device)
            whole = mean + torch.einsum("nij,knj->kni", root[pattern], noise)
            drawn.append(torch.where(rows.isnan(), whole, mean))
        return self._rows(torch.cat(drawn, 1)).to(x.dtype)

    def expected(self, x: Tensor) -> Tensor:
        """Return the features `(N, W)` of rows `(N, D)`, the missing ones at their expectation given the observed ones."""
        parts = self.features(x).split(max(1, _NUMBERS // sum(self.widths) ** 2))
        return torch.cat([self._conditional(rows).mean for rows in parts])

    def features(self, x: Tensor) -> Tensor:
        """Return the features `(..., W)` of rows `(..., D)`, in double precision; NaN where a cell is missing."""
        # Infinity is the code of a value that training did not have.
        x = torch.where(x.isfinite(), x.double(), torch.nan)
        parts = [_features(slot, cells) for slot, cells in zip(self.slots, x.unbind(-1), strict=True)]
        return torch.cat(parts, -1)

    def hidden(self, x: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield rows with a random part of their columns hidden, and which features these are, `(N, W)`, until all were hidden."""
        columns, place = torch.tensor(self.together).unique(return_inverse=True)
        order = (
            torch.rand(len(x), len(columns), generator=torch.Generator().manual_seed(0))
            .argsort(1)[:, place]
            .to(x.device)
        )
        widths = torch.tensor(self.widths, device=x.device)
        for part in range(min(_PARTS, len(columns))):
            gone = order % _PARTS == part
            yield x.masked_fill(gone, torch.nan), gone.repeat_interleave(widths, 1)

    @property
    def _variances(self) -> Tensor:
        return self.covariance.diag().double()

    @property
    def scales(self) -> Tensor:
        """The unit of the errors of each feature: of a category's, the root of the variance of all its indicators."""
        whole = [part.sum().expand(len(part)) for part in self._variances.split(self.widths)]
        return torch.cat(whole).clamp_min(1e-6).sqrt()

    def _start(self, features: Tensor) -> None:
        mean, variances = _moments(features)
        self.mean.copy_(mean)
        self.covariance.copy_(variances.diag())

    def _climb(self, features: Tensor, shrinkage: float, turns: int) -> None:
        """Take some turns of expectation maximization."""
        prior = _moments(features)[1]
        for _ in range(turns):
            filled, within = [], torch.zeros_like(prior.diag())
            for rows in features.split(max(1, _NUMBERS // features.shape[1] ** 2)):
                found = self._conditional(rows)
                filled.append(found.mean)
                within += torch.einsum("p,pij->ij", found.pattern.bincount().double(), found.rest)
            whole, before = torch.cat(filled), self.covariance.double()
            off = whole - whole.mean(0)
            covariance = (off.T @ off + within + shrinkage * prior.diag()) / (len(features) + shrinkage)
            self.mean.copy_(whole.mean(0))
            self.covariance.copy_(covariance)
            if ((covariance - before).diag().abs() < _CLOSE * prior).all():
                break

    def _conditional(self, features: Tensor) -> _Conditional:
        mean, covariance = self.mean.double(), self.covariance.double()
        missing, pattern = features.isnan().unique(dim=0, return_inverse=True)
        seen = (~missing).double()
        cross = covariance * seen.unsqueeze(1)
        among = cross * seen.unsqueeze(2) + torch.diag_embed(missing.double() + 1e-9 * self._variances)
        slope = torch.cholesky_solve(cross.mT, torch.linalg.cholesky(among)).mT
        off = torch.where(features.isnan(), 0.0, features - mean)
        expected = mean + torch.einsum("nij,nj->ni", slope[pattern], off)
        gone = missing.double()
        rest = (covariance - slope @ cross.mT) * gone.unsqueeze(1) * gone.unsqueeze(2)
        return _Conditional(torch.where(features.isnan(), expected, features), rest, pattern)

    def _error(self, x: Tensor) -> float:
        """Return the squared error of hidden cells."""
        truth, errors = self.features(x), []
        for rows, gone in self.hidden(x):
            off = (self._conditional(self.features(rows)).mean - truth) / self.scales
            errors.append(off[gone].square().nansum())
        return float(torch.stack(errors).sum())

    def _rows(self, features: Tensor) -> Tensor:
        parts = zip(self.slots, features.split(self.widths, -1), strict=True)
        return torch.stack([_cells(slot, part) for slot, part in parts], -1)


def cell_width(slots: Sequence[Slot]) -> int:
    """Return the number of features of a `CellGaussian`."""
    return sum(_width(slot) for slot in slots)


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance of the observed cells of each feature, `(W,)` each."""
    count = (~features.isnan()).sum(0).clamp_min(1)
    mean = features.nansum(0) / count
    return mean, ((features - mean).square().nansum(0) / count).clamp_min(1e-6)


def _width(slot: Slot) -> int:
    return slot.levels if slot.kind == "categorical" else 1


def _features(slot: Slot, cells: Tensor) -> Tensor:
    match slot.kind:
        case "categorical":
            # The fraction of a code says which of the rare classes it is; they share the last one.
            whole = F.one_hot(cells.nan_to_num().long(), slot.levels).double()
            return whole.masked_fill(cells.isnan().unsqueeze(-1), torch.nan)
        case "count":
            return cells.log1p().unsqueeze(-1)
        case _:
            return cells.unsqueeze(-1)


def _cells(slot: Slot, features: Tensor) -> Tensor:
    match slot.kind:
        case "categorical":
            return features.argmax(-1).double()
        case "count":
            return features[..., 0].clamp(max=30).expm1().round().clamp_min(0)
        case "ordinal":
            return features[..., 0].round().clamp(0, slot.levels - 1)
        case _:
            return features[..., 0]
