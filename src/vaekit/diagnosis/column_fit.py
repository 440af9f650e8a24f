r"""Columns: does a model of tables predict each column better than the column's own distribution does?

The latents of a row encode its cells, so log p(x_j | z) at z ~ q(z | x) should lie above the column's own log-density. It
should not lie below: even an unused column is as good as its marginal. If it does, the family does not suit the column, or
the decoder has learned what holds only for training rows. Per column j and observed cell,

.. math:: m_j = E \log \hat p_j(x_j) - E_{z \sim q(z \mid x)} \log p(x_j \mid z),

with :math:`\hat p_j` the column's distribution over training rows: its shares, or a kernel estimate of its density.

References:
    Nazabal, Olmos, Ghahramani and Valera, 2020, "Handling incomplete heterogeneous data using VAEs"; Silverman, 1986, "Density
    estimation for statistics and data analysis".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vaekit.data import Slot
from vaekit.diagnosis.finite import is_finite
from vaekit.diagnosis.subject import Subject, batches
from vaekit.distributions import Columns
from vaekit.models import evaluating

__all__ = ["ColumnFit", "column_fit", "marginal", "ordered_cells"]

_DRAWS = 4
_BATCH = 250
_TRAINED = 2000  # training rows that a column's own distribution is estimated from
_LEAST = 20  # observed cells in each part, below which a column is skipped
_TAILS = 0.05  # weight of a wide density added to the kernels, so that one outlier does not decide


@dataclass(frozen=True)
class ColumnFit:
    """How well the latents predict each variable of a table, in nats per observed cell.

    Args:
        slots: The variables.
        model: E log p(x_j | z) of held-out rows, `(D,)`; NaN of a variable that is hardly ever observed.
        marginal: The same under the variable's own distribution over training rows.
        errors: Standard errors of the difference over rows.
    """

    slots: tuple[Slot, ...]
    model: Tensor
    marginal: Tensor
    errors: Tensor

    @property
    def misfit(self) -> Tensor:
        """By how much each variable's own distribution is better, less two standard errors, `(D,)`."""
        return self.marginal - self.model - 2 * self.errors

    @property
    def worst(self) -> int | None:
        """The variable of the largest misfit; None where all of them are hardly ever observed."""
        known = ~self.misfit.isnan()
        return int(self.misfit.masked_fill(~known, -math.inf).argmax()) if known.any() else None


def column_fit(subject: Subject, count: int, seed: int = 0) -> ColumnFit | None:
    """Measure the first `count` test rows against at most 2,000 training rows.

    None if the data are no table, the likelihood has no columns, there are no training rows, or weights are not finite.
    """
    slots = subject.traits.slots
    if not slots or subject.train is None or not len(subject.train) or not is_finite(subject.model):
        return None
    x, *context = subject.given(subject.test, count)
    (train, *_) = subject.given(subject.train, _TRAINED)
    found = []
    with evaluating(subject.model, seed):
        for part, *given in batches((x, *context), _BATCH):
            likelihood = subject.model(part, *given, samples=_DRAWS).likelihood
            if not isinstance(likelihood, Columns):
                return None
            found.append(likelihood.log_prob_cells(part).mean(0))
    cells = torch.cat(found).double().cpu()
    x, train = x.double().cpu(), train.double().cpu()
    rows = [_compared(slot, cells[:, j], x[:, j], train[:, j]) for j, slot in enumerate(slots)]
    model, own, errors = torch.tensor(rows, dtype=torch.float64).unbind(1)
    return ColumnFit(slots, model, own, errors)


def _compared(slot: Slot, cells: Tensor, x: Tensor, train: Tensor) -> tuple[float, float, float]:
    """Return the mean log-likelihood of a variable by the model and by itself, and the error of their difference."""
    seen, known = x.isfinite(), train[train.isfinite()]
    if min(int(seen.sum()), len(known)) < _LEAST:
        return (math.nan,) * 3
    by_model, own = cells[seen], marginal(slot, known, x[seen])
    error = (own - by_model).std().item() / len(own) ** 0.5
    return by_model.mean().item(), own.mean().item(), error


def marginal(slot: Slot, known: Tensor, x: Tensor) -> Tensor:
    r"""Return the log-density or log-probability of values under the distribution of others, `(N,)`.

    Classes, ranks and counts have their smoothed shares, :math:`(n_k + \frac12) / (n + \frac{K + 1}{2})` with one more for all
    that were never seen. Real numbers have Gaussian kernels of Silverman's width, and a wide Cauchy density beside them.

    Args:
        slot: The variable.
        known: Values `(M,)`, float64.
        x: Values `(N,)`, float64.

    Examples:
        >>> marginal(Slot(name="a", kind="count"), torch.zeros(9).double(), torch.tensor([0.0, 7.0]).double()).exp()
        tensor([0.9500, 0.0500], dtype=torch.float64)
    """
    if slot.kind != "real":
        known, x = known.floor(), x.floor()  # rare classes share one
        values, counts = known.unique(return_counts=True)
        n = torch.where(x.unsqueeze(1) == values, counts, 0).sum(1).to(known.dtype)
        return (n + 0.5).log() - math.log(len(known) + (len(values) + 1) / 2)
    low, middle, high = known.quantile(torch.tensor([0.25, 0.5, 0.75], dtype=known.dtype)).tolist()
    spread = min(known.std().item(), (high - low) / 1.34) or known.std().item() or 1.0
    width = 0.9 * spread * len(known) ** -0.2
    kernels = torch.distributions.Normal(known, width).log_prob(x.unsqueeze(1)).logsumexp(1) - math.log(len(known))
    wide = torch.distributions.Cauchy(middle, spread).log_prob(x)
    return torch.logaddexp(math.log1p(-_TAILS) + kernels, math.log(_TAILS) + wide)


def ordered_cells(slots: tuple[Slot, ...], x: Tensor) -> Tensor:
    """Return 1 for each observed cell of a variable whose values have an order, else 0, in the shape of rows `(N, D)`."""
    ordered = torch.tensor([slot.kind != "categorical" for slot in slots])
    return (ordered & x.isfinite()).to(x.dtype)
