"""Attribute vectors: what parts the latents of data with a label from those without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vaekit.data import Dataset, sequential, unpacked
from vaekit.distributions import point
from vaekit.interfaces.shown import BATCH
from vaekit.models import evaluating

if TYPE_CHECKING:
    from vaekit.interfaces.run import Run

__all__ = ["attribute_vector"]

_MOST = 2000  # data with the label, and as many without it


def attribute_vector(run: Run, label: str) -> Tensor:
    """Return the mean latent of training data with a label minus that of the others, `(D,)`.

    References:
        Larsen, Sonderby, Larochelle and Winther, 2016, "Autoencoding beyond pixels using a learned similarity metric".

    Args:
        run: A run whose data have labels.
        label: The name of a class.

    Raises:
        ValueError: There is no such label, or nothing without it.
    """
    data = run.data
    if data.labels is None or label not in data.classes:
        known = (
            f"its labels are {', '.join(data.classes)}"
            if data.classes
            else "it has none (folders name them, label_column= or target=)"
        )
        raise ValueError(f"the run's data have no label {label!r}; {known}")
    rows = data.part("train")
    has = data.labels[rows] == data.classes.index(label)
    if not has.any() or has.all():
        raise ValueError(
            f"the training data must hold {label!r} and something else, but have {int(has.sum())} of {len(has)}"
        )
    with_label, without = (_mean_latent(run, data, rows[mask][:_MOST]) for mask in (has, ~has))
    return with_label - without


def _mean_latent(run: Run, data: Dataset, rows: Tensor) -> Tensor:
    with evaluating(run.model):
        batches = map(unpacked, sequential(data.stored, rows, BATCH))
        parts = [point(run.model.encode(run.prepared(stored), *context)) for stored, context in batches]
    return torch.cat(parts).flatten(1).mean(0)
