r"""A Gaussian of all cells of a table beside its VAE, so that linear relations are exact in small tables too.

A VAE needs many rows to find what a covariance says at once. So a model for imputation has both, and a draw of a missing
cell comes from one of the two conditional distributions:

.. math:: p(x_{missing} \mid x_{observed}) = (1 - w)\, p_{VAE}(x_{missing} \mid x_{observed}) + w\, N(x_{missing} \mid x_{observed})

The weight w of each variable is chosen on held-out cells. The densities and samples of the model are those of the VAE alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vaekit.modalities.table.gaussian import CellGaussian
from vaekit.models import VAE, evaluating, resample

__all__ = ["StackedVAE", "Stacking"]

_DRAWS = 100
_LEVEL = 0.9  # of the intervals that the spread is chosen by
_PRIOR_CELLS = 200  # cells that the common weight counts as beside those of a variable


class Stacking(nn.Module):
    """What a Gaussian of all cells contributes to the draws of a VAE: a weight for each variable, and a spread.

    References:
        Wolpert, 1992, "Stacked generalization"; Breiman, 1996, "Stacked regressions" (the weights).

    Args:
        gaussian: The Gaussian.
    """

    def __init__(self, gaussian: CellGaussian) -> None:
        super().__init__()
        self.gaussian = gaussian
        self.register_buffer("weight", torch.zeros(len(gaussian.slots)))
        self.register_buffer("spread", torch.ones(()))

    weight: Tensor
    spread: Tensor

    def mixed(self, x: Tensor, drawn: Tensor) -> Tensor:
        """Return draws `(K, N, D)` of which those of the Gaussian replace as large a share as the weights of the variables say.

        Draws of real numbers are then drawn to their mean, or away from it, by a factor: the `spread`.
        """
        both = self._both(drawn, self.gaussian.draw(x, len(drawn)))
        middle = both.mean(0)
        return torch.where(self._real.to(x.device), middle + self.spread * (both - middle), both)

    def weigh(self, x: Tensor, drawn: Sequence[Tensor]) -> None:
        r"""Choose weights and spread by rows `(N, D)`, and draws `(K, N, D)` of the VAE for each of the `hidden` parts.

        With the means v of the VAE, g of the Gaussian and the truth t of hidden cells, :math:`\sum (t - v - w (g - v))^2` is
        least at :math:`w = \sum (t - v)(g - v) / \sum (g - v)^2`. The weights of all variables are drawn to a common one,
        and that one to a half, because a small table hides few cells. The spread is the factor by which intervals of 90 %
        must grow to hold 90 % of the hidden numbers, drawn to 1.
        """
        truth, linear = (
            self.gaussian.features(x),
            [self.gaussian.draw(rows, _DRAWS) for rows, _ in self.gaussian.hidden(x)],
        )
        agreed, apart = (torch.zeros_like(truth[0]) for _ in range(2))
        for (_, gone), vae, own in zip(self.gaussian.hidden(x), drawn, linear, strict=True):
            first, second = (self.gaussian.features(draws).mean(0)[:, gone] for draws in (vae, own))
            gap = torch.where(truth[:, gone].isnan(), 0.0, second - first) / self.gaussian.scales[gone]
            off = (truth[:, gone] - first).nan_to_num() / self.gaussian.scales[gone]
            agreed[gone], apart[gone] = (gap * off).sum(0), gap.square().sum(0)
        agreed, apart = (
            torch.stack([part.sum() for part in sums.split(self.gaussian.widths)]) for sums in (agreed, apart)
        )
        more = _PRIOR_CELLS / len(x) * apart.mean().clamp_min(1e-12)
        common = ((agreed.sum() + more / 2) / (apart.sum() + more)).clamp(0, 1)
        self.weight.copy_(((agreed + more * common) / (apart + more)).clamp(0, 1))
        both = [self._both(*pair) for pair in zip(drawn, linear, strict=True)]
        needed = [self._needed(x, rows, draws) for (rows, _), draws in zip(self.gaussian.hidden(x), both, strict=True)]
        self._spread_to(torch.cat(needed))

    def _spread_to(self, needed: Tensor) -> None:
        if len(needed):
            found = needed.quantile(_LEVEL).log() * len(needed) / (len(needed) + _PRIOR_CELLS)
            self.spread.copy_(found.exp().clamp(0.5, 2.0))

    def _needed(self, x: Tensor, rows: Tensor, draws: Tensor) -> Tensor:
        """Return the factor by which the interval of each hidden number must grow to reach it."""
        asked = rows.isnan() & x.isfinite() & self._real.to(x.device)
        if not asked.any():
            return x.new_empty(0)
        truth, cells = x[asked], draws[:, asked]
        low, high = cells.quantile(torch.tensor([(1 - _LEVEL) / 2, (1 + _LEVEL) / 2], device=x.device), 0)
        middle = cells.mean(0)
        side = torch.where(truth > middle, high - middle, middle - low)
        return (truth - middle).abs() / side.clamp_min(1e-6)

    def _both(self, drawn: Tensor, own: Tensor) -> Tensor:
        place = torch.rand(*drawn.shape[:2], 1, device=drawn.device).argsort(0)
        return torch.where(place < (self.weight * len(drawn)).round(), own, drawn)

    @property
    def _real(self) -> Tensor:
        return torch.tensor([slot.kind == "real" for slot in self.gaussian.slots])


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
        self.stacking = Stacking(gaussian)

    def initialize(self, x: Tensor, *context: Tensor) -> None:
        """Fit the Gaussian to rows `(N, D)`, and start what else starts from data."""
        super().initialize(x, *context)
        self.stacking.gaussian.fit(x)

    def weigh(self, x: Tensor) -> float:
        """Choose by held-out rows `(N, D)` what the Gaussian contributes; return its mean weight."""
        with evaluating(self):
            latents = (
                resample(self, rows, proposals=_DRAWS, draws=_DRAWS).z for rows, _ in self.stacking.gaussian.hidden(x)
            )
            self.stacking.weigh(x, [self.decode(*z).sample() for z in latents])
        return float(self.stacking.weight.mean())
