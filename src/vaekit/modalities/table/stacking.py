r"""A Gaussian and a forest of all cells of a table beside its VAE, so that small tables are filled well too.

A VAE needs many rows to find what a covariance, or a neighbour, says at once. So a model for imputation has all three, and a
draw of a missing cell comes from one of the conditional distributions:

.. math:: p(x_{missing} \mid x_{observed}) = w_1\, p_{VAE} + w_2\, p_{Gaussian} + w_3\, p_{forest}

The weights of each variable are chosen on held-out cells. The densities and samples of the model are those of the VAE alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from vaekit.modalities.table.forest import CellForest
from vaekit.modalities.table.gaussian import CellGaussian
from vaekit.models import VAE, evaluating, resample

__all__ = ["StackedVAE", "Stacking"]

_DRAWS = 200
_LEVEL = 0.9  # of the intervals that the spread is chosen by
_START = (0.2, 0.4, 0.4)  # weights of VAE, Gaussian and forest where no held-out cell speaks
_PRIOR_CELLS = 200  # cells that the start counts as, and that all variables count as beside those of one
_SPREAD_CELLS = 50  # the latter, for the spread
_FEW = 2000  # training rows up to which the held-out rows are worth another fit
_SECONDS = 1e-5  # that the weighing takes for a row and a pair of variables
_FEWEST = 32  # held-out rows that weights are chosen on, at least
_STEPS = 20  # weights are whole multiples of 1 / 20


class Stacking(nn.Module):
    """What a Gaussian and a forest of all cells contribute to the draws of a VAE: weights for each variable, and a spread.

    References:
        Wolpert, 1992, "Stacked generalization"; Breiman, 1996, "Stacked regressions" (the weights); Clark and others, 2004,
        "The Schaake shuffle" (the order of the forest's draws); Papadopoulos and others, 2002, "Inductive confidence
        machines for regression" (the spread).

    Args:
        gaussian: The Gaussian.
    """

    def __init__(self, gaussian: CellGaussian) -> None:
        super().__init__()
        self.gaussian, self.forest = gaussian, CellForest()
        self.register_buffer("weight", torch.tensor(_START).unsqueeze(1).repeat(1, len(gaussian.slots)))
        self.register_buffer("spread", torch.ones(len(gaussian.slots)))

    weight: Tensor
    spread: Tensor

    def fit(self, x: Tensor, seconds: float = math.inf) -> None:
        """Fit Gaussian and forest to rows `(N, D)`."""
        self.gaussian.fit(x)
        self.forest.fit(x, self.gaussian, seconds)

    def mixed(self, x: Tensor, drawn: Tensor) -> Tensor:
        """Return draws `(K, N, D)`: the VAE's are `drawn`, and each member gives as large a share as its weight says.

        Draws of real numbers are then drawn to their mean, or away from it, by a factor: the `spread`.
        """
        return self._spread(self._pooled(self._members(x, drawn)))

    def weigh(self, x: Tensor, drawn: Sequence[Tensor]) -> None:
        r"""Choose weights and spreads by rows `(N, D)`, and draws `(K, N, D)` of the VAE for each of the `hidden` parts.

        The weights w of a variable minimize the squared errors :math:`\sum (t - \sum_m w_m v_m)^2` of hidden cells t by the
        means v of the members. They are drawn to those of all variables together, and these to the start, because a small
        table hides few cells. The spread is the factor by which intervals of 90 % must grow to hold 90 % of the hidden
        numbers of a variable, in the same way drawn to that of all variables, and this to 1.
        """
        hidden = [(rows, gone) for rows, gone in self.gaussian.hidden(x)]
        members = [self._members(rows, draws) for (rows, _), draws in zip(hidden, drawn, strict=True)]
        truth = self.gaussian.features(x)
        errors = torch.zeros(len(_START), *truth.shape, dtype=truth.dtype)
        for (_, gone), draws in zip(hidden, members, strict=True):
            means = torch.stack([self.gaussian.features(own).mean(0) for own in draws])
            errors = torch.where(gone, ((means - truth) / self.gaussian.scales).nan_to_num(), errors)
        products = torch.einsum("inw,jnw->ijw", errors, errors)
        products = torch.stack([part.sum(-1) for part in products.split(self.gaussian.widths, -1)])  # (D, 3, 3)
        self.weight.copy_(_weights(products, len(x)).T)
        if not self.forest.is_grown:  # the Gaussian stands in its place
            self.weight.copy_(
                torch.stack([self.weight[0], self.weight[1] + self.weight[2], torch.zeros_like(self.weight[2])])
            )
        needed = torch.full_like(x, torch.nan)
        for (rows, _), draws in zip(hidden, members, strict=True):
            asked = rows.isnan() & x.isfinite() & self._real
            needed[asked] = _needed(x[asked], self._pooled(draws)[:, asked])
        self.spread.copy_(_spreads(needed))

    def _members(self, x: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return draws of VAE, Gaussian and forest; those of the forest get the order that those of the Gaussian have.

        So cells of one row depend on each other in the draws of the forest too.
        """
        own, forest = self.gaussian.draw(x, len(drawn)), self.forest.draw(x, len(drawn), self.gaussian)
        ties = torch.rand_like(own).masked_fill(self._real, 0.0) / 2  # codes of classes, ranks and counts are whole
        order = (own + ties).argsort(0).argsort(0)
        return drawn, own, forest.sort(0).values.gather(0, order)

    def _pooled(self, members: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        vae, own, forest = members
        place = torch.rand(*vae.shape[:2], 1, device=vae.device).argsort(0)
        first, second = (self.weight[:2].cumsum(0) * len(vae)).round()
        return torch.where(place < first, vae, torch.where(place < second, own, forest))

    def _spread(self, drawn: Tensor) -> Tensor:
        middle = drawn.mean(0)
        return torch.where(self._real, middle + self.spread * (drawn - middle), drawn)

    @property
    def _real(self) -> Tensor:
        return torch.tensor([slot.kind == "real" for slot in self.gaussian.slots], device=self.weight.device)


def _weights(products: Tensor, count: int) -> Tensor:
    """Return the best weights `(D, 3)` for products `(D, 3, 3)` of the members' errors in rows."""
    grid = torch.tensor([w for w in itertools.product(range(_STEPS + 1), repeat=len(_START)) if sum(w) == _STEPS])
    grid = grid.to(products) / _STEPS
    own = products.diagonal(dim1=1, dim2=2)
    apart = (own.unsqueeze(1) + own.unsqueeze(2) - 2 * products).mean().clamp_min(1e-12) / count
    start = torch.tensor(_START).to(grid)

    def best(sums: Tensor, toward: Tensor) -> Tensor:
        lost = torch.einsum("gi,...ij,gj->...g", grid, sums, grid)
        return grid[(lost + _PRIOR_CELLS * apart * (grid - toward).square().sum(-1)).argmin(-1)]

    return best(products, best(products.sum(0), start))


def _needed(truth: Tensor, draws: Tensor) -> Tensor:
    """Return the factor by which the interval of each hidden number `(N,)` must grow to reach it, given draws `(K, N)`."""
    ends = np.quantile(draws.numpy(), [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2], axis=0, method="weibull")
    low, high = torch.from_numpy(ends).to(truth)
    middle = draws.mean(0)
    side = torch.where(truth > middle, high - middle, middle - low)
    return (truth - middle).abs() / side.clamp_min(1e-6)


def _spreads(needed: Tensor) -> Tensor:
    """Return the spread of each variable, `(D,)`, for needed factors `(N, D)` with NaN."""

    def drawn(some: Tensor, toward: float, prior: int) -> float:
        some = some[some > 0]
        found = np.log(np.quantile(some.numpy(), _LEVEL, method="weibull")) if len(some) else 0.0
        return float(len(some) * found + prior * toward) / (len(some) + prior)

    common = drawn(needed, 0.0, _PRIOR_CELLS)
    return torch.tensor([drawn(column, common, _SPREAD_CELLS) for column in needed.T]).exp().clamp(0.1, 2.0)


class StackedVAE(VAE):
    """A VAE of rows that has a Gaussian and a forest of all cells beside it, for imputation.

    Args:
        prior: The prior of the VAE, and so on.
        posterior: See `VAE`.
        likelihood: See `VAE`.
        gaussian: The Gaussian.
    """

    def __init__(self, prior: nn.Module, posterior: nn.Module, likelihood: nn.Module, gaussian: CellGaussian) -> None:
        super().__init__(prior, posterior, likelihood)
        self.stacking = Stacking(gaussian)

    def finish(self, train: Tensor, held_out: Tensor, seconds: float = math.inf) -> Tensor:
        """Fit Gaussian and forest to rows `(N, D)`, and weigh them by held-out rows; return the mean weights `(3,)`.

        In small tables they are then fitted again to all these rows. Where time is short, there are fewer trees and rows.
        """
        again = len(train) <= _FEW
        share = seconds / (2 + again)
        judged = held_out[: max(_FEWEST, int(min(len(held_out), share / (_SECONDS * train.shape[1] ** 2))))]
        with evaluating(self):
            self.stacking.fit(train, share)
            hidden = self.stacking.gaussian.hidden(judged)
            latents = (resample(self, rows, proposals=_DRAWS, draws=_DRAWS).z for rows, _ in hidden)
            self.stacking.weigh(judged, [self.decode(*z).sample() for z in latents])
            if again:
                self.stacking.fit(torch.cat([train, held_out]), share)
        return self.stacking.weight.mean(1)
