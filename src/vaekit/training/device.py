"""The device that a setting stands for."""

import torch
from torch import Tensor

__all__ = ["device_named", "random_states", "set_random_states"]


def device_named(name: str) -> str:
    """Return the device that a setting stands for; `auto` is the fastest there is.

    Raises:
        ValueError: It is not there.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if there[device])
    if not there[name]:
        usable = ", ".join(device for device, usable in there.items() if usable)
        raise ValueError(f"device={name} is not available on this machine; use device=auto or one of: {usable}")
    return name


def random_states(device: torch.device) -> dict[str, Tensor]:
    """Return the states of the global sources of random numbers that training on a device draws from."""
    return {name: source.get_state() for name, source in _generators(device).items()}


def set_random_states(device: torch.device, states: dict[str, Tensor]) -> None:
    """Set the global sources of random numbers of a device to states, which may be those of another device."""
    for name, source in _generators(device).items():
        if name in states:
            source.set_state(states[name])


def _generators(device: torch.device) -> dict[str, torch.Generator]:
    if device.type == "cuda":
        return {"cpu": torch.default_generator, "cuda": torch.cuda.default_generators[device.index or 0]}
    if device.type == "mps":
        return {"cpu": torch.default_generator, "mps": torch.mps._get_default_mps_generator()}
    return {"cpu": torch.default_generator}
