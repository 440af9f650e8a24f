"""The labels or vectors that a conditional model is conditioned on."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeAlias

from torch.nn.functional import one_hot

from vaekit.data import Dataset

__all__ = ["Condition", "conditioned"]

Condition: TypeAlias = Literal["none", "label", "context"]
"""Nothing, the class of each datum, or a vector that comes with each datum."""


def conditioned(data: Dataset, condition: Condition, size: int) -> Dataset:
    """Return the data with the context that a model expects: labels become one-hot vectors of length `size`.

    Raises:
        ValueError: The data lack these labels or vectors.
    """
    if condition == "none":
        return data if data.context is None else replace(data, context=None)
    if condition == "label":
        if data.labels is None or len(data.classes) != size:
            present = f"{len(data.classes)} classes" if data.labels is not None else "none"
            raise ValueError(f"condition=label needs data with the {size} classes of training, found {present}")
        return replace(data, context=one_hot(data.labels, size).float())
    if data.context is None or data.context.shape[1:] != (size,):
        present = "none" if data.context is None else f"{tuple(data.context.shape[1:])}"
        raise ValueError(
            f"condition=context needs a vector of length {size} with each datum, found {present}; "
            "give an array `context` in the .npz file, or a Dataset(context=...)"
        )
    return data
