"""Train: from data to a run folder with a model, its bounds and a report."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch

from vaekit.data import Batches, Dataset, images_from_arrays, sequential, split_by_content
from vaekit.interfaces.experiment import DataSettings, Experiment, resolve
from vaekit.interfaces.folder import RunFolder
from vaekit.interfaces.logs import loggers
from vaekit.interfaces.pictures import grid, save_png
from vaekit.interfaces.report import write_report
from vaekit.interfaces.run import Run, Source
from vaekit.interfaces.signals import Interruption, Stopped
from vaekit.modalities import ImageVAE, Plain, Preset, View
from vaekit.models import VAE, evaluating
from vaekit.objectives import ELBO, Objective
from vaekit.training import (
    Checkpoints,
    Progress,
    Step,
    Training,
    TrainingState,
    Validation,
    make_fabric,
    train,
    validate,
)

__all__ = ["Listener", "Trainer", "fit", "free_folder", "plan", "resume", "resumed"]

_VALIDATED = 2048  # held-out data that validation looks at: enough for a standard error of about a nat
_EVALUATED = 1000
_FINAL_SAMPLES = 100


class Listener(Protocol):
    """Who watches a run: a progress bar, a notebook, a test."""

    def __call__(self, progress: Progress, batch: int) -> None:
        """Take the progress of one step and the number of data in it."""
        ...


def fit(
    data: Source,
    *,
    model: ImageVAE | VAE | None = None,
    objective: Objective | None = None,
    training: Training | None = None,
    out: str | Path | None = None,
    preset: Preset = "balanced",
    listener: Listener | None = None,
) -> Run:
    """Train a model on data and return the run.

    Args:
        data: A folder, a file or a name; an opened data set; arrays, tensors or a torch data set of images. With a free
            composition of modules: a tensor `(N, *event)` in the support of its likelihood.
        model: A description, a composition `VAE(prior, posterior, likelihood)`, or None to choose one automatically.
        objective: The objective; the ELBO by default.
        training: How to train.
        out: The run folder; by default `runs/<name>-<number>`.
        preset: How much an automatic choice spends: fast, balanced or best.
        listener: Called after every step.

    Raises:
        ValueError: The data or the settings do not fit; the message says what to do.
        TrainingDiverged: Values stayed non-finite after three rollbacks.
    """
    settings = DataSettings(source=str(data) if isinstance(data, str | Path) else "")
    opened = _opened(data, settings, free=isinstance(model, VAE))
    given = {"objective": objective.model_dump() if objective else {}}
    given["training"] = training.model_dump(exclude_unset=True) if training else {}
    if isinstance(model, VAE):
        experiment = Experiment(data=settings, objective=objective or ELBO(), training=training or Training())
    else:
        experiment = plan(opened, settings, given, preset)
        if model is not None:
            model.check(opened)
            experiment = experiment.replace(model=model, choices=())
    folder = RunFolder(Path(out)) if out else free_folder(settings.source or "run")
    trainer = Trainer(folder, experiment, opened, model=model if isinstance(model, VAE) else None)
    trainer.begin()
    return trainer.run(listener)


def plan(data: Dataset, settings: DataSettings, given: dict[str, dict[str, Any]], preset: Preset) -> Experiment:
    """Return the resolved experiment for opened images; see `vaekit.interfaces.experiment.resolve`."""
    device = given.get("training", {}).get("device", "auto")
    gpu = device in ("cuda", "mps") or (device == "auto" and torch.cuda.is_available())
    experiment = resolve(data, settings, given, preset, gpu)
    assert experiment.model is not None
    experiment.model.check(data)
    return experiment


def resume(
    path: str | Path,
    *,
    seconds_more: float | None = None,
    data: Source | None = None,
    model: VAE | None = None,
    listener: Listener | None = None,
) -> Run:
    """Continue a run that was stopped, bit for bit as if it had not been; or extend a finished one.

    Args:
        path: The run folder.
        seconds_more: Seconds to extend a run by.
        data: The data, where they came as arrays.
        model: The modules of a free composition.
        listener: Called after every step.

    Raises:
        ValueError: The run is finished and no more time is given, or its data have changed.
    """
    return resumed(path, seconds_more=seconds_more, data=data, model=model).run(listener)


def resumed(
    path: str | Path, *, seconds_more: float | None = None, data: Source | None = None, model: VAE | None = None
) -> Trainer:
    """Return the trainer of a run, at its newest valid checkpoint; see `resume`."""
    folder = RunFolder(Path(path))
    experiment = folder.read_experiment()
    source = experiment.data.source if data is None else data
    if isinstance(source, str) and not source:
        raise ValueError(f"the data of {path} came as arrays and are not kept; give resume(..., data=...)")
    opened = _opened(source, experiment.data, free=experiment.model is None)
    trainer = Trainer(folder, experiment, opened, model=model)
    trainer.restore(seconds_more)
    return trainer


class Trainer:
    """One run being trained: experiment, data, state and folder together.

    Args:
        folder: Where the run lies.
        experiment: Its description.
        data: Its data.
        model: A free composition, where there is no description to build from.
        began: When the user's wait began, on the clock of `time.perf_counter`; a time limit counts from there.
    """

    def __init__(
        self,
        folder: RunFolder,
        experiment: Experiment,
        data: Dataset,
        *,
        model: VAE | None = None,
        began: float | None = None,
    ) -> None:
        self.began = time.perf_counter() if began is None else began
        self.folder, self.experiment, self.training = folder, experiment, experiment.training
        fabric = make_fabric(self.training)
        torch.manual_seed(self.training.seed)
        if model is None:
            if experiment.model is None:
                raise ValueError(f"{folder.path} holds a user's own composition; give model=VAE(...)")
            model = experiment.model.build()
        self.view: View = experiment.model or Plain(model)
        self.data = self.view.settle(data)
        rows = self.data.part("train")
        self.batches = Batches(self.data.values, rows, self.training.batch, self.training.seed)
        self.held_out = self.data.part("validation")[:_VALIDATED]
        criterion = experiment.objective.build(model, len(rows))
        step = Step(model, criterion, self.view.prepare, experiment.objective.samples)
        self.state = TrainingState(step, self.training, fabric)
        self.seconds = self.training.time_limit
        self.notes: list[str] = list(getattr(experiment.model, "warnings", ()))

    def begin(self) -> None:
        """Make the folder and write what is known before training."""
        self.folder.create()
        self.checkpoints = Checkpoints(self.folder.checkpoints)
        self.folder.write_experiment(self.experiment)
        self.folder.write_environment()
        self.folder.write_data(self.data)
        if self.data.schema is not None:
            with evaluating(self.state.model):
                shown = self.view.intensity(self.view.prepare(self.data.values[self.data.part("train")[:64]]))
            save_png(grid(shown), self.folder.plots / "data.png")
        if self.seconds is not None:
            # What comes after training counts too: the bounds and the report.
            self.seconds -= min(40.0, 4.0 + 0.03 * self.seconds)

    def restore(self, seconds_more: float | None) -> None:
        """Continue from the newest valid checkpoint.

        Raises:
            FileNotFoundError: There is none.
            ValueError: The run is finished, or its data have changed.
        """
        expected = self.folder.read_json("split.json")["fingerprint"]
        if self.data.fingerprint != expected:
            raise ValueError(f"the data have changed since {self.folder.path} was begun; run fit again on them")
        self.checkpoints = Checkpoints(self.folder.checkpoints)
        state, note = self.checkpoints.load()
        self.notes += [note] if note else []
        self.state.load_state_dict(state)
        position = self.state.position
        if seconds_more is not None:
            position.begin, position.stop, self.seconds = position.step, None, seconds_more
        elif state.get("finished") or (position.stop is not None and position.step >= position.stop):
            raise ValueError(
                f"{self.folder.path} is finished after {position.step} steps; extend it with: "
                f"vaekit resume {self.folder.path} --time-limit +10m"
            )

    def run(self, listener: Listener | None = None) -> Run:
        """Train to the end, save the best weights, evaluate, report.

        Raises:
            Stopped: A signal came; the state is saved.
            TrainingDiverged: Values stayed non-finite after three rollbacks; the last good checkpoint is intact.
        """
        with Interruption() as interruption:
            self._train(listener, interruption)
            return self._finish()

    def validate(self, model: torch.nn.Module) -> Validation:
        """Return the bound on held-out data."""
        device = self.state.fabric.device
        batches = (batch.to(device) for batch in sequential(self.data.values, self.held_out, 256))
        return validate(model, batches, self.view.prepare)

    def _train(self, listener: Listener | None, interruption: Interruption) -> None:
        position = self.state.position
        logs = loggers(self.folder.metrics, self.folder.path / "tensorboard", position.step)
        settled = self.experiment.objective.schedule_end
        seconds = None if self.seconds is None else self.seconds - (time.perf_counter() - self.began)
        warned = False
        try:
            for progress in train(self.state, self.batches, self.validate, seconds=seconds, settled=settled):
                if progress.validation is not None:
                    self._save(best=progress.best)
                    self._log(logs, progress)
                if progress.stop is not None and progress.stop < settled and not warned:
                    warned = True
                    self.notes.append(_schedule_note(progress.stop, settled))
                if listener is not None:
                    listener(progress, self.batches.batch)
                if interruption.signum is not None:
                    self._stop(interruption.signum)
        finally:
            for log in logs:
                log.close()

    def _save(self, *, best: bool = False, finished: bool = False) -> None:
        if self.state.is_finite():
            self.checkpoints.save({**self.state.state_dict(), "finished": finished}, best=best)

    def _stop(self, signum: int) -> None:
        self._save()
        step = self.state.position.step
        raise Stopped(signum, f"stopped at step {step}, saved; continue with: vaekit resume {self.folder.path}")

    def _log(self, logs: list[Any], progress: Progress) -> None:
        validation = progress.validation
        assert validation is not None
        guard, position = self.state.guard, self.state.position
        values = {
            "epoch": round(position.step / self.batches.steps_per_epoch, 4),
            "seconds": round(position.seconds, 3),
            "images_per_second": round(position.step * self.batches.batch / max(position.seconds, 1e-9), 1),
            "lr": progress.lr,
            "train_loss": progress.metrics["loss"].item(),
            "train_elbo": progress.metrics["elbo"].item(),
            "train_distortion": progress.metrics["distortion"].item(),
            "train_rate": progress.metrics["rate"].item(),
            "elbo": validation.elbo,
            "distortion": validation.distortion,
            "rate": validation.rate,
            "active_units": validation.active_units,
            "rate_per_dimension": [round(v, 5) for v in validation.rate_per_dimension],
            "skipped": guard.skipped,
            "non_finite": guard.non_finite,
            "rollbacks": guard.rollbacks,
        }
        for log in logs:
            log.log(progress.step, values)

    def _finish(self) -> Run:
        self._save(finished=True)
        model = self.state.average.module
        assert isinstance(model, VAE)
        model.load_state_dict(self.checkpoints.best()["average"])
        model.to("cpu")
        self.folder.write_model(model, self.experiment, self.data.schema)
        run = Run(self.folder, self.experiment, model, self.data)
        result = run.evaluate(samples=_FINAL_SAMPLES, count=_EVALUATED)
        summary = {"data": f"{self.data.source or 'arrays'} (test)", **result.summary(), "notes": self.notes}
        self.folder.write_json("evaluation.json", summary)
        write_report(run, result)
        return run


def _opened(source: Source, settings: DataSettings, *, free: bool) -> Dataset:
    if isinstance(source, Dataset):
        return source
    if isinstance(source, str | Path):
        return settings.open(str(source))
    if free and not hasattr(source, "__getitem__"):
        raise ValueError(f"a free composition needs a tensor (N, *event), got {type(source).__name__}")
    if free:
        values = torch.as_tensor(source)
        return Dataset(values, None, split_by_content(values), source="")
    return replace(images_from_arrays(source), source="")


def free_folder(source: str) -> RunFolder:
    """Return the first `runs/<name>-<number>` that is not taken."""
    name = Path(source).stem or "run"
    return RunFolder(next(path for i in range(1, 10**6) if not (path := Path("runs") / f"{name}-{i}").exists()))


def _schedule_note(stop: int, settled: int) -> str:
    return (
        f"training ends at step {stop}, before the schedule of the objective does at step {settled}: "
        f"the loss never reaches its final form; train longer or set objective.beta.steps below {stop}"
    )
