"""Generalization: does the model know the data's distribution, or its training data by heart?

A model overfits where training data have clearly higher bounds than data it has not seen. It has memorized where even
its samples are training data in disguise. And neither can be told where the test data were trained on: they have leaked.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vaekit.data.rows import byte_rows
from vaekit.diagnosis.check import Check
from vaekit.diagnosis.finite import is_finite
from vaekit.diagnosis.subject import Sample, Subject
from vaekit.models import evaluating
from vaekit.nets import MLP

if TYPE_CHECKING:
    from vaekit.diagnosis.examination import Examination

__all__ = [
    "CHECKS",
    "Generalization",
    "Overlap",
    "can_compare",
    "chance_above",
    "generalization",
    "overlap",
    "smaller",
]

_MOST = 1000  # data of each part
_DRAWS = 2  # latents per datum: their noise is well below the spread over data
_LEAST = 20  # data of each part below which neither question has an answer
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
    def gap(self) -> float:
        """What a training datum has over a test datum, in nats."""
        return (self.train.mean() - self.test.mean()).item()

    @property
    def advantage(self) -> float:
        """The chance that a training datum has a higher bound than a test datum, less two standard errors.

        A rank knows neither units nor outliers: it compares the gap with how much bounds differ from datum to datum.
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
    if not can_compare(subject):
        return None
    assert subject.train is not None
    train, test = _scores(subject, subject.train), _scores(subject, subject.test)
    finite = bool(torch.isfinite(train).all() and torch.isfinite(test).all())
    return Generalization(train, test) if finite else None


def can_compare(subject: Subject) -> bool:
    """Say whether there are data enough of either part, 20, and a model whose weights are finite."""
    train = subject.train
    return train is not None and min(len(train), len(subject.test)) >= _LEAST and is_finite(subject.model)


def _scores(subject: Subject, sample: Sample) -> Tensor:
    given = subject.given(sample, _MOST)
    scores = []
    with evaluating(subject.model):
        for x, *context in zip(*(part.split(_BATCH) for part in given), strict=True):
            trace = subject.model(x, *context, samples=_DRAWS)
            scores.append(trace.elbo if trace.no_bound is None else trace.log_likelihood.mean(0))
    return torch.cat(scores).double()


@dataclass(frozen=True)
class Overlap:
    """How many test data are training data too.

    Args:
        shared: Number of test data that occur among the training data, byte by byte.
        constant: How many of them are one value throughout, such as blank images.
        test: Number of test data.
        natural: Share of them that is no wonder: of rows of a table, that of training rows which occur twice there.
    """

    shared: int
    constant: int
    test: int
    natural: float = 0.0

    @property
    def share(self) -> float:
        """Share of the test data that occur among the training data, beyond what is no wonder."""
        return max(0.0, self.shared / self.test - self.natural)


def overlap(subject: Subject) -> Overlap | None:
    """Look for each test datum, as it is stored, among all training data; None where those are not at hand."""
    train, test = subject.train, subject.test.stored
    if train is None or not len(test) or train.stored.dtype != test.dtype or train.stored.shape[1:] != test.shape[1:]:
        return None
    digests = _digests(train.stored)
    known = set(digests)
    found = torch.tensor([digest in known for digest in _digests(test)])
    shared = test[found].flatten(1)
    constant = (shared == shared[:, :1]).all(1)
    # A table of few columns has rows that are alike, and are no copies of one another.
    natural = 0.0 if subject.table is None else _repeated(digests)
    return Overlap(len(shared), int(constant.sum()), len(test), natural)


def _repeated(digests: list[bytes]) -> float:
    """Return the share of data that occur more than once."""
    return sum(count for count in Counter(digests).values() if count > 1) / max(1, len(digests))


def _digests(stored: Tensor) -> list[bytes]:
    return [blake2b(row, digest_size=16).digest() for rows in byte_rows(stored) for row in rows]


def _overfitting(examination: Examination) -> float | None:
    found = examination.generalization
    return None if found is None else found.advantage


def _memorized(examination: Examination) -> float | None:
    found = examination.closeness
    return None if found is None else found.score


def _leakage(examination: Examination) -> float | None:
    found = examination.overlap
    return None if found is None else found.share


def smaller(examination: Examination) -> tuple[str, ...]:
    """Return keys that leave room for less: fewer latents, noise on units, and weights drawn to zero."""
    subject, description = examination.subject, examination.subject.description
    # In steps: the weights forget what is not learned anew within 1 / (lr decay) of them.
    decay = ("optimizer=adamw", f"weight_decay={_FORGETTING / subject.training.lr:.3g}")
    if description is None:
        return decay
    latent = f"latent={max(min(4, description.latent), description.latent // 4)}"
    net = getattr(description, "net", None)
    return (latent, f"net.dropout={max(0.3, net.dropout):g}", *decay) if isinstance(net, MLP) else (latent, *decay)


_FORGETTING = 0.005

CHECKS = (
    Check(
        name="overfitting",
        measure="the chance that a training datum has a higher bound than a test datum, less two standard errors",
        value=_overfitting,
        fires="above",
        # One half where nothing is overfitted. Healthy runs on 1,400 small images stay below 0.53, 200 images learned by
        # heart reach 0.62 and 60 reach 0.8.
        threshold=0.57,
        severity="warning",
        explanation="The model knows its training data better than the distribution that they come from. Bounds on "
        "training data say little about new data.",
        source='Mann and Whitney, 1947, "On a test of whether one of two random variables is stochastically larger than the other"',
        remedy="Give more data, or a model that can hold less: fewer latents, dropout, weight decay.",
        prescription=smaller,
        effect="Training and test bounds come closer.",
    ),
    Check(
        name="memorized_samples",
        measure="samples nearer to training data than to held-out data, in standard errors above one half",
        value=_memorized,
        fires="above",
        # A z-score: chance alone reaches 3 once in 740 runs, a healthy fit to few data about 2.5.
        threshold=3.5,
        severity="warning",
        explanation="Samples lie nearer to training data than to as many held-out data: the model repeats what it was "
        "shown. Samples of a distribution that was learned are as near to either.",
        source='Meehan, Chaudhuri and Dasgupta, 2020, "A non-parametric test to detect data-copying in generative models"',
        remedy="Give more data, or a model that can hold less: fewer latents, dropout, weight decay, fewer steps.",
        prescription=smaller,
        effect="Samples come nearer to held-out data.",
    ),
    Check(
        name="leakage",
        measure="the share of the test data that are training data too, byte by byte (blank ones among them); of rows of a "
        "table, beyond that of training rows which occur twice",
        value=_leakage,
        fires="above",
        # Natural duplicates are rarer: a handful among the 10,000 test data of the usual benchmarks.
        threshold=0.005,
        severity="severe",
        explanation="Some test data were trained on, so that numbers on the test part are too good. Duplicates in the "
        "data, or a part that was drawn without regard to them, are the usual reasons.",
        source='Barz and Denzler, 2020, "Do we train on test data? Purging CIFAR of near-duplicates"',
        remedy="Drop duplicates, or split again by content (what happens where data come without a split of their own), "
        "and give data that were not trained on.",
        prescription=lambda _examination: (),
        effect="Numbers on the test part become those of new data.",
    ),
)
