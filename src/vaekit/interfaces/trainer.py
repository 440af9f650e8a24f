"""One run being trained: experiment, data, state and folder together."""

from __future__ import annotations

import time
from typing import Protocol

import torch

from vaekit.data import Batches, Dataset, ImageSchema, Stored, TextSchema, sequential, text_lengths, unpacked
from vaekit.diagnosis import Watch
from vaekit.interfaces.ending import conclude
from vaekit.interfaces.experiment import Experiment
from vaekit.interfaces.folder import RunFolder
from vaekit.interfaces.logs import Logger, loggers
from vaekit.interfaces.pictures import grid, save_png
from vaekit.interfaces.run import Run
from vaekit.interfaces.second_stage import second_stage
from vaekit.interfaces.signals import Interruption, Stopped
from vaekit.modalities import View, view_of
from vaekit.models import VAE, evaluating
from vaekit.objectives import ELBO
from vaekit.training import (
    Checkpoints,
    Progress,
    Step,
    Training,
    TrainingScope,
    TrainingState,
    Validation,
    make_fabric,
    refuse_too_large,
    train,
    validate,
)

__all__ = ["Listener", "Trainer"]

_VALIDATED = 2048  # held-out data that validation looks at: enough for a standard error of about a nat
_LOOKED = 1024  # data that pseudo-inputs and codebooks start from


