"""Probes: how much of a datum's class can be read off its latents, by a plane and by neighbors?"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vaekit.errors import NotApplicable

__all__ = ["Accuracy", "Coded", "Probes", "probes"]

_NEIGHBORS = 10
_ITERATIONS = 1000  # so that the plane converges: seldom more than 50 are needed


class Coded(NamedTuple):
    """Data as a model codes them.

    Args:
        means: Posterior means, `(N, D)`.
        labels: The class of each datum, `(N,)`, int64.
    """

    means: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Accuracy:
    """A share of test data that was classified correctly.

    Args:
        value: The share.
        se: Its standard error over the test data: that of a binomial share.
    """

    value: float
    se: float


@dataclass(frozen=True)
class Probes:
    """What classifiers of the latents get right of data that neither they nor the model were trained on.

    Args:
        linear: Of a multinomial logistic regression.
        knn: Of a vote among nearest neighbors.
        base_rate: Share that is right when the most frequent class of training is always guessed: the floor.
        raw: Of a multinomial logistic regression on the data themselves: what latents could keep; None if it was not asked for.
        k: Number of neighbors.
        classes: Number of classes in training.
        train: Number of training data.
        test: Number of test data.
    """

    linear: Accuracy
    knn: Accuracy
    base_rate: float
    k: int
    classes: int
    train: int
    test: int
    raw: Accuracy | None = None

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON."""
        return asdict(self)


def probes(train: Coded, test: Coded, raw: tuple[Any, Any] | None = None) -> Probes:
    """Classify latents by a plane and by their neighbors, trained on some data and tested on others.

    Each dimension is standardised by its mean and deviation over the training data, so that none counts for its unit.
    The plane is that of a multinomial logistic regression with a standard normal prior on its weights; a k-nearest vote
    of 10 (less among fewer data) sees classes that no plane parts.

    References:
        Alain and Bengio, 2017, "Understanding intermediate layers using linear classifier probes".

    Args:
        train: Latents with their classes.
        test: Others, in the same order of dimensions and classes.
        raw: The same data without the model, as a plane takes them: tensors `(N, F)`, or sparse matrices.

    Raises:
        NotApplicable: There are no data, only one class in training, or latents that are not finite.
        ValueError: Sizes differ.

    Examples:
        >>> means, labels = torch.tensor([[-1.0], [-1.1], [1.0], [1.1]]), torch.tensor([0, 0, 1, 1])
        >>> result = probes(Coded(means, labels), Coded(means, labels))
        >>> result.linear.value, result.base_rate
        (1.0, 0.5)
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    def accuracy(classifier: Any, x: Any, unseen: Any) -> Accuracy:
        return _accuracy(torch.from_numpy(classifier.fit(x, train.labels.numpy()).predict(unseen)), truth)

    _check(train, test)
    x, unseen = _standardized(train.means, test.means)
    truth, neighbors, plane = test.labels, min(_NEIGHBORS, len(x)), LogisticRegression(max_iter=_ITERATIONS)
    if raw is not None and isinstance(raw[0], Tensor):
        raw = _standardized(*raw)
    return Probes(
        linear=accuracy(plane, x.numpy(), unseen.numpy()),
        knn=accuracy(KNeighborsClassifier(neighbors), x.numpy(), unseen.numpy()),
        raw=None if raw is None else accuracy(plane, *raw),
        base_rate=(truth == train.labels.mode().values).double().mean().item(),
        k=neighbors,
        classes=len(train.labels.unique()),
        train=len(x),
        test=len(unseen),
    )


def _check(train: Coded, test: Coded) -> None:
    for part in (train, test):
        if len(part.means) != len(part.labels):
            raise ValueError(f"{len(part.means)} latents came with {len(part.labels)} labels; give one for each")
    if not len(test.means) or len(train.labels.unique()) < 2:
        found = f"{len(train.labels.unique())} class(es) in training and {len(test.means)} test data"
        raise NotApplicable(f"a probe needs two classes to tell apart and data to be tested on, but has {found}")
    if not (train.means.isfinite().all() and test.means.isfinite().all()):
        raise NotApplicable("a probe needs finite latents, but some are NaN or infinite: the model is broken")


def _standardized(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    train, test = train.double(), test.double()
    mean, deviation = train.mean(0), train.std(0, correction=0)
    # A dimension that never moves but for rounding stays at 0, whatever it does on test data.
    moves = deviation > 1e-6 * (1 + mean.abs())
    scale = torch.where(moves, 1 / deviation.clamp_min(1e-300), 0.0)
    return (train - mean) * scale, (test - mean) * scale


def _accuracy(predicted: Tensor, truth: Tensor) -> Accuracy:
    share = (predicted == truth).double().mean().item()
    return Accuracy(share, math.sqrt(share * (1 - share) / len(truth)))
