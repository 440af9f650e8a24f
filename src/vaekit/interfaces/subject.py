"""A run as the doctor sees it."""

from __future__ import annotations

from torch import Tensor

from vaekit.data import Dataset, unpacked
from vaekit.diagnosis import Sample, Subject
from vaekit.interfaces.run import Run, Source

__all__ = ["subject_of"]

_MOST = 10_000  # test data at most
_TRAINED = 60_000  # training data at most: duplicates are looked for among all of them


def subject_of(run: Run, source: Source | None = None) -> Subject:
    """Return a run with its data: the test part, or `source`, against the training part where that is at hand.

    Raises:
        ValueError: There are no data to look at.
    """
    data, rows = run.open(source)
    return Subject(
        model=run.model,
        view=run.view,
        test=_sample(data, (rows if source is None else data.drawn("all"))[:_MOST]),
        train=_training(run),
        description=run.experiment.model,
        objective=run.experiment.objective,
        training=run.experiment.training,
        history=tuple(run.history),
    )


def _training(run: Run) -> Sample | None:
    try:
        return _sample(run.data, run.data.drawn("train", _TRAINED))
    except (ValueError, OSError):  # data that came as arrays, or have moved, are no reason to have no diagnosis
        return None


def _sample(data: Dataset, rows: Tensor) -> Sample:
    stored, context = unpacked(data.stored)
    labels = None if data.labels is None else data.labels[rows]
    return Sample(stored[rows], tuple(c[rows] for c in context), labels)
