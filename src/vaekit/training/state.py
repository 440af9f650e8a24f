"""All that a resumed run needs to equal an uninterrupted one bit for bit, and the one step that changes it."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from vaekit.data import Batches, Stored
from vaekit.training.device import random_states, set_random_states
from vaekit.training.gradient import Gradient
from vaekit.training.optimizers import Average, at_rest, learning_rate, make_critic, make_optimizer, restore_optimizer
from vaekit.training.phases import Phases, Position
from vaekit.training.processes import average, draw_apart, share_weights
from vaekit.training.settings import Training
from vaekit.training.stability import Guard, Verdict
from vaekit.training.step import Step

if TYPE_CHECKING:
    from vaekit.training.fabric import Fabric

__all__ = ["TrainingState"]

_LOOKED_BACK = 15  # steps of the posterior alone whose mean loss is compared with that of as many before


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
        self._judge = (
            step.criterion if isinstance(step.criterion, nn.Module) else nn.Module()
        )  # whose weights are saved
        # Not wrapped by Fabric: its forward would round real-valued data to bf16 before `prepare` sees them.
        fabric.to_device(step)
        share_weights(fabric, step)
        draw_apart(fabric, training.seed)
        averaged = copy.deepcopy(step.model)
        self.optimizer: Any = fabric.setup_optimizers(make_optimizer(step.model.parameters(), training))
        self._statistics = [buffer for buffer in step.buffers() if buffer.is_floating_point()]
        self._critics = [p for p in self._judge.parameters() if p.requires_grad]
        # Adversaries learn slowly; what merely helps the model learns as fast as it does.
        self._critic_lr = training.lr if getattr(step.criterion, "auxiliary", False) else training.critic_lr
        self.critic: Any = fabric.setup_optimizers(make_critic(self._critics, training)) if self._critics else None
        self.average = Average(self.model, averaged, training.ema)
        self.guard = Guard(training.skip)
        self.position = Position()
        self._parameters = [p for p in step.model.parameters() if p.requires_grad]
        compute: nn.Module = torch.compile(step) if training.compile else step  # type: ignore[assignment]
        self._gradient = Gradient(compute, fabric, [*self._parameters, *self._critics], self.average.restore_buffers)
        self.phases = Phases(training.phases, step)
        self.kept: dict[str, Any] | None = None

    def advance(self, batch: Stored) -> tuple[Verdict, dict[str, Tensor], float]:
        """Take one step on a stored batch; return what was done, the metrics and the learning rate."""
        position, rate = self.position, self._set_rate()
        value, metrics, loss, size = self._descend(batch)
        verdict = self.guard.judge(loss, size)
        if verdict == "take":
            for optimizer in self._optimizers.values():
                optimizer.step()
            self.criterion.after_step()
            average(self.fabric, self._statistics)
            self.average.update(position.taken - self.phases.ramp)
            position.taken += 1
        else:
            self.average.restore_buffers()
        position.step += 1
        return verdict, {"loss": value.detach(), **metrics}, rate

    def begin_phase(self) -> None:
        """Go on to the phase that is due; the best is chosen anew from the beginning of the last one."""
        position, phases = self.position, self.phases
        while phases.is_due(position):
            for name, weights in phases.begin_next(position).items():
                self._renew(name, weights)
            self.guard.forget()
            if phases.is_last(position):
                position.best, position.best_step = -math.inf, position.step

    def catch_up(self, batches: Batches) -> None:
        """Let the posterior alone learn until that helps no more, in an aggressive phase; elsewhere, do nothing.

        References:
            He, Spokoyny, Neubig and Berg-Kirkpatrick, 2019, "Lagging inference networks and posterior collapse in
            variational autoencoders".
        """
        if not self.phases.now.aggressive:
            return
        self._set_rate()
        self.phases.turn(to_posterior=True)
        before, losses = math.inf, list[float]()
        for _ in range(self.phases.now.aggressive):
            losses.append(self._inner_step(batches.at(self.phases.inner)))
            if not math.isfinite(losses[-1]):
                break
            if len(losses) == _LOOKED_BACK:
                if sum(losses) / _LOOKED_BACK >= before:
                    break
                before, losses = sum(losses) / _LOOKED_BACK, []
        self.phases.turn(to_posterior=False)

    def _inner_step(self, batch: Stored) -> float:
        """Take one step of what learns at present, outside of the count; return the loss."""
        self.phases.inner += 1
        _, _, loss, size = self._descend(batch)
        if not (math.isfinite(loss) and math.isfinite(size)):
            self.average.restore_buffers()
            return math.nan
        self.optimizer.step()
        return loss

    def _renew(self, name: str, weights: dict[str, Tensor]) -> None:
        """Give a part, and its average, weights; what the optimiser knew of it is forgotten."""
        part = getattr(self.model, name)
        for module in (part, getattr(self.average.module, name)):
            module.load_state_dict(weights)
        for parameter in part.parameters():
            self.optimizer.optimizer.state.pop(parameter, None)

    def _set_rate(self) -> float:
        """Give the optimisers the learning rate of this step, and return it."""
        position = self.position
        rate = self.guard.lr_factor * learning_rate(self.training, position.step, position.begin, position.stop)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        for group in self.critic.param_groups if self.critic else ():
            group["lr"] = rate * self._critic_lr / self.training.lr
        return rate

    def _descend(self, batch: Stored) -> tuple[Tensor, dict[str, Tensor], float, float]:
        """Leave the clipped gradients of a stored batch; return the loss, the metrics, and loss and norm as numbers."""
        if not self.model.training:  # asked first: `train()` walks over all modules, which shows in small models
            self._gradient.compute.train()
        (value, metrics), self.position.at_once = self._gradient(batch, self.position.step, self.position.at_once)
        average(self.fabric, [p.grad for p in (*self._parameters, *self._critics) if p.grad is not None])
        norm = nn.utils.get_total_norm([p.grad for p in self._parameters if p.grad is not None])
        both = torch.stack([value.detach().float(), norm.float()])
        average(self.fabric, [both])  # all processes judge a step by the same numbers
        loss, size = both.tolist()  # one synchronisation, not two
        if math.isfinite(size) and size > self.training.clip:  # seldom: the pass over all gradients is saved
            nn.utils.clip_grads_with_norm_(self._parameters, self.training.clip, norm)
        return value, metrics, loss, size

    @property
    def _optimizers(self) -> dict[str, Any]:
        return {"optimizer": self.optimizer} | ({"critic": self.critic} if self.critic else {})

    def is_finite(self) -> bool:
        """Say whether all weights and averages are finite."""
        averages = self.average.module
        tensors = [*self._critics, *self.model.parameters(), *averages.parameters(), *averages.buffers()]
        # The largest magnitude is found without a copy, and is NaN where a number is.
        return all(
            math.isfinite(tensor.detach().norm(math.inf))
            for tensor in tensors
            if tensor.is_floating_point() and tensor.numel()
        )

    def keep(self) -> None:
        """Remember this state as the one to roll back to, the optimizers at rest."""
        self.kept = None  # there must not be two at a time
        now = self._now()
        copied = copy.deepcopy({name: now[name] for name in now.keys() - {"optimizer", "critic", "phases"}})
        optimizers = {name: at_rest(optimizer) for name, optimizer in self._optimizers.items()}
        self.kept = {**copied, "critic": {}, **optimizers, "phases": now["phases"]}

    def release(self) -> None:
        """Free what only further steps would need."""
        self.kept = None
        for optimizer in self._optimizers.values():
            optimizer.optimizer.state.clear()
            optimizer.zero_grad()

    def roll_back(self) -> None:
        """Return to the last state kept, with a lower learning rate.

        Raises:
            TrainingDiverged: There were three rollbacks already.
        """
        self.guard.roll_back()
        if self.kept is None:
            return
        kept = self.kept
        # The budget stands, and so does the best bound: its checkpoint is on the disk.
        position = {**vars(self.position), **{name: kept["position"][name] for name in ("step", "taken")}}
        self._set({**kept, "position": position, "guard": self.guard.state_dict()})

    def state_dict(self) -> dict[str, Any]:
        """Return tensors and plain values only, so that loading needs to run no code.

        The state to roll back to is part of it where it is another one: a run stopped between validations must later
        roll back to where an uninterrupted one would.
        """
        kept = self.kept
        other = kept is not None and kept["position"]["step"] != self.position.step
        return {**self._now(), "kept": kept if other else None}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a saved state."""
        self._set({**state, "phases": copy.deepcopy(state.get("phases", {}))})
        draw_apart(self.fabric, self.training.seed, self.position.step)
        self.kept = None  # first, for there must not be two at a time
        self.kept = copy.deepcopy(state["kept"])  # nothing of ours may stay mapped from a file

    def _now(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "average": self.average.module.state_dict(),
            "criterion": self._judge.state_dict(),
            "critic": {},
            **{name: optimizer.state_dict() for name, optimizer in self._optimizers.items()},
            "guard": self.guard.state_dict(),
            "position": vars(self.position).copy(),
            "phases": self.phases.state_dict(),
            "rng": random_states(self.fabric.device),
        }

    def _set(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.average.module.load_state_dict(state["average"])
        self._judge.load_state_dict(state["criterion"])
        for name, optimizer in self._optimizers.items():
            restore_optimizer(optimizer, state[name])
        self.guard.load_state_dict(state["guard"])
        self.position = Position(**state["position"])
        self.phases.load_state_dict(state["phases"])
        set_random_states(self.fabric.device, state["rng"])
