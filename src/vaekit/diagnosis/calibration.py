r"""Calibration: does the spread of p(x | z) fit the data, and does p(x | z) allow them at all?

The measure is the rank of a datum among draws of its own predictive distribution. Let :math:`z \sim q(z \mid x)` and
:math:`x^{(1)}, \dots, x^{(S)} \sim p(x \mid z)`. If data come from the model and q is the exact posterior, the pair (x, z)
has the law of :math:`z \sim p(z), x \sim p(x \mid z)`; given z, then, the datum and the S draws are exchangeable, and each
element has every rank among the S + 1 with the same probability. Ties are broken at random and the rank is spread over
an interval of length 1 / (S + 1):

.. math:: u = \frac{\#\{s : x^{(s)} < x\} + v\, (1 + \#\{s : x^{(s)} = x\})}{S + 1}, \qquad v \sim U(0, 1),

is uniform on (0, 1): exactly, for any S, for densities and probabilities alike, and without a distribution function.
If p(x | z) is too narrow, the datum lies outside its draws (a U-shaped histogram); if too wide, among them (a hump).

References:
    Dawid, 1984, "Statistical theory: the prequential approach"; Brockwell, 2007, "Universal residuals: a multivariate
    transformation"; Czado, Gneiting and Held, 2009, "Predictive model assessment for count data".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from vaekit.diagnosis.column_fit import ordered_cells
from vaekit.diagnosis.finite import is_finite
from vaekit.diagnosis.subject import Subject, batches
from vaekit.models import evaluating

__all__ = ["Calibration", "calibration", "element_support", "outside_support", "randomized_pit"]

_BINS = 20
_DRAWS = 20
_BATCH = 64
_VALUES = 2**20  # values that are used, at most


@dataclass(frozen=True)
class Calibration:
    """How well p(x | z) fits the data.

    Args:
        outside: Share of the values of the data to which p(x | z) gives no probability; None if the support is unknown.
        dispersion: Variance of u over 1/12, that of the uniform distribution: 1 where calibrated, near 3 at most where
            p(x | z) is too narrow, near 0 where it is too wide. The variance is that of each element about its own mean, so
            that a shifted mean does not count. None for binary data, whose spread follows from their mean, and for one datum.
        error: Standard error of the dispersion, over data.
        shift: Root mean square, over the elements, of the mean of u less 1/2: 0 where no mean of p(x | z) is shifted, 1/2 at
            most. None where there is no dispersion.
        histogram: Densities of u in 20 bins of equal width, 1 where calibrated; empty where there is no dispersion.
        errors: Standard errors of these densities, over data.
        count: How many data were looked at.
    """

    outside: float | None = None
    dispersion: float | None = None
    error: float = 0.0
    shift: float | None = None
    histogram: tuple[float, ...] = ()
    errors: tuple[float, ...] = ()
    count: int = 0


def calibration(subject: Subject, count: int = 256, seed: int = 0) -> Calibration:
    """Return how well p(x | z) fits the first `count` test data, fewer where they are large.

    Each element is weighted by the variance of its dimension over the data, since constant pixels say nothing. Of a table,
    all observed cells with an order weigh the same; their support is not checked, since the codecs of columns ensure it.

    Args:
        subject: A model and its data.
        count: How many data.
        seed: Seed of the draws.
    """
    slots = subject.traits.slots
    if not (subject.traits.numeric or slots) or not is_finite(subject.model):
        return Calibration()
    x, *context = subject.given(subject.test, max(1, min(count, _VALUES // subject.test.stored[0].numel() + 1)))
    outside, ranks = list[Tensor](), list[Tensor]()
    with evaluating(subject.model, seed):
        for part, *given in batches((x, *context), _BATCH):
            likelihood = subject.model(part, *given).likelihood
            outside.extend(_listed(None if slots else outside_support(likelihood, part)))
            ranks.extend([] if _is_binary(likelihood) else _listed(_ranks(likelihood, part)))
    share = torch.cat([o.flatten() for o in outside]).float().mean().item() if outside else None
    u = torch.cat(ranks) if ranks else x[:0]
    weight = ordered_cells(slots, x) if slots else x.var(0, correction=0).expand_as(x)
    if not len(u) or not (u.isfinite().all() and 0 < weight.sum().item() < math.inf):
        return Calibration(share, count=len(x))
    spread, error, shift = _moments(u.reshape(weight.shape).flatten(1).double(), weight.flatten(1).double())
    weight = (weight / weight.mean()).flatten()
    bins = (u.flatten(1) * _BINS).long().clamp(0, _BINS - 1)
    heights = torch.zeros(len(u), _BINS, dtype=weight.dtype).scatter_add(1, bins, weight.view_as(bins))
    heights *= _BINS / bins.shape[1]
    # The elements of one datum are dependent, so errors are those of a mean over data.
    errors = heights.std(0, correction=0) / len(u) ** 0.5
    return Calibration(share, spread, error, shift, tuple(heights.mean(0).tolist()), tuple(errors.tolist()), len(x))


def _moments(u: Tensor, weight: Tensor) -> tuple[float | None, float, float | None]:
    """Return the variance of ranks about the mean of each element over 1/12, its error, and the root mean square of these means less 1/2.

    Args:
        u: Ranks, `(N, D)`.
        weight: Weights of the same shape, 0 where a cell was not observed.
    """
    seen = weight > 0
    count = seen.sum(0)
    mean = (u * seen).sum(0) / count.clamp_min(1)
    weight = weight * (count > 1)
    total = weight.sum()
    if total == 0:
        return None, 0.0, None
    # Unbiased: a mean taken from N data lies nearer to them than the true one.
    square = (u - mean).square() * (count / (count - 1).clamp_min(1))
    variances, shift = (12 * len(u) / total * (weight * square).sum(1), (weight * (mean - 0.5).square()).sum() / total)
    error = variances.std(correction=0) / len(u) ** 0.5  # the elements of one datum are dependent
    return variances.mean().item(), error.item(), shift.sqrt().item()


def randomized_pit(distribution: Distribution, x: Tensor, draws: int = _DRAWS) -> Tensor:
    """Return the randomized ranks u of data among draws, in (0, 1) and in the shape of `x`.

    Args:
        distribution: Predictive distributions, batch shape and event as `x`, or `(1, N)` for `x` of `(N, *event)`.
        x: The data.
        draws: S.

    Examples:
        >>> u = randomized_pit(torch.distributions.Poisson(torch.full((1000,), 3.0)), torch.full((1000,), 50.0))
        >>> bool((u > 20 / 21).all())
        True
    """
    below, ties = torch.zeros_like(x), torch.zeros_like(x)
    for _ in range(draws):
        drawn = distribution.sample().reshape(x.shape)
        below += drawn < x
        ties += drawn == x
    return (below + torch.rand_like(x) * (ties + 1)) / (draws + 1)


def outside_support(distribution: Distribution, x: Tensor) -> Tensor | None:
    """Return which elements of the data lie outside the support, or None where it is unknown."""
    support = element_support(distribution)
    return None if support is None else ~support.check(x)


def element_support(distribution: Distribution) -> constraints.Constraint | None:
    """Return the support of one element of the events, or None where it is unknown."""
    try:
        support: Any = distribution.support
    except NotImplementedError:  # of a flow, which may be anywhere
        return None
    while hasattr(support, "base_constraint"):  # of the elements, not of the event
        support = support.base_constraint
    return None if support is None or constraints.is_dependent(support) or support.event_dim else support


def _is_binary(distribution: Distribution) -> bool:
    support = element_support(distribution)
    limits = (getattr(support, "lower_bound", None), getattr(support, "upper_bound", None))
    return support is constraints.boolean or (getattr(support, "is_discrete", False) and limits == (0, 1))


def _ranks(distribution: Distribution, x: Tensor) -> Tensor | None:
    try:
        return randomized_pit(distribution, x)
    except NotImplementedError:  # one that has a density and no draws
        return None


def _listed(part: Tensor | None) -> list[Tensor]:
    return [] if part is None else [part]
