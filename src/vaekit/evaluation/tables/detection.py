"""Detection: can a classifier tell synthetic rows from real ones? The measure that sees dependence.

Columns that are resampled independently of each other have perfect marginals, and a plane in the space of one-hot columns
does not see that anything is wrong with them (AUC .49 on census data); boosted trees do (.99). Therefore the trees are the
headline.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from vaekit.errors import NotApplicable
from vaekit.evaluation.tables.cells import Array, Cells, check_alike, concatenate
from vaekit.evaluation.tables.features import boosted, is_category, plane_features, tree_features
from vaekit.evaluation.tables.ranking import auroc
from vaekit.evaluation.tables.rows import folds

__all__ = ["Detection", "detection"]

_ITERATIONS = 1000  # of the plane, so that it converges: seldom more than 100 are needed

_FEWEST = 10
"""Rows of each side that a classifier is asked about at the least."""


@dataclass(frozen=True)
class Detection:
    """How well a classifier tells synthetic rows from real ones.

    Args:
        auc: Mean over the folds of the area under its ROC curve: .5 where it cannot, 1 where it always can; NaN where
            there are too few different rows for two classes in every fold.
        se: Standard error of that mean, by the spread over the folds; NaN for one fold.
        kind: The classifier.
        rows: Number of rows of each side.
        folds: Number of folds that had both classes.
    """

    auc: float
    se: float
    kind: str
    rows: int
    folds: int

    @property
    def similarity(self) -> float:
        """1 - 2 max(AUC - .5, 0), as SDMetrics scores it: 1 is undetectable."""
        return 1 - 2 * max(self.auc - 0.5, 0.0)

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON."""
        return {**asdict(self), "similarity": self.similarity}


def detection(
    real: Cells,
    synthetic: Cells,
    kind: Literal["tree", "logistic"] = "tree",
    *,
    rows: int = 30_000,
    splits: int = 5,
    seed: int = 0,
) -> Detection:
    """Train a classifier to tell synthetic rows from real ones, and test it on others: a classifier two-sample test.

    Both sides have the same number of rows. Equal rows are in one fold, so that nothing is to be gained by remembering
    them. `tree` is scikit-learn's histogram gradient boosting at its defaults, with native categories (the rarest are
    pooled beyond 255); `logistic` is a logistic regression on one-hot and standardised columns.

    References:
        Lopez-Paz and Oquab, 2017, "Revisiting classifier two-sample tests".

    Args:
        real: Real rows.
        synthetic: Synthetic ones, made comparable with them.
        kind: The classifier.
        rows: Most rows of a side; more are drawn from.
        splits: Number of folds.
        seed: Seed of the drawn rows, of the folds and of the classifier.

    Raises:
        NotApplicable: One of the tables has fewer than 10 rows.
        ValueError: They are not comparable.
    """
    check_alike(real, synthetic)
    count = min(len(real), len(synthetic), rows)
    if count < _FEWEST:
        raise NotApplicable(f"detection needs at least {_FEWEST} rows on both sides, got {len(real)}, {len(synthetic)}")
    rng = np.random.default_rng(seed)
    both = concatenate(real.some(count, rng), synthetic.some(count, rng))
    y, fold = np.repeat([0, 1], count), folds(both, splits, seed)
    x = tree_features(both, both) if kind == "tree" else plane_features(both)
    classify = partial(boosted, categories=is_category(both), seed=seed) if kind == "tree" else _plane
    scores = [
        auroc(classify(x[fold != k], y[fold != k], x[fold == k])[:, 1], y[fold == k])
        for k in range(splits)
        if _has_both(y[fold == k]) and _has_both(y[fold != k])
    ]
    mean = float(np.mean(scores)) if scores else math.nan
    se = float(np.std(scores, ddof=1) / math.sqrt(len(scores))) if len(scores) > 1 else math.nan
    return Detection(mean, se, kind, count, len(scores))


def _plane(x: Any, y: Array, unseen: Any) -> Array:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=_ITERATIONS).fit(x, y).predict_proba(unseen)


def _has_both(y: Array) -> bool:
    return 0 < int(y.sum()) < len(y)
