"""A trained model with the history of its training, for diagnosis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from vaekit.data import Dataset, unpacked
from vaekit.diagnosis import Examination, Finding, Sample, Subject, diagnose
from vaekit.errors import DataNotAtHand
from vaekit.heads import Prior
from vaekit.interfaces.describing.experiment import Experiment
from vaekit.trained import Source, TrainedModel

__all__ = ["Patient"]

_MOST = 10_000  # test data at most
_TRAINED = 60_000  # training data at most: the search for duplicates compares all of them


@dataclass(frozen=True)
class Patient:
    """A trained model with the record of its training.

    Args:
        trained: The model.
        experiment: The experiment that it was trained by.
        history: The metrics that were logged.
        prior: The prior of training, which a second stage may have replaced; None if it is not known.
    """

    trained: TrainedModel
    experiment: Experiment
    history: Sequence[Mapping[str, Any]]
    prior: Prior | None = None

    def examined(self, source: Source | None = None, *, deep: bool = False) -> tuple[Examination, tuple[Finding, ...]]:
        """Examine the model on its test part, or on `source`; return the examination and the findings, worst first.

        Args:
            source: Other data.
            deep: Whether costly measurements look at all test data instead of 256.

        Raises:
            ValueError: The data are empty, or do not fit the model.
        """
        examination = Examination(self.subject(source), deep=deep)
        return examination, tuple(diagnose(examination))

    def subject(self, source: Source | None = None) -> Subject:
        """Return the model with its data: the test part, or `source`, and the training part if it is at hand.

        Raises:
            ValueError: The data are empty, or do not fit the model.
        """
        data, rows = self.trained.open(source)
        return Subject(
            model=self.trained.model,
            view=self.trained.view,
            test=_sample(data, (rows if source is None else data.drawn("all"))[:_MOST]),
            train=_training(self.trained),
            description=self.trained.description,
            objective=self.experiment.objective,
            training=self.experiment.training,
            history=tuple(self.history),
            prior=self.prior,
        )


def _training(run: TrainedModel) -> Sample | None:
    try:
        return _sample(run.data, run.data.drawn("train", _TRAINED))
    except (DataNotAtHand, OSError):  # most of a diagnosis does not need the training data
        return None


def _sample(data: Dataset, rows: Tensor) -> Sample:
    stored, context = unpacked(data.stored.take(rows))
    return Sample(stored, context, None if data.labels is None else data.labels[rows])