class Listener(Protocol):
    """Who watches a run: a progress bar, a notebook, a test."""

    def __call__(self, progress: Progress, batch: int) -> None:
        """Take the progress of one step and the number of data in it."""
        ...


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
        self.scope = TrainingScope(self.training)
        with self.scope:
            self._set_up(data, model)

    def _set_up(self, data: Dataset, model: VAE | None) -> None:
        """Build all that a run consists of.

        Raises:
            ValueError: The data are too few, or do not suit the model, or no memory holds it.
        """
        folder, experiment = self.folder, self.experiment
        fabric = make_fabric(self.training)
        if model is None:
            if experiment.model is None:
                raise ValueError(f"{folder.path} holds a user's own composition; give model=VAE(...)")
            refuse_too_large(experiment.model, self.training.device)
            model = experiment.model.build()
        self.model = model
        self.view: View = view_of(experiment.model, model, data.schema)
        self.opened, self.data = data, self.view.settle(data)
        rows = self.data.part("train")
        if not all(len(self.data.part(name)) for name in ("train", "validation")):
            raise ValueError(
                f"training needs three distinct data at least, to train on, to validate and to test, but the {len(data)} "
                "here are fewer, or alike, or all in one part; give more data"
            )
        lengths = text_lengths(self.data.values) if isinstance(data.schema, TextSchema) else None
        self.batches = Batches(self.data.stored, rows, self.training.batch, self.training.seed, lengths)
        self.held_out = self.data.drawn("validation", _VALIDATED)
        criterion = experiment.objective.build(model, len(rows))
        step = Step(model, criterion, self.view.prepare, experiment.objective.samples)
        self._look(step, next(sequential(self.data.stored, self.data.drawn("train", _LOOKED), _LOOKED)))
        self.state = TrainingState(step, self.training, fabric)
        self.seconds = _for_training(self.training)
        has_latents = getattr(experiment.model, "model", "vae") != "lm"
        self.watch = Watch(experiment.objective, self.training, text=lengths is not None, latents=has_latents)
        self.notes: list[str] = list(getattr(experiment.model, "warnings", ()))

    def _look(self, step: Step, batch: Stored) -> None:
        """Let the model start from data, and the objective refuse what it has no meaning for, before anything is written.

        Raises:
            ValueError: Objective and model do not go together; the message says what to do.
        """
        stored, context = unpacked(batch)
        few = batch.take(torch.arange(min(2, len(batch))))
        with evaluating(step.model, self.training.seed):
            self.model.initialize(self.view.prepare(stored), *context)
            with torch.enable_grad():  # some objectives take gradients themselves
                for at in sorted({0, self.experiment.objective.schedule_end}):
                    step(few, at)

    def begin(self) -> None:
        """Make the folder and write what is known before training.

        Raises:
            FileExistsError: There is a run already, or a file in its place.
            OSError: It cannot be written to.
        """
        self.folder.create()
        self._describe()

    def _describe(self) -> None:
        self.checkpoints = Checkpoints(self.folder.checkpoints)
        self.folder.write_experiment(self.experiment)
        self.folder.write_environment()
        self.folder.write_data(self.data)
        if isinstance(self.data.schema, ImageSchema):
            with evaluating(self.state.model):
                shown = self.view.decode(self.view.prepare(self.data.values[self.data.drawn("train", 64)]))
            save_png(grid(shown), self.folder.plots / "data.png")

    def restore(self, seconds_more: float | None) -> None:
        """Continue from the newest valid checkpoint, or from the beginning where a run was stopped before its first.

        Raises:
            ValueError: The run is finished, its data have changed, or all its checkpoints are damaged.
        """
        if not any(self.folder.checkpoints.glob("*.ckpt")):
            if self.folder.evaluation.is_file():
                raise ValueError(
                    f"{self.folder.path} is finished and has no checkpoint to go on from; run fit again with another --out"
                )
            self.notes.append("the run was stopped before its first checkpoint; it begins anew")
            self._describe()
            return
        expected = self.folder.read_json("split.json")["fingerprint"]
        if self.data.fingerprint != expected:
            raise ValueError(f"the data have changed since {self.folder.path} was begun; run fit again on them")
        self.checkpoints = Checkpoints(self.folder.checkpoints)
        state, note = self.checkpoints.load()
        self.notes += [note] if note else []
        with self.scope:
            self.state.load_state_dict(state)
        position = self.state.position
        if seconds_more is not None:
            position.begin, position.stop, position.limit = position.step, None, seconds_more
        if position.stop is None and position.limit is not None:
            self.seconds = _for_training(self.training.replace(time_limit=position.limit, auto_fix=False))
        elif state.get("finished") and self._is_evaluated():
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
        with self.scope, Interruption() as interruption:
            self._train(listener, interruption)
            self._save(finished=True)
            if interruption.signum is not None:
                self._stop(interruption.signum)
        path = self.folder.path
        stopped = f"stopped after training, which is saved; get bounds and report with: vaekit resume {path}"
        with self.scope, Interruption(stopped):
            return self._finish()

    def _is_evaluated(self) -> bool:
        """Say whether bounds and report are those of the last step: a run may be stopped between."""
        if not (self.folder.evaluation.is_file() and self.folder.report.is_file()):
            return False
        return self.folder.read_evaluation().get("step") == self.state.position.step

    def validate(self, model: torch.nn.Module) -> Validation:
        """Return the bound on held-out data."""
        device = self.state.fabric.device
        batches = (batch.to(device) for batch in sequential(self.data.stored, self.held_out, 256))
        informed = bool(self.state.phases.now.aggressive)  # an aggressive phase ends when this stops rising
        return validate(model, batches, self.view.prepare, information=informed, beta=self._weight_of_rate)

    @property
    def _weight_of_rate(self) -> float:
        """The weight of the rate in what the best weights are chosen by."""
        objective = self.experiment.objective
        if self.training.select_by == "bound" or not isinstance(objective, ELBO):
            return 1.0
        return objective.beta.at(objective.beta.end)

    def _train(self, listener: Listener | None, interruption: Interruption) -> None:
        position = self.state.position
        logs = loggers(self.folder.metrics, self.folder.path / "tensorboard", position.step)
        objective = self.experiment.objective
        settled = objective.schedule_end
        anew = 0 if objective.is_bound else settled
        seconds = None if self.seconds is None else self.seconds - (time.perf_counter() - self.began)
        warned = False
        try:
            steps = train(self.state, self.batches, self.validate, seconds=seconds, settled=settled, anew=anew)
            for progress in steps:
                if progress.validation is not None:
                    self._save(best=progress.best)
                    self._log(logs, progress)
                    seen = (progress.step, progress.stop, progress.validation)
                    self.notes += self.watch(*seen, self.state.guard.non_finite)
                if progress.stop is not None and progress.stop < settled and not warned:
                    warned = True
                    self.notes.append(_schedule_note(progress.stop, settled))
                if listener is not None:
                    listener(progress, self.batches.batch)
                if interruption.signum is not None:
                    self._stop(interruption.signum)
            if position.stop is not None and self.state.position.step < position.stop:
                self.notes.append(
                    f"training ended at step {self.state.position.step} of {position.stop}: no better validation bound for "
                    f"{self.training.patience} epochs (patience)"
                )
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

    def _log(self, logs: list[Logger], progress: Progress) -> None:
        validation = progress.validation
        assert validation is not None
        guard, position = self.state.guard, self.state.position
        values = {
            "epoch": round(position.step / self.batches.steps_per_epoch, 4),
            "seconds": round(position.seconds, 3),
            "data_per_second": round(position.step * self.batches.batch / max(position.seconds, 1e-9), 1),
            "lr": progress.lr,
            **{f"train_{name}": value.item() for name, value in progress.metrics.items() if value.dim() == 0},
            "elbo": validation.elbo,
            "distortion": validation.distortion,
            "rate": validation.rate,
            "active_units": validation.active_units,
            **({} if validation.information is None else {"information": validation.information}),
            "rate_per_dimension": [round(v, 5) for v in validation.rate_per_dimension],
            "skipped": guard.skipped,
            "non_finite": guard.non_finite,
            "rollbacks": guard.rollbacks,
        }
        for log in logs:
            log.log(progress.step, values)

    def _finish(self) -> Run:
        # The user's own modules end with the weights that were evaluated best.
        model = self.state.model
        assert isinstance(model, VAE)
        self.state.release()
        model.load_state_dict(self.checkpoints.best()["average"])
        model.to("cpu")
        self.folder.write_model(model, self.experiment.model, self.data.schema)
        run = Run(self.folder, self.experiment, model, self.data)
        if self.training.second_stage != "none":
            run, note = second_stage(run)
            self.notes.append(note)
        conclude(run, self.notes, self.state.position.step)
        return run


def _for_training(training: Training) -> float | None:
    """Return the seconds that training may take of a time limit: a second stage, bounds and report count too."""
    limit = training.seconds
    if limit is None:
        return None
    second = 0.0 if training.second_stage == "none" else min(45.0, 0.2 * limit)
    return limit - second - min(40.0, 4.0 + 0.03 * limit)


def _schedule_note(stop: int, settled: int) -> str:
    return (
        f"training ends at step {stop}, before the schedule of the objective does at step {settled}: "
        f"the loss never reaches its final form; train longer, or end it earlier (objective.beta.steps, objective.capacity.nats.steps, objective.start)"
    )
