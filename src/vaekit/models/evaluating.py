"""Evaluation leaves a model exactly as it was."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["evaluating"]


class evaluating:
    """Put a model into evaluation mode with a seeded generator and no graph; leave model and generator as they were.

    Args:
        model: The model.
        seed: Seed of the noise inside.
    """

    def __init__(self, model: nn.Module, seed: int = 0) -> None:
        self.model, self.seed = model, seed

    def __enter__(self) -> None:
        self._modes = [(module, module.training) for module in self.model.modules()]
        self._rng = torch.random.fork_rng(_devices(self.model))
        self._no_grad = torch.no_grad()
        self._rng.__enter__()
        self._no_grad.__enter__()
        torch.manual_seed(self.seed)
        self.model.eval()

    def __exit__(self, *exception: object) -> None:
        for module, mode in self._modes:
            module.training = mode
        self._no_grad.__exit__(None, None, None)
        self._rng.__exit__(None, None, None)


def _devices(model: nn.Module) -> list[int]:
    return sorted({p.device.index or 0 for p in model.parameters() if p.device.type == "cuda"})
