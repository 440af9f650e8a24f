"""Cells as scikit-learn's classifiers take them: for trees with native categories, for planes one-hot and standardised."""

from __future__ import annotations

from typing import Any

import numpy as np

from vaekit.evaluation.tables.cells import Array, Cells
from vaekit.evaluation.tables.threads import one_thread

__all__ = ["boosted", "is_category", "plane_features", "pooled", "tree_features"]

_CATEGORIES = 255
"""Most categories of a feature that scikit-learn's gradient boosting takes; the rest are pooled."""


def is_category(cells: Cells) -> list[bool]:
    """Tell of each column whether it is one of categories."""
    return [levels > 0 for levels in cells.levels]


def pooled(codes: Array, like: Array, levels: int) -> Array:
    """Return codes below 255, `(N,)`, the rarest categories of `like` sharing the last one; -1 stays."""
    if levels <= _CATEGORIES:
        return codes
    counts = np.bincount(like[like >= 0], minlength=levels)
    rank = np.empty(levels, dtype=np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(levels)
    return np.where(codes < 0, codes, np.minimum(rank[codes], _CATEGORIES - 1))


def tree_features(cells: Cells, like: Cells) -> Array:
    """Return a matrix `(N, D)`, float64, NaN where a cell is missing.

    Args:
        cells: The table.
        like: The rows whose frequencies decide which categories are pooled.
    """
    columns = zip(cells.values, like.values, cells.levels, strict=True)
    return np.stack([_with_nan(pooled(v, w, n)) if n else v for v, w, n in columns], axis=1)


def plane_features(cells: Cells) -> Any:
    """Return a sparse matrix `(N, F)`: numbers standardised, with a bit where one is missing, categories one-hot."""
    from scipy import sparse

    blocks = [
        _one_hot(pooled(v, v, n) + 1, min(n, _CATEGORIES) + 1) if n else sparse.csr_array(_standardized(v))
        for v, n in zip(cells.values, cells.levels, strict=True)
    ]
    return sparse.hstack(blocks, format="csr")


def boosted(x: Array, y: Array, unseen: Array, categories: list[bool], seed: int, *, classes: bool = True) -> Array:
    """Train scikit-learn's histogram gradient boosting at its defaults, on one thread, and predict other rows.

    Args:
        x: Rows to train on, `(N, D)`, as `tree_features` returns them.
        y: What to predict of them: classes, or numbers.
        unseen: The other rows, `(M, D)`.
        categories: Which columns are ones of categories.
        seed: Seed of the trees.
        classes: Whether y are classes.

    Returns:
        Probabilities of the classes in y, in their order, `(M, K)`; or numbers, `(M,)`.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    model = kind(categorical_features=categories, random_state=seed)
    with one_thread():
        model.fit(x, y)
        return model.predict_proba(unseen) if classes else model.predict(unseen)


def _with_nan(codes: Array) -> Array:
    return np.where(codes < 0, np.nan, codes)


def _one_hot(codes: Array, count: int) -> Any:
    from scipy import sparse

    return sparse.csr_array((np.ones(len(codes)), (np.arange(len(codes)), codes)), shape=(len(codes), count))


def _standardized(values: Array) -> Array:
    missing = np.isnan(values)
    observed = values[~missing]
    mean, deviation = (observed.mean(), observed.std()) if len(observed) else (0.0, 0.0)
    scaled = np.where(missing, 0.0, (values - mean) / (deviation or 1.0))
    return np.stack([scaled, missing.astype(float)], axis=1)
