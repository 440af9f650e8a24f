"""The training loop, in full view: a generator over Lightning Fabric."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from vaekit.data import Batches, Stored
from vaekit.training.budget import Stopwatch, validations
from vaekit.training.optimizers import Average, learning_rate, make_critic, make_optimizer
from vaekit.training.settings import Training
from vaekit.training.stability import Guard, Verdict
from vaekit.training.step import Step
from vaekit.training.validation import Validation

__all__ = ["Progress", "TrainingState", "train"]


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


@dataclass
class _Position:
    """Where training stands: plain numbers, saved whole."""

    step: int = 0
    begin: int = 0  # first step of this stretch; an extended run begins a new one
    stop: int | None = None
    validate_every: int = 0
    best: float = float("-inf")
    best_step: int = 0
    seconds: float = 0.0
    taken: int = 0


class TrainingState:
    """All that a resumed run needs to equal an uninterrupted one bit for bit.

    Args:
        step: The computation of one step, on the CPU.
        training: The settings.
        fabric: Device and precision.
    """

    def __init__(self, step: Step, training: Training, fabric: Fabric) -> None:
        self.training, self.fabric = training, fabric
        if any(isinstance(module, nn.Conv2d | nn.ConvTranspose2d) for module in step.modules()):
            step.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model, self.criterion = step.model, step.criterion
        average = fabric.to_device(copy.deepcopy(step.model))
        runs: nn.Module = torch.compile(step) if training.compile else step  # type: ignore[assignment]
        self._compute = runs
        self.step, self.optimizer = fabric.setup(runs, make_optimizer(step.model.parameters(), training))
        self._critics = [p for p in _parameters(step.criterion) if p.requires_grad]
        self.critic: Any = fabric.setup_optimizers(make_critic(self._critics, training)) if self._critics else None
        self.average = Average(self.model, average, training.ema)
        self.guard = Guard(training.skip)
        self.position = _Position()
        self._parameters = [p for p in step.model.parameters() if p.requires_grad]
        self._kept: dict[str, Any] | None = None

    def advance(self, batch: Stored) -> tuple[Verdict, dict[str, Tensor], float]:
        """Take one step on a stored batch; return what was done, the metrics and the learning rate."""
        position, guard = self.position, self.guard
        rate = guard.lr_factor * learning_rate(self.training, position.step, position.begin, position.stop)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        for group in self.critic.param_groups if self.critic else ():
            group["lr"] = rate * self.training.critic_lr / self.training.lr
        if not self.model.training:  # asked first: `train()` walks over all modules, which shows in small models
            self.step.train()
        # Not through the wrapper's forward: it would round real-valued data to bf16 before `prepare` sees them.
        with self.fabric.autocast():
            value, metrics = self._compute(self.fabric.to_device(batch), position.step)
        for parameter in (*self._parameters, *self._critics):
            parameter.grad = None  # what the optimisers' own loops do, without their bookkeeping
        self.fabric.backward(value)
        norm = nn.utils.get_total_norm([p.grad for p in self._parameters if p.grad is not None])
        loss, size = torch.stack([value.detach().float(), norm.float()]).tolist()  # one synchronisation, not two
        if math.isfinite(size) and size > self.training.clip:  # seldom: the pass over all gradients is saved
            nn.utils.clip_grads_with_norm_(self._parameters, self.training.clip, norm)
        verdict = guard.judge(loss, size)
        if verdict == "take":
            for optimizer in self._optimizers:
                optimizer.step()
            self.criterion.after_step()
            self.average.update(position.taken)
            position.taken += 1
        else:
            self.average.restore_buffers()
        position.step += 1
        return verdict, {"loss": value.detach(), **metrics}, rate

    @property
    def _optimizers(self) -> list[Any]:
        return [self.optimizer] if self.critic is None else [self.optimizer, self.critic]

    def is_finite(self) -> bool:
        """Say whether all weights and averages are finite."""
        tensors = [
            *self._critics,
            *self.model.parameters(),
            *self.average.module.parameters(),
            *self.average.module.buffers(),
        ]
        return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)

    def keep(self) -> None:
        """Remember this state as the one to roll back to."""
        self._kept = copy.deepcopy(self.state_dict())

    def roll_back(self) -> None:
        """Return to the last state kept, with a lower learning rate.

        Raises:
            TrainingDiverged: There were three rollbacks already.
        """
        self.guard.roll_back()
        if self._kept is None:
            return
        kept = copy.deepcopy(self._kept)
        # The budget stands, and so does the best bound: its checkpoint is on the disk.
        position = {**vars(self.position), **{name: kept["position"][name] for name in ("step", "taken")}}
        self.load_state_dict({**kept, "position": position, "guard": self.guard.state_dict()})

    def state_dict(self) -> dict[str, Any]:
        """Return tensors and plain values only, so that loading needs to run no code."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.module.state_dict(),
            "criterion": self.criterion.state_dict() if isinstance(self.criterion, nn.Module) else {},
            "optimizer": self.optimizer.state_dict(),
            "critic": self.critic.state_dict() if self.critic else {},
            "guard": self.guard.state_dict(),
            "position": vars(self.position).copy(),
            "rng": _rng_state(self.fabric.device),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a saved state."""
        self.model.load_state_dict(state["model"])
        self.average.module.load_state_dict(state["average"])
        if isinstance(self.criterion, nn.Module):
            self.criterion.load_state_dict(state["criterion"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.critic is not None:
            self.critic.load_state_dict(state["critic"])
        self.guard.load_state_dict(state["guard"])
        self.position = _Position(**state["position"])
        _set_rng_state(state["rng"], self.fabric.device)


def train(
    state: TrainingState,
    batches: Batches,
    validate: Callable[[nn.Module], Validation],
    *,
    seconds: float | None = None,
    settled: int = 0,
) -> Iterator[Progress]:
    """Train until the steps are used up or patience is; yields one `Progress` per step.

    Args:
        state: The state, new or loaded.
        batches: The training data, a pure function of the step.
        validate: Returns the bound of a model on held-out data; must leave the random generator as it was.
        seconds: What may be spent, where a time limit decides and no number of steps is fixed yet.
        settled: The step from which schedules rest; patience counts from there.

    Raises:
        TrainingDiverged: Non-finite values came back after three rollbacks.
    """
    return _Loop(state, batches, validate, seconds, settled).run()


@dataclass
class _Loop:
    state: TrainingState
    batches: Batches
    validate: Callable[[nn.Module], Validation]
    seconds: float | None
    settled: int
    _watch: Stopwatch | None = field(default=None, init=False)

    def run(self) -> Iterator[Progress]:
        """Step, judge, validate, yield."""
        state = self.state
        self._plan()
        if state._kept is None:
            state.keep()
        began = time.perf_counter() - state.position.seconds
        while not self._is_over():
            verdict, metrics, rate = state.advance(self.batches.at(state.position.step))
            state.position.seconds = time.perf_counter() - began
            if verdict == "roll back":
                state.roll_back()
            validation, best = None, False
            if self._watch is not None and self._watch.tick():
                validation = self._measure(self._watch)
            elif verdict != "roll back" and self._is_due():
                validation = self._validated()
            if validation is not None:
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
        position.stop = position.begin + (training.steps or training.epochs * self.batches.steps_per_epoch)
        length = position.stop - position.begin
        position.validate_every = training.validate_every or validations(length, self.batches.steps_per_epoch)

    def _measure(self, watch: Stopwatch) -> Validation:
        """Turn the time limit into a number of steps, once."""
        per_step = watch.per_step
        started = time.perf_counter()
        validation = self._validated()
        per_validation = time.perf_counter() - started
        training, position = self.state.training, self.state.position
        position.stop = position.step + watch.remaining_steps(per_step, per_validation)
        length = position.stop - position.begin
        every = validations(length, self.batches.steps_per_epoch, per_step, per_validation)
        position.validate_every = training.validate_every or every
        self._watch = None
        return validation

    def _is_over(self) -> bool:
        """Say so from the state alone: a run killed right after its last step must not go on when it is resumed."""
        position = self.state.position
        if position.stop is None or position.step >= position.stop:
            return position.stop is not None
        return position.step > position.begin and self._is_due() and self._is_out_of_patience()

    def _is_due(self) -> bool:
        position = self.state.position
        if position.stop is None:
            return False
        return position.step == position.stop or (position.step - position.begin) % position.validate_every == 0

    def _validated(self) -> Validation:
        """Validate the averaged weights; roll back first where they are not finite."""
        if not self.state.is_finite():
            self.state.roll_back()
        return self.validate(self.state.average.module)

    def _select(self, validation: Validation) -> bool:
        """Keep a good state to roll back to; say whether its bound is the best so far."""
        position = self.state.position
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
        if training.time_limit is not None or training.steps is not None:
            return False
        since = position.step - max(position.best_step, self.settled, position.begin)
        return since >= training.patience * self.batches.steps_per_epoch


def _parameters(criterion: object) -> list[nn.Parameter]:
    return list(criterion.parameters()) if isinstance(criterion, nn.Module) else []


def _rng_state(device: torch.device) -> dict[str, Tensor]:
    state = {"cpu": torch.get_rng_state()}
    return state | ({"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else {})


def _set_rng_state(state: dict[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"], device)
