"""Training in memory: experiment, data and state together; no file is written, and nothing is printed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Protocol

import torch
from torch import nn

from vaekit.data import Batches, Dataset, Stored, sequential, unpacked
from vaekit.data.dataset import Part
from vaekit.diagnosis import Watch
from vaekit.interfaces.describing.experiment import Experiment
from vaekit.interfaces.runs.batch_size import bytes_of_gradient, fitted_batch
from vaekit.interfaces.runs.ending import seconds_of_ending, silently
from vaekit.interfaces.runs.folder import label_counts
from vaekit.interfaces.runs.second_stage import second_stage
from vaekit.modalities import View, view_of
from vaekit.models import LatentVariableModel, evaluating
from vaekit.objectives import ELBO
from vaekit.trained import Conditions, TrainedModel
from vaekit.training import Progress, Step, TrainingState, Validation, train, validate
from vaekit.training.budget import NEVER, Deadline
from vaekit.training.fabric import make_fabric
from vaekit.training.memory import refuse_large_batch, refuse_too_large
from vaekit.training.scope import TrainingScope

__all__ = ["Listener", "Trainer"]

_VALIDATED = 2048  # held-out data that validation looks at: enough for a standard error of about a nat
_LOOKED = 1024  # data that pseudo-inputs and codebooks start from


class Listener(Protocol):
    """An observer of training: a progress bar, a notebook, a test."""

    def __call__(self, progress: Progress, batch: int) -> None:
        """Receive the progress of one step, and the number of data in it."""
        ...


class Trainer:
    """The training of one model.

    Global settings (threads, generators, precision) change only within `scope`; call the methods inside it.

    Args:
        experiment: The description of the training.
        data: Its data.
        model: A free composition, if the experiment has no description.
        began: When the user's wait began, on the clock of `time.perf_counter`; a time limit counts from there.
    """

    def __init__(
        self,
        experiment: Experiment,
        data: Dataset,
        *,
        model: LatentVariableModel | None = None,
        began: float | None = None,
    ) -> None:
        self.began = time.perf_counter() if began is None else began
        self.experiment, self.training, self.opened = experiment, experiment.training, data
        self.scope = TrainingScope(self.training)
        with self.scope:
            self._prepare(model)
        self._log_jacobians: dict[Part, float] = {}
        self.limit_time(self.training.seconds)
        self.announce: Callable[[str], None] = silently
        """Is told what is running after training."""
        self.watch = Watch(experiment.objective, self.training, self.view.traits)
        self.notes: list[str] = list(experiment.model.warnings if experiment.model is not None else ())

    def limit_time(self, seconds: float | None) -> None:
        """Set when all must have ended, second stage, bounds and report included.

        Args:
            seconds: Seconds since the user's wait began; None for no limit.
        """
        self.deadline = NEVER if seconds is None else Deadline(self.began + seconds)
        self.ending = 0.0 if seconds is None else seconds_of_ending(seconds)

    def note(self, text: str) -> None:
        """Add a note for the user, once."""
        if text not in self.notes:
            self.notes.append(text)

    def _prepare(self, model: LatentVariableModel | None) -> None:
        """Build everything that training needs."""
        experiment, data = self.experiment, self.opened
        fabric = make_fabric(self.training)
        if model is None:
            if experiment.model is None:
                raise ValueError("this is a user's own composition; give model=VAE(...)")
            refuse_too_large(experiment.model, self.training.device)
            model = experiment.model.build()
        self.model = model
        self.view: View = view_of(experiment.model, model, data.schema)
        self.data = self.view.settle(data)
        rows = self.data.part("train")
        if not all(len(self.data.part(name)) for name in ("train", "validation")):
            raise ValueError(
                f"training needs three distinct data at least, to train on, to validate and to test, but the {len(data)} "
                "here are fewer, or alike, or all in one part; give more data"
            )
        lengths = self.view.lengths(self.data.values)
        self.batches = Batches(self.data.stored, rows, self.training.batch, self.training.seed, lengths)
        if experiment.model is not None:
            numbers = int(self.data.stored.sizes.max()) + experiment.model.latent
            batch = min(self.training.batch, len(rows))
            refuse_large_batch(batch, experiment.objective.samples, numbers, self.training.device)
        self.held_out = self.data.drawn("validation", _VALIDATED)
        criterion = experiment.objective.build(model, len(rows))
        step = Step(model, criterion, self._entering, experiment.objective.samples)
        first = next(sequential(self.data.stored, self.data.drawn("train", _LOOKED), _LOOKED))
        estimate = self._start(step, first)
        with fabric.autocast():
            self.experiment = fitted_batch(experiment, step, first, len(rows), estimate)
        self.training = self.experiment.training
        self.batches = replace(self.batches, batch=self.training.batch)
        self.state = TrainingState(step, self.training, fabric)

    def _start(self, step: Step, batch: Stored) -> float:
        """Initialise the model from data, and try the objective once, so that it can refuse the model.

        Returns:
            The bytes that the gradient of one datum needs at most.

        Raises:
            ValueError: Objective and model do not go together; the message says what to do.
        """
        stored, context = unpacked(batch)
        with evaluating(step.model, self.training.seed):
            self.model.initialize(self.view.prepare(stored), *context)
        seed, count = self.training.seed, min(2, len(batch))
        steps = {0, self.experiment.objective.schedule_end}
        return max(bytes_of_gradient(step, batch, count, seed, at) for at in sorted(steps)) / count

    def _entering(self, stored: torch.Tensor) -> torch.Tensor:
        """Return a training batch as the model takes it."""
        return self.view.prepare(self.view.augmented(stored))

    def steps(self) -> Iterator[Progress]:
        """Train to the end, and yield a `Progress` per step; `notes` for the user are added during training.

        Raises:
            TrainingDiverged: Values stayed non-finite after three rollbacks.
        """
        objective = self.experiment.objective
        settled = objective.schedule_end
        anew = 0 if objective.is_bound else settled
        seconds = None if self.deadline is NEVER else self.deadline.before(self._after_training).left
        planned: int | None = None
        for progress in train(self.state, self.batches, self.validate, seconds=seconds, settled=settled, anew=anew):
            if progress.validation is not None:
                now = (progress.step, progress.stop, progress.validation)
                for text in self.watch(*now, self.state.guard.non_finite):
                    self.note(text)
            if planned is None and progress.stop is not None:
                planned = progress.stop
                if planned < settled:
                    self.note(_schedule_note(planned, settled))
            if (few := self.state.position.at_once) is not None:
                self.note(
                    f"memory ran out for a batch of {self.training.batch:,}: its gradient is computed {few:,} data at a "
                    "time and added up; batch norm and terms of the loss that look at a whole batch see these alone"
                )
            yield progress
        stop, step = self.state.position.stop, self.state.position.step
        if stop is not None and planned is not None and stop < planned:
            self.note(f"the machine grew slower: training ended at step {stop} of {planned}, to keep the time limit")
        if stop is not None and step < stop:
            self.note(
                f"training ended at step {step} of {stop}: no better validation bound for "
                f"{self.training.patience} epochs (patience)"
            )

    def validate(self, model: nn.Module) -> Validation:
        """Return the bound on held-out data."""
        device = self.state.fabric.device
        batches = (batch.to(device) for batch in sequential(self.data.stored, self.held_out, 256))
        informed = bool(self.state.phases.now.aggressive)  # an aggressive phase ends when this stops rising
        how = {"beta": self._weight_of_rate, "log_jacobian": self.log_jacobian("validation")}
        return validate(model, batches, self.view.prepare, information=informed, **how)

    def log_jacobian(self, part: Part) -> float:
        """Return the mean log-Jacobian of a part, in nats: it turns bounds of prepared data into those of the data."""
        if part not in self._log_jacobians:
            with evaluating(self.model):
                parts = sequential(self.data.stored, self.data.drawn(part, _VALIDATED), 256)
                found = [self.view.log_jacobian(self.view.prepare(unpacked(batch)[0])) for batch in parts]
            self._log_jacobians[part] = torch.cat(found).mean().item()
        return self._log_jacobians[part]

    def finished(self, best: dict[str, torch.Tensor]) -> TrainedModel:
        """Return the trained model, after its second stage.

        Args:
            best: The best weights; a user's own modules get them too.
        """
        self.state.release()
        self.model.load_state_dict(best)
        self.model.to("cpu")
        has_second_stage, until = self.training.second_stage != "none", self.deadline.before(self.ending)
        if self.view.finishing:
            self.announce(self.view.finishing)
        if note := self.view.finish(self.model, self.data, until.left / (1 + has_second_stage)):
            self.note(note)
        description, data = self.experiment.model, self.data
        size = 0 if data.context is None else data.context.shape[1]
        conditions = Conditions.of(description, data.schema, tuple(label_counts(data).values()), size)
        reading = self.experiment.data
        trained = TrainedModel(self.model, description, data.schema, reading=reading, conditions=conditions, data=data)
        if has_second_stage:
            self.announce("second stage: a prior is fitted to the latents")
            trained, note = second_stage(trained, self.training, self.experiment.preset, until)
            self.note(note)
        return trained

    @property
    def _after_training(self) -> float:
        """Seconds of the time limit that go to what follows training, bounds and report included."""
        left = max(0.0, self.deadline.left)
        follows = self.training.second_stage != "none" or self.view.finishing
        return self.ending + (min(45.0, 0.2 * left) if follows else 0.0)

    @property
    def arithmetic(self) -> dict[str, Any]:
        """What the last digits of the results depend on."""
        with self.scope:
            threads = torch.get_num_threads()
        fabric = self.state.fabric
        return {"threads": threads, "precision": fabric._precision.precision, "device": fabric.device.type}

    @property
    def _weight_of_rate(self) -> float:
        """The weight of the rate in the score that selects the best weights."""
        objective = self.experiment.objective
        if self.training.select_by == "bound" or not isinstance(objective, ELBO):
            return 1.0
        return objective.beta.at(objective.beta.end)


def _schedule_note(stop: int, settled: int) -> str:
    return (
        f"training ends at step {stop}, before the schedule of the objective does at step {settled}: "
        f"the loss never reaches its final form; train longer, or end it earlier (objective.beta.steps, objective.capacity.nats.steps, objective.start)"
    )
