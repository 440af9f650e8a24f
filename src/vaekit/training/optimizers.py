"""Optimisers, the learning rate over steps, and the average of the weights."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Adamax, AdamW, Optimizer

from vaekit.training.settings import Training

__all__ = ["Average", "at_rest", "learning_rate", "make_critic", "make_optimizer", "restore_optimizer"]

_MOMENTUM = "exp_avg"  # what all three optimizers call it


def make_optimizer(parameters: Iterable[nn.Parameter], training: Training) -> Optimizer:
    """Return the optimiser: one kernel per step where torch has it fused."""
    if training.optimizer == "adamax":
        return Adamax(parameters, lr=training.lr, weight_decay=training.weight_decay, foreach=True)
    kind = AdamW if training.optimizer == "adamw" else Adam
    return kind(parameters, lr=training.lr, weight_decay=training.weight_decay, fused=True)


def make_critic(parameters: Iterable[nn.Parameter], training: Training) -> Optimizer:
    """Return the optimiser of an objective's own weights, such as a discriminator's: Adam with little momentum.

    References:
        Radford, Metz and Chintala, 2016, "Unsupervised representation learning with deep convolutional generative
        adversarial networks" (beta_1 = 0.5).
    """
    return Adam(parameters, lr=training.critic_lr, betas=(0.5, 0.9), fused=True)


def at_rest(optimizer: Any) -> dict[str, Any]:
    """Return a copy of an optimizer's state in a quarter of its size: no momentum, and the scale of the gradients in bf16.

    This is what a training is rolled back to. It goes on gently: the momentum that led astray must gather anew.
    """
    state = optimizer.state_dict()
    moments = {
        i: {name: v.bfloat16() if v.dim() else v.clone() for name, v in entry.items() if name != _MOMENTUM}
        for i, entry in state["state"].items()
    }
    return {"state": moments, "param_groups": copy.deepcopy(state["param_groups"])}


def restore_optimizer(optimizer: Any, state: dict[str, Any]) -> None:
    """Load a copy of a state, a whole one or one `at_rest`, into an optimizer, whose own state goes first."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    optimizer.load_state_dict({**state, "state": {}})
    moments = {i: _restored(entry, parameters[i]) for i, entry in state["state"].items()}
    optimizer.load_state_dict({**state, "state": moments})


def _restored(entry: dict[str, Tensor], parameter: Tensor) -> dict[str, Tensor]:
    copies = {name: v.to(parameter.dtype, copy=True) if v.dim() else v.clone() for name, v in entry.items()}
    return {_MOMENTUM: torch.zeros_like(parameter), **copies}


def learning_rate(training: Training, step: int, start: int, stop: int | None) -> float:
    """Return the learning rate of a step: a linear warm-up, then half a cosine over [start, stop).

    Args:
        training: The settings.
        step: The step to take.
        start: The first step of this stretch; an extended run begins a new one.
        stop: The step after the last; None while it is not yet known, which keeps the peak.
    """
    since = step - start
    # A short run would spend itself on the rise: it may take a fifth of the steps at most.
    warmup = training.warmup if stop is None else min(training.warmup, (stop - start) // 5)
    rise = min(1.0, (since + 1) / warmup) if warmup else 1.0
    share = 0.0 if stop is None else min(1.0, since / max(1, stop - start))
    fall = training.lr_floor + (1 - training.lr_floor) * (1 + math.cos(math.pi * share)) / 2
    return training.lr * rise * fall


class Average:
    r"""The exponential moving average of the weights, with a ramp that forgets the beginning.

    .. math:: \bar\theta \leftarrow d\,\bar\theta + (1 - d)\,\theta, \qquad d = \min(\mathrm{decay}, (1 + t) / (10 + t))

    Buffers (running statistics) are copied, not averaged.

    References:
        Polyak and Juditsky, 1992, "Acceleration of stochastic approximation by averaging".

    Args:
        model: The model that is trained.
        average: A second copy of it, which receives the averages.
        decay: The decay d that the ramp ends at.
    """

    def __init__(self, model: nn.Module, average: nn.Module, decay: float) -> None:
        self.module, self.decay = average.requires_grad_(False), decay
        self._pairs: tuple[list[Tensor], list[Tensor]] = (list(average.parameters()), list(model.parameters()))
        self._buffers = list(average.buffers()), list(model.buffers())

    @torch.no_grad()
    def restore_buffers(self) -> None:
        """Give the model back the buffers of its last good step: a skipped batch has already moved them."""
        averages, buffers = self._buffers
        if buffers:
            torch._foreach_copy_(buffers, averages)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take the weights after a step into the average."""
        decay = min(self.decay, (1 + step) / (10 + step))
        averages, weights = self._pairs
        if averages:
            torch._foreach_lerp_(averages, weights, 1 - decay)
        copies, buffers = self._buffers
        if copies:
            torch._foreach_copy_(copies, buffers)
