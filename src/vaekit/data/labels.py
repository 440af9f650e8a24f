"""Labels of any type as indices into the names of the classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaekit.data.rows import Array

__all__ = ["encode_labels"]


def encode_labels(labels: Any, count: int, classes: tuple[str, ...] = ()) -> tuple[Tensor, tuple[str, ...]]:
    """Turn labels into indices into the names of the classes.

    Args:
        labels: One integer or name for each datum, shape (N,) or (N, 1).
        count: The number of data N.
        classes: The names of the classes, if the labels already are indices into them.

    Returns:
        The indices, shape (N,), int64, and the names of the classes, sorted.

    Raises:
        ValueError: If the labels are not one integer or name for each datum.

    >>> encode_labels(["cat", "dog", "cat"], 3)
    (tensor([0, 1, 0]), ('cat', 'dog'))
    """
    found = np.asarray(labels.detach().cpu() if isinstance(labels, Tensor) else labels)
    if found.shape not in ((count,), (count, 1)):
        raise ValueError(
            f"labels must be one class for each of the {count} images, but have shape {found.shape};"
            " give an array of shape (N,)"
        )
    found = _discrete(found.reshape(count))
    if classes:
        return _indices(found, classes), classes
    names, index = np.unique(found, return_inverse=True)
    return torch.from_numpy(index.astype(np.int64)), tuple(str(name) for name in names)


def _discrete(labels: Array) -> Array:
    if labels.dtype.kind in "iubU":
        return labels
    if labels.dtype.kind == "f" and np.isfinite(labels).all() and (labels == np.round(labels)).all():
        return labels.astype(np.int64)
    raise ValueError(f"labels must be integers or names, but are {labels.dtype}; give the class of each image")


def _indices(labels: Array, classes: tuple[str, ...]) -> Tensor:
    if labels.dtype.kind == "U" or labels.min() < 0 or labels.max() >= len(classes):
        raise ValueError(
            f"labels must be integers from 0 to {len(classes) - 1}, one for each class name,"
            f" but {sorted(set(labels.tolist()))[:8]} came; give as many class names as there are classes"
        )
    return torch.from_numpy(labels.astype(np.int64))
