"""The training loop, in full view: a generator over Lightning Fabric."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from torch import Tensor, nn

from vaekit.data import Batches
from vaekit.training.budget import Pace, Stopwatch, validations
from vaekit.training.stability import Verdict
from vaekit.training.state import TrainingState
from vaekit.training.validation import Validation

__all__ = ["Progress", "train"]


@dataclass(frozen=True)
class Progress:
    """What one step tells its caller.

    Args:
        step: Steps taken so far.
        stop: Steps in all, once known.
        metrics: The objective's metrics, tensors on the device of the model, and the `loss`.
        verdict: What was done with the step.
        lr: The learning rate.
        validation: The bound on held-out data, where this step ended with one.
        best: Whether that bound is the best so far.
    """

    step: int
    stop: int | None
    metrics: dict[str, Tensor]
    verdict: Verdict
    lr: float
    validation: Validation | None = None
    best: bool = False


def train(
    state: TrainingState,
    batches: Batches,
    validate: Callable[[nn.Module], Validation],
    *,
    seconds: float | None = None,
    settled: int = 0,
    anew: int = 0,
) -> Iterator[Progress]:
    """Train until the steps are used up or patience is; yields one `Progress` per step.

    Args:
        state: The state, new or loaded.
        batches: The training data, a pure function of the step.
        validate: Returns the bound of a model on held-out data; must leave the random generator as it was.
        seconds: What may be spent, where a time limit decides and no number of steps is fixed yet.
        settled: The step from which schedules rest; patience counts from there.
        anew: The step from which the best is chosen anew: what was best before had not yet been trained for the objective.

    Raises:
        TrainingDiverged: Non-finite values came back after three rollbacks.
    """
    fabric = state.fabric
    if fabric.world_size > 1:
        batches = replace(batches, share=(fabric.global_rank, fabric.world_size))
    return _Loop(state, batches, validate, seconds, settled, anew).run()


@dataclass
class _Loop:
    state: TrainingState
    batches: Batches
    validate: Callable[[nn.Module], Validation]
    seconds: float | None
    settled: int
    anew: int
    _watch: Stopwatch | None = field(default=None, init=False)
    _pace: Pace | None = field(default=None, init=False)

    def run(self) -> Iterator[Progress]:
        """Step, judge, validate, yield."""
        state = self.state
        self._plan()
        if state.kept is None:
            state.keep()
        began = time.perf_counter() - state.position.seconds
        while not self._is_over():
            state.begin_phase()
            state.catch_up(self.batches)
            verdict, metrics, rate = state.advance(self.batches.at(state.position.step))
            state.position.seconds = time.perf_counter() - began
            if verdict == "roll back":
                state.roll_back()
            validation, best = None, False
            self._shorten()
            if self._watch is not None and state.fabric.broadcast(self._watch.tick()):
                validation = self._measure(self._watch)
            elif verdict != "roll back" and self._is_due():
                validation = self._validated()
            if validation is not None:
                state.phases.notice(validation.information)
                best = self._select(validation)
            position = state.position
            yield Progress(position.step, position.stop, metrics, verdict, rate, validation, best)

    def _plan(self) -> None:
        """Fix the number of steps, unless a time limit has to be measured first."""
        training, position = self.state.training, self.state.position
        if position.stop is not None:
            return
        if self.seconds is not None:
            self._watch = Stopwatch(self.seconds)
            return
        self._stop_at(position.begin + (training.steps or training.epochs * self.batches.steps_per_epoch))

    def _stop_at(self, stop: int, per_step: float = 0.0, per_validation: float = 0.0) -> None:
        """Fix the last step, and how many steps lie between validations, given what each costs in seconds."""
        training, position = self.state.training, self.state.position
        every = validations(stop - position.begin, self.batches.steps_per_epoch, per_step, per_validation)
        position.stop, position.validate_every = stop, training.validate_every or every

    def _measure(self, watch: Stopwatch) -> Validation:
        """Turn the time limit into a number of steps, once."""
        fabric = self.state.fabric  # the first process decides: each has a clock of its own
        per_step = fabric.broadcast(watch.per_step)
        started = time.perf_counter()
        validation = self._validated()
        per_validation = fabric.broadcast(time.perf_counter() - started)
        left = fabric.broadcast(watch.remaining_steps(per_step, per_validation))
        self._stop_at(self.state.position.step + left, per_step, per_validation)
        self._watch, self._pace = None, Pace(watch, self.state.position.step, per_step, per_validation)
        return validation

    def _shorten(self) -> None:
        """Move the last step forward where the machine has become too slow to reach it within the time limit."""
        position, pace = self.state.position, self._pace
        if pace is None or position.stop is None or position.step >= position.stop or not pace.is_due(position.step):
            return
        stop = self.state.fabric.broadcast(pace.last_step(position.step, position.stop))
        position.stop = min(position.stop, max(position.step, stop))

    def _is_over(self) -> bool:
        """Say so from the state alone: a run killed right after its last step must not go on when it is resumed."""
        position = self.state.position
        if position.stop is None or position.step >= position.stop:
            return position.stop is not None
        return position.step > position.begin and self._is_due() and self._is_out_of_patience()

    def _is_due(self) -> bool:
        position = self.state.position
        since = position.step - position.begin
        return position.stop is not None and (position.step == position.stop or since % position.validate_every == 0)

    def _validated(self) -> Validation:
        """Validate the averaged weights; roll back first where they are not finite."""
        if not self.state.is_finite():
            self.state.roll_back()
        began = time.perf_counter()
        validation = self.state.fabric.broadcast(self.validate(self.state.average.module))
        if self._pace is not None:
            self._pace.per_validation = time.perf_counter() - began
            self._pace.paused += self._pace.per_validation
        return validation

    def _select(self, validation: Validation) -> bool:
        """Keep a good state to roll back to; say whether its bound is the best so far."""
        position = self.state.position
        if position.best_step < self.anew <= position.step:
            position.best = -math.inf
        good = math.isfinite(validation.score)
        best = good and validation.score > position.best
        if best:
            position.best, position.best_step = validation.score, position.step
        # Amid bad steps the weights may be what makes them bad.
        if good and self.state.guard.in_a_row == 0:
            self.state.keep()
        return best

    def _is_out_of_patience(self) -> bool:
        training, position = self.state.training, self.state.position
        if training.time_limit is not None or training.steps is not None or not self.state.phases.is_last(position):
            return False
        since = position.step - max(position.best_step, self.settled, position.begin)
        return since >= training.patience * self.batches.steps_per_epoch
