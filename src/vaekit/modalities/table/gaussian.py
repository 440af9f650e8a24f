r"""A Gaussian of all cells of a table beside its VAE, so that linear relations are exact in small tables too.

A VAE needs many rows to find what a covariance says at once. So a model for imputation has both, and a draw of a missing
cell comes from one of the two conditional distributions:

.. math:: p(x_{missing} \mid x_{observed}) = (1 - w)\, p_{VAE}(x_{missing} \mid x_{observed}) + w\, N(x_{missing} \mid x_{observed})

The weight w of each variable is chosen on held-out cells. The densities and samples of the model are those of the VAE alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaekit.data import Slot
from vaekit.models import VAE, evaluating, resample

__all__ = ["CellGaussian", "StackedVAE", "cell_width"]

_SHRINKAGE = (1.0, 3.0, 10.0, 30.0)  # rows that the prior of the covariance may count as
_TURNS = 40  # of expectation maximization
_PARTS = 5  # parts of the columns that are hidden in turns
_DRAWS = 100
_PRIOR_CELLS = 200  # cells that the common weight counts as beside those of a variable
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
        Little and Rubin, 2019, "Statistical analysis with missing data" (chapter 11); Wolpert, 1992, "Stacked
        generalization"; Breiman, 1996, "Stacked regressions" (the weights).

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
        self.register_buffer("weight", torch.zeros(len(self.slots)))

    mean: Tensor
    covariance: Tensor
    shrinkage: Tensor
    weight: Tensor

    def fit(self, x: Tensor) -> None:
        """Fit to rows `(N, D)`; how far the covariance is shrunk is chosen by the errors of hidden cells in a fifth of them."""
        features = self.features(x)
        seen, held = features[len(x) // 5 :], x[: len(x) // 5]
        if len(held):
            errors = [self._fit(seen, shrinkage)._error(held) for shrinkage in _SHRINKAGE]
            self.shrinkage.fill_(_SHRINKAGE[min(range(len(errors)), key=errors.__getitem__)])
        self._fit(features, self.shrinkage.item())

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

    def mixed(self, x: Tensor, drawn: Tensor) -> Tensor:
        """Return draws `(K, N, D)` of which this Gaussian's replace as large a share as the weights of the variables say."""
        own = self.draw(x, len(drawn))
        place = torch.rand(*drawn.shape[:2], 1, device=x.device).argsort(0)
        return torch.where(place < (self.weight * len(drawn)).round(), own, drawn)

    def features(self, x: Tensor) -> Tensor:
        """Return the features `(..., W)` of rows `(..., D)`, in double precision; NaN where a cell is missing."""
        # Infinity is the code of a value that training did not have.
        x = torch.where(x.isfinite(), x.double(), torch.nan)
        parts = [_features(slot, cells) for slot, cells in zip(self.slots, x.unbind(-1), strict=True)]
        return torch.cat(parts, -1)

    def hidden(self, x: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield rows with a part of the columns hidden, and of which features these are, `(W,)`, until all were hidden."""
        units = torch.tensor(self.together, device=x.device)
        widths = torch.tensor(self.widths, device=x.device)
        for part in range(min(_PARTS, len(set(self.together)))):
            gone = units.unique(return_inverse=True)[1] % _PARTS == part
            yield x.masked_fill(gone, torch.nan), gone.repeat_interleave(widths)

    @property
    def _variances(self) -> Tensor:
        return self.covariance.diag().double()

    def _fit(self, features: Tensor, shrinkage: float) -> CellGaussian:
        observed = ~features.isnan()
        count = observed.sum(0).clamp_min(1)
        mean = features.nansum(0) / count
        prior = ((features - mean).square().nansum(0) / count).clamp_min(1e-6)
        covariance = prior.diag()
        for _ in range(_TURNS):
            self.mean.copy_(mean), self.covariance.copy_(covariance)
            filled, within = [], torch.zeros_like(covariance)
            for rows in features.split(max(1, _NUMBERS // features.shape[1] ** 2)):
                found = self._conditional(rows)
                filled.append(found.mean)
                within += torch.einsum("p,pij->ij", found.pattern.bincount().double(), found.rest)
            whole = torch.cat(filled)
            mean, before = whole.mean(0), covariance
            off = whole - mean
            covariance = (off.T @ off + within + shrinkage * prior.diag()) / (len(features) + shrinkage)
            if (covariance - before).abs().max() < 1e-3 * prior.max():
                break
        self.mean.copy_(mean), self.covariance.copy_(covariance)
        return self

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
        """Return the mean squared error of hidden cells, each feature in its standard deviations."""
        truth, errors = self.features(x), []
        for rows, gone in self.hidden(x):
            off = (self._conditional(self.features(rows)).mean - truth)[:, gone]
            errors.append(off.square().nansum(0) / self._variances[gone])
        return float(torch.cat(errors).sum())

    def _rows(self, features: Tensor) -> Tensor:
        parts = zip(self.slots, features.split(self.widths, -1), strict=True)
        return torch.stack([_cells(slot, part) for slot, part in parts], -1)


class StackedVAE(VAE):
    """A VAE of rows that has a Gaussian of all cells beside it, for imputation.

    Args:
        prior: The prior of the VAE, and so on.
        posterior: See `VAE`.
        likelihood: See `VAE`.
        gaussian: The Gaussian; it is fitted before training, and weighed after it.
    """

    def __init__(self, prior: nn.Module, posterior: nn.Module, likelihood: nn.Module, gaussian: CellGaussian) -> None:
        super().__init__(prior, posterior, likelihood)
        self.gaussian = gaussian

    def initialize(self, x: Tensor, *context: Tensor) -> None:
        """Fit the Gaussian to rows `(N, D)`, and start what else starts from data."""
        super().initialize(x, *context)
        self.gaussian.fit(x)

    def weigh(self, x: Tensor) -> float:
        r"""Choose the weight of the Gaussian for each variable on held-out rows `(N, D)`; return their mean.

        With the means v of the VAE, g of the Gaussian and the truth t of hidden cells, :math:`\sum (t - v - w (g - v))^2` is
        least at :math:`w = \sum (t - v)(g - v) / \sum (g - v)^2`. The weights of all variables are drawn to a common one,
        and that one to a half, because a small table hides few cells.
        """
        gaussian, count = self.gaussian, len(x)
        truth = gaussian.features(x)
        agreed, apart = (torch.zeros(truth.shape[1], dtype=torch.float64, device=x.device) for _ in range(2))
        with evaluating(self):
            for rows, gone in gaussian.hidden(x):
                z = resample(self, rows, proposals=_DRAWS, draws=_DRAWS).z
                vae, linear = (
                    gaussian.features(draws).mean(0)[:, gone]
                    for draws in (self.decode(*z).sample(), gaussian.draw(rows, _DRAWS))
                )
                gap = torch.where(truth[:, gone].isnan(), 0.0, linear - vae) / gaussian._variances[gone].sqrt()
                off = (truth[:, gone] - vae).nan_to_num() / gaussian._variances[gone].sqrt()
                agreed[gone], apart[gone] = (gap * off).sum(0), gap.square().sum(0)
        agreed, apart = (torch.stack([part.sum() for part in sums.split(gaussian.widths)]) for sums in (agreed, apart))
        more = _PRIOR_CELLS / max(1, count) * apart.mean().clamp_min(1e-12)
        common = ((agreed.sum() + more / 2) / (apart.sum() + more)).clamp(0, 1)
        gaussian.weight.copy_(((agreed + more * common) / (apart + more)).clamp(0, 1))
        return float(gaussian.weight.mean())


def cell_width(slots: Sequence[Slot]) -> int:
    """Return the number of features of a `CellGaussian`."""
    return sum(_width(slot) for slot in slots)


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
