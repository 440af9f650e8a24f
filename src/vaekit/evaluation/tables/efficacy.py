"""Efficacy for machine learning: does a model trained on synthetic rows do the task on real ones?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from vaekit.errors import NotApplicable
from vaekit.evaluation.tables.cells import Array, Cells, check_alike
from vaekit.evaluation.tables.features import boosted, is_category, tree_features
from vaekit.evaluation.tables.ranking import auroc

__all__ = ["Efficacy", "ml_efficacy"]

_CLASSES = 100


@dataclass(frozen=True)
class Efficacy:
    """How well a column is predicted from the others.

    Args:
        target: The column.
        task: What kind of prediction it is; the measures of the other kind are None.
        train: Number of rows trained on.
        test: Number of real rows tested on.
        auc: Area under the ROC curve; of more than two classes, the mean of each against the rest.
        f1: Harmonic mean of precision and recall of the class that is rarer in the test; of more than two classes, the
            mean over them.
        r2: Share of the variance that is explained.
        rmse: Root of the mean squared error, in units of the column.
    """

    target: str
    task: Literal["classification", "regression"]
    train: int
    test: int
    auc: float | None = None
    f1: float | None = None
    r2: float | None = None
    rmse: float | None = None

    @property
    def headline(self) -> float:
        """The AUC, or the share of explained variance."""
        return float(self.auc if self.task == "classification" else self.r2)  # type: ignore[arg-type]

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON."""
        return asdict(self)


def ml_efficacy(train: Cells, test: Cells, target: str, *, seed: int = 0) -> Efficacy:
    """Predict a column from the others with boosted trees, trained on some rows and tested on others.

    The trees are scikit-learn's histogram gradient boosting at its defaults with native categories, untuned. Rows whose
    target is missing are left out.

    References:
        Esteban, Hyland and Ratsch, 2017, "Real-valued (medical) time series generation with recurrent conditional GANs"
        (train on synthetic, test on real).

    Args:
        train: Rows to train on, real or synthetic.
        test: Real rows, made comparable with them.
        target: The column to predict: classes, or numbers.
        seed: Seed of the trees.

    Raises:
        NotApplicable: There is no other column, or this one has fewer than two values or more than 100 classes in the test, or
            is missing throughout.
        ValueError: There is no such column.
    """
    check_alike(train, test)
    levels = train.levels[train.place(target)]
    train.without(target)  # raises where nothing is left to predict from
    train, test = (cells.take(~cells.missing()[:, cells.place(target)]) for cells in (train, test))
    if not len(train) or len(np.unique(test[target])) < 2:
        raise NotApplicable(
            f"the target {target!r} needs two values in the test and rows to train on; choose another target"
        )
    if levels > _CLASSES:
        raise NotApplicable(
            f"the target {target!r} has {levels} classes, at most {_CLASSES} can be told apart; choose another"
        )
    return _classification(train, test, target, seed) if levels else _regression(train, test, target, seed)


def _predicted(train: Cells, test: Cells, target: str, seed: int, *, classes: bool) -> Array:
    x, unseen = train.without(target), test.without(target)
    features = tree_features(x, x), train[target], tree_features(unseen, x)
    return boosted(*features, is_category(x), seed, classes=classes)


def _regression(train: Cells, test: Cells, target: str, seed: int) -> Efficacy:
    predicted, truth = _predicted(train, test, target, seed, classes=False), test[target]
    error = float(np.mean((predicted - truth) ** 2))
    r2, rmse = float(1 - error / np.var(truth)), float(np.sqrt(error))
    return Efficacy(target, "regression", len(train), len(test), r2=r2, rmse=rmse)


def _classification(train: Cells, test: Cells, target: str, seed: int) -> Efficacy:
    # A class of one row cannot be both in the trees' training and in their own validation.
    train = train.take(np.bincount(train[target])[train[target]] > 1)
    truth = test[target]
    chances = _chances(train, test, target, seed)
    classes, counts = np.unique(truth, return_counts=True)
    auc = np.mean([auroc(chances[:, c], truth == c) for c in classes])
    named = chances.argmax(1)
    # Of two classes the rarer one is what is looked for.
    asked = [classes[counts.argmin()]] if len(classes) == 2 else classes
    f1 = np.mean([_f1(named == c, truth == c) for c in asked])
    return Efficacy(target, "classification", len(train), len(test), auc=float(auc), f1=float(f1))


def _chances(train: Cells, test: Cells, target: str, seed: int) -> Array:
    """Return the predicted probability of every class, `(N, levels)`; 0 for those that training lacks."""
    chances = np.zeros((len(test), train.levels[train.place(target)]))
    seen = np.unique(train[target])
    if len(seen) < 2:  # nothing to tell apart: the only class, or none
        chances[:, seen] = 1.0
        return chances
    chances[:, seen] = _predicted(train, test, target, seed, classes=True)
    return chances


def _f1(named: Array, truth: Array) -> float:
    total = int(named.sum() + truth.sum())
    return float(2 * (named & truth).sum() / total) if total else 1.0
