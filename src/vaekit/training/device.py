"""The device that a setting stands for."""

import torch

__all__ = ["device_named"]


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
