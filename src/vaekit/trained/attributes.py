"""Attribute vectors: the direction in latent space from data without a label to data with it."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from vaekit.data import Dataset

__all__ = ["attribute_vector"]

_MOST = 2000  # data with the label, and as many without it


def attribute_vector(data: Dataset, label: str, mean_code: Callable[[Dataset, Tensor], Tensor]) -> Tensor:
    """Return the mean code of training data with a label minus that of the others, `(D,)`.

    References:
        Larsen, Sonderby, Larochelle and Winther, 2016, "Autoencoding beyond pixels using a learned similarity metric".

    Args:
        data: Data with labels.
        label: The name of a class.
        mean_code: Returns the mean code of the given rows of the data.

    Raises:
        ValueError: No datum has this label, or all have it.
    """
    if data.labels is None or label not in data.classes:
        none = "it has none (folders name them, label_column= or target=)"
        known = f"its labels are {', '.join(data.classes)}" if data.classes else none
        raise ValueError(f"the model's data have no label {label!r}; {known}")
    rows = data.part("train")
    has = data.labels[rows] == data.classes.index(label)
    if not has.any() or has.all():
        raise ValueError(
            f"the training data must hold {label!r} and something else, but have {int(has.sum())} of {len(has)}"
        )
    return mean_code(data, rows[has][:_MOST]) - mean_code(data, rows[~has][:_MOST])
