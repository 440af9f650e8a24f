"""Generalization: has the model learned the distribution of the data, or the training data by heart?

A model overfits if training data have clearly higher bounds than new data. It has memorized if its samples copy training
data. Neither can be measured if test data are also training data: they have leaked.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain

import torch
from torch import Tensor

from vaekit.data.rows import byte_rows
from vaekit.diagnosis.finite import is_finite
from vaekit.diagnosis.subject import Sample, Subject, batches, scores
from vaekit.models import evaluating

__all__ = ["Generalization", "Overlap", "chance_above", "compared", "generalization", "overlap"]

_MOST = 1000  # data of each part
_DRAWS = 2  # latents per datum: their noise is well below the spread over data
_LEAST = 20  # data of each part, below which neither can be measured
_BATCH = 250


@dataclass(frozen=True)
class Generalization:
    """The bounds of training and of test data.

    Args:
        train: The ELBO of training data in nats, `(N,)`; the log-likelihood of reconstructions where there is no bound.
        test: That of test data, `(M,)`.
    """

    train: Tensor
    test: Tensor

    @property
    def advantage(self) -> float:
        """The chance that a training datum has a higher bound than a test datum, less two standard errors.

        Ranks depend neither on units nor on outliers: they relate the gap to how much bounds vary over data.
        """
        n, m = len(self.train), len(self.test)
        error = math.sqrt((n + m + 1) / (12 * n * m))
        return chance_above(self.train, self.test) - 2 * error


def chance_above(x: Tensor, y: Tensor) -> float:
    """Return the probability that one of x `(N,)` is larger than one of y `(M,)`; ties count half.

    References:
        Mann and Whitney, 1947, "On a test of whether one of two random variables is stochastically larger than the other".

    Examples:
        >>> chance_above(torch.tensor([1.0, 3.0]), torch.tensor([0.0, 3.0]))
        0.625
    """
    return ((x[:, None] > y).double().mean() + 0.5 * (x[:, None] == y).double().mean()).item()


def generalization(subject: Subject) -> Generalization | None:
    """Measure the bounds of at most 1,000 data of each part; None with fewer than 20, or where bounds are not finite."""
    parts = compared(subject)
    if parts is None:
        return None
    train, test = (_scores(subject, part) for part in parts)
    finite = bool(torch.isfinite(train).all() and torch.isfinite(test).all())
    return Generalization(train, test) if finite else None


def compared(subject: Subject) -> tuple[Sample, Sample] | None:
    """Return the training and the test data to compare; None with fewer than 20 of either, or where weights are not finite.

    Where equal data occur naturally, they are those that occur once in both parts together. A split by content puts equal
    data into one part, so the commonest are known from there alone, and a model that has learned the distribution would
    look like one that has learned that part by heart.
    """
    train, test = subject.train, subject.test
    if train is None or not is_finite(subject.model):
        return None
    if subject.traits.repeats:
        digests = _digests(train.stored), _digests(test.stored)
        counts = Counter(chain(*digests))
        train, test = (
            part.take(torch.tensor([counts[digest] == 1 for digest in own], dtype=torch.bool))
            for part, own in zip((train, test), digests, strict=True)
        )
    return (train, test) if min(len(train), len(test)) >= _LEAST else None


def _scores(subject: Subject, sample: Sample) -> Tensor:
    given = subject.given(sample, _MOST)
    with evaluating(subject.model):
        parts = [scores(subject.model(*part, samples=_DRAWS)) for part in batches(given, _BATCH)]
    return torch.cat(parts).double()


@dataclass(frozen=True)
class Overlap:
    """How many test data are training data too.

    Args:
        shared: Number of test data that occur among the training data, byte by byte.
        test: Number of test data.
        natural: Share of them to be expected: where equal data need not be copies, such as rows of few columns, it is the
            share of training data that occur twice.
    """

    shared: int
    test: int
    natural: float = 0.0

    @property
    def share(self) -> float:
        """Share of the test data that occur among the training data, beyond the expected share."""
        return max(0.0, self.shared / self.test - self.natural)


def overlap(subject: Subject) -> Overlap | None:
    """Look for each stored test datum among all training data; None if these are not available."""
    train, test = subject.train, subject.test.stored
    if train is None or not len(test) or train.stored.dtype != test.dtype or train.stored.shape[1:] != test.shape[1:]:
        return None
    digests = _digests(train.stored)
    known = set(digests)
    shared = sum(digest in known for digest in _digests(test))
    natural = _repeated(digests) if subject.traits.repeats else 0.0
    return Overlap(shared, len(test), natural)


def _repeated(digests: list[bytes]) -> float:
    """Return the share of data that occur more than once."""
    return sum(count for count in Counter(digests).values() if count > 1) / max(1, len(digests))


def _digests(stored: Tensor) -> list[bytes]:
    return [blake2b(row, digest_size=16).digest() for rows in byte_rows(stored) for row in rows]
