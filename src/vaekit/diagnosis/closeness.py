"""Closeness: are samples nearer to training data than to other data? Copies of training data are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from vaekit.diagnosis.generalization import compared
from vaekit.diagnosis.subject import Subject
from vaekit.evaluation.tables import comparable
from vaekit.evaluation.tables.neighbors import Space
from vaekit.modalities import Shown
from vaekit.models import evaluating

__all__ = ["Closeness", "closeness"]

_MOST = 1000  # data of each part
_SAMPLES = 1000
_BATCH = 250


@dataclass(frozen=True)
class Closeness:
    """Which data samples are nearest to.

    Args:
        share: Share of the samples that are nearer to a training datum than to any of as many held-out data.
        error: Standard error of that share, were training and held-out data alike.
    """

    share: float
    error: float

    @property
    def score(self) -> float:
        """Standard errors above one half."""
        return (self.share - 0.5) / self.error


def closeness(subject: Subject) -> Closeness | None:
    r"""Measure whether samples (mean images) are nearer to training data than to held-out data.

    A sample counts as nearer to training data if its nearest neighbor in both parts is a training datum. Let datum i of
    the N in both parts be the nearest one to :math:`c_i` of M samples. If both parts have one distribution, it is chance
    which data are in which part, and the share of samples nearer to training data has mean one half and variance

    .. math:: \frac{N}{4 (N - 1)} \Big(\sum_i \frac{c_i^2}{M^2} - \frac1N\Big),

    which exceeds that of independent samples, because samples crowd around few data. Samples are mean images, or rows of a
    table as the user gets them. The distance of rows is a sum over columns: differences in units of the range, or 1 for
    different classes.

    References:
        Meehan, Chaudhuri and Dasgupta, 2020, "A non-parametric test to detect data-copying in generative models".
    """
    columns = subject.traits.columns
    has_distance = subject.traits.numeric or columns  # tokens have none
    samples = compared(subject) if has_distance else None
    if samples is None:
        return None
    count, view = min(_MOST, *map(len, samples)), subject.view
    with evaluating(subject.model):
        parts = [subject.given(sample, count) for sample in samples]
        context = [torch.cat(columns) for columns in zip(*(given[1:] for given in parts), strict=True)]
        data = torch.cat([given[0] for given in parts])
        if columns:
            drawn = _samples(subject, context, 1.0)
            return _of_rows(view.display(drawn), view.display(data), columns) if drawn.isfinite().all() else None
        both = torch.cat([_samples(subject, context, 0.0), data])
        shown = (view.display(both) if subject.traits.pictures else both).flatten(1).float()
        return _closeness(shown[:_SAMPLES], shown[_SAMPLES:]) if bool(torch.isfinite(shown).all()) else None


def _samples(subject: Subject, context: list[Tensor], temperature: float) -> Tensor:
    """Return samples with the likelihood's noise at a temperature; a conditional model gets the contexts of data."""
    # In batches: a thousand samples of a convolutional decoder fill the memory.
    rows = torch.randint(len(context[0]), (_SAMPLES,)) if context else torch.empty(_SAMPLES)
    parts = [
        subject.model.generate(len(part), *(c[part] for c in context), likelihood_temperature=temperature)
        for part in rows.split(_BATCH)
    ]
    return torch.cat(parts)


def _closeness(samples: Tensor, data: Tensor) -> Closeness:
    """Return the closeness of samples `(M, D)` to the first half of the data `(2N, D)`."""
    order = torch.randperm(len(data))  # so that data in both halves do not all count for the first
    return _counted(order[torch.cdist(samples, data[order]).argmin(1)], len(data))


def _of_rows(samples: Shown, data: Shown, columns: Mapping[str, Literal["numeric", "categorical"]]) -> Closeness:
    """Return the closeness of rows of a table to the first half of the data."""
    made, real = comparable(samples, data, kinds=columns)
    order = torch.randperm(len(real))
    space = Space(real, 1, (made,))
    return _counted(order[space.nearest(space.place(made), space.place(real.take(order.numpy())))[1]], len(real))


def _counted(nearest: Tensor, total: int) -> Closeness:
    """Return the closeness of samples to the first half of the data, from the nearest datum of each, `(M,)`."""
    counts = torch.bincount(nearest, minlength=total).double()
    shares = counts / len(nearest)
    variance = total / (4 * (total - 1)) * (shares.square().sum().item() - 1 / total)
    error = max(math.sqrt(max(variance, 0.0)), 0.5 / len(nearest))  # half a sample at least
    return Closeness(shares[: total // 2].sum().item(), error)
