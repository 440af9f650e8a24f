"""Closeness: which data do samples lie next to? Copies lie next to what was trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vaekit.diagnosis.generalization import can_compare
from vaekit.diagnosis.subject import Subject
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

    A sample is nearer to training data where its nearest neighbor among both is one of them. Let datum i of
    the N in both parts be nearest to :math:`c_i` of M samples. Were the parts alike, which half of the data is which
    would be chance, and the share of the samples on the side of training data would have mean one half and variance

    .. math:: \frac{N}{4 (N - 1)} \Big(\sum_i \frac{c_i^2}{M^2} - \frac1N\Big),

    more than a coin per sample has: samples crowd around few data.

    References:
        Meehan, Chaudhuri and Dasgupta, 2020, "A non-parametric test to detect data-copying in generative models".
    """
    if subject.is_text or not can_compare(subject):  # names of tokens are neither near nor far
        return None
    assert subject.train is not None
    count = min(_MOST, len(subject.train), len(subject.test))
    with evaluating(subject.model):
        parts = [subject.given(sample, count) for sample in (subject.train, subject.test)]
        context = [torch.cat(columns) for columns in zip(*(given[1:] for given in parts), strict=True)]
        both = torch.cat([_mean_samples(subject, context), *(given[0] for given in parts)])
        # All at once, since some views scale what they are given by its own range.
        shown = subject.view.intensity(both).flatten(1).float()
        return _closeness(shown[:_SAMPLES], shown[_SAMPLES:]) if bool(torch.isfinite(shown).all()) else None


def _mean_samples(subject: Subject, context: list[Tensor]) -> Tensor:
    """Return samples without the likelihood's noise; those of a conditional model are given the contexts of data."""
    # Some at a time: a thousand and a convolutional decoder fill a memory.
    rows = torch.randint(len(context[0]), (_SAMPLES,)) if context else torch.empty(_SAMPLES)
    parts = [
        subject.model.generate(len(part), *(c[part] for c in context), likelihood_temperature=0)
        for part in rows.split(_BATCH)
    ]
    return torch.cat(parts)


def _closeness(samples: Tensor, data: Tensor) -> Closeness:
    """Return the closeness of samples `(M, D)` to the first half of the data `(2N, D)`."""
    order = torch.randperm(len(data))  # data that occur in both halves must not all count for the first
    nearest = order[torch.cdist(samples, data[order]).argmin(1)]
    counts = torch.bincount(nearest, minlength=len(data)).double()
    shares, total = counts / len(samples), len(data)
    variance = total / (4 * (total - 1)) * (shares.square().sum().item() - 1 / total)
    error = max(math.sqrt(max(variance, 0.0)), 0.5 / len(samples))  # half a sample at least
    return Closeness(shares[: total // 2].sum().item(), error)
