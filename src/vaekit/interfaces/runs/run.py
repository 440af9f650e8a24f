"""A run: a trained model and the record of its training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaekit.data import Dataset
from vaekit.data.schema import Schema
from vaekit.errors import DataNotAtHand, foreign_bytes
from vaekit.heads import Prior
from vaekit.interfaces.describing.experiment import Experiment
from vaekit.interfaces.runs.folder import RunFolder
from vaekit.interfaces.runs.logs import read_metrics
from vaekit.models import LatentVariableModel
from vaekit.trained import Conditions, Source, TrainedModel

if TYPE_CHECKING:
    from vaekit.diagnosis import Examination, Finding

__all__ = ["Run", "load"]


class Run(TrainedModel):
    """A trained model, and the folder that records its training: settings, curves, bounds, report.

    Args:
        folder: The run folder.
        experiment: Its description.
        model: The modules with the best weights.
        schema: The schema of its data.
        data: The data it was trained on, if they are open already.
        first_prior: The prior of training, which a second stage may have replaced; None if it is not known.
    """

    def __init__(
        self,
        folder: RunFolder,
        experiment: Experiment,
        model: LatentVariableModel,
        schema: Schema | None,
        data: Dataset | None = None,
        first_prior: Prior | None = None,
    ) -> None:
        self.folder, self.experiment, self.first_prior = folder, experiment, first_prior
        super().__init__(
            model,
            experiment.model,
            schema,
            reading=experiment.data,
            conditions=_conditions(folder, experiment, schema),
            data=self._reopened if data is None else data,
        )

    @property
    def path(self) -> Path:
        """The run folder."""
        return self.folder.path

    @property
    def history(self) -> list[dict[str, Any]]:
        """The logged metrics, one mapping per line."""
        return read_metrics(self.folder.metrics)

    def diagnose(self, source: Source | None = None, *, deep: bool = False) -> list[Finding]:
        """Return what is wrong with the model, worst first, each with evidence, explanation, and the keys to try.

        Args:
            source: Other data than the run's own test part.
            deep: Whether costly measurements look at all of the data instead of 256.

        Raises:
            ValueError: The data are empty, or not at hand.
        """
        return list(self.examined(source, deep=deep)[1])

    def examined(self, source: Source | None = None, *, deep: bool = False) -> tuple[Examination, tuple[Finding, ...]]:
        """Return the examination that findings rest on, and the findings; see `diagnose`."""
        from vaekit.interfaces.runs.subject import Patient  # the doctor is slow to import

        return Patient(self, self.experiment, self.history, self.first_prior).examined(source, deep=deep)

    def _reopened(self) -> Dataset:
        """Open the run's own data again.

        Raises:
            DataNotAtHand: They came from memory, or have changed since.
        """
        source = self.experiment.data.source
        if not source:
            raise DataNotAtHand(f"the data of {self.path} came as arrays and are not kept; give data")
        data = self.view.settle(self.experiment.data.open(schema=self.schema))
        if data.fingerprint != self.folder.fingerprint:
            raise DataNotAtHand(
                f"the data in {source} have changed since {self.path} was trained; give data, or run fit again"
            )
        return data


def load(path: str | Path, *, model: LatentVariableModel | None = None, data: Dataset | None = None) -> Run:
    """Load a run; no code in its files is executed.

    Args:
        path: The run folder.
        model: The modules of a free composition, which has no description.
        data: Its data, if they are open already.

    Raises:
        FileNotFoundError: The folder holds no run, or no model yet.
        ValueError: A file is damaged or does not fit.
    """
    folder = RunFolder(path)
    experiment = folder.read_experiment()
    if not folder.model.has_weights:
        raise FileNotFoundError(f"{path} holds no trained model yet; continue it with: vaekit resume {path}")
    if experiment.model is None and model is None:
        raise ValueError(f"{path} holds a user's own composition; load it with load({str(path)!r}, model=VAE(...))")
    with foreign_bytes(path):
        saved = folder.model.read()
    first_prior = getattr(experiment.model, "prior", None)
    if model is None and type(saved.description) is type(experiment.model):
        # A second stage replaces the prior of training.
        assert experiment.model is not None and saved.description is not None
        experiment = experiment.replace(model=experiment.model.replace(prior=saved.description.prior))
    return Run(folder, experiment, folder.model.weighted(experiment.model, model), saved.schema, data, first_prior)


def _conditions(folder: RunFolder, experiment: Experiment, schema: Schema | None) -> Conditions:
    with foreign_bytes(folder.path / "data.json"):
        about = folder.read_json("data.json")
        labels, classes = about.get("labels", {}), () if schema is None else schema.classes
        counts = [int(labels.get(name, 0)) for name in classes]
        return Conditions.of(experiment.model, schema, counts, int(about.get("context", 0)))
