"""Evaluation leaves a model exactly as it was."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["evaluating"]


class evaluating:
    """Put a model into evaluation mode with seeded generators and no graph; leave model and generators as they were.

    Only the generators of the CPU and of the model's own devices are touched.

    Args:
        model: The model.
        seed: Seed of the noise inside.
    """

    def __init__(self, model: nn.Module, seed: int = 0) -> None:
        self.model, self.seed = model, seed

    def __enter__(self) -> None:
        devices = {p.device for p in self.model.parameters() if p.device.type != "cpu"}
        self._modes = [(module, module.training) for module in self.model.modules()]
        self._states = [(device, _generator(device).get_state()) for device in (torch.device("cpu"), *devices)]
        self._no_grad = torch.no_grad()
        self._no_grad.__enter__()
        for device, _ in self._states:
            _generator(device).manual_seed(self.seed)
        self.model.eval()

    def __exit__(self, *exception: object) -> None:
        for module, mode in self._modes:
            module.training = mode
        self._no_grad.__exit__(None, None, None)
        for device, state in self._states:
            _generator(device).set_state(state)


def _generator(device: torch.device) -> torch.Generator:
    match device.type:
        case "cuda":
            return torch.cuda.default_generators[device.index or 0]
        case "mps":
            return torch.mps._get_default_mps_generator()
        case _:
            return torch.default_generator
