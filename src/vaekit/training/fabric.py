"""Device and precision, through Lightning Fabric.

Only what trains imports this file: Fabric takes a second to import.
"""

from __future__ import annotations

import warnings

import torch

from vaekit.training.device import device_named
from vaekit.training.settings import Training

with warnings.catch_warnings():  # it adds a filter of its own when it is imported
    from lightning_fabric import Fabric

__all__ = ["Fabric", "make_fabric"]


def make_fabric(training: Training, devices: int = 1) -> Fabric:
    """Return a launched Fabric.

    Args:
        training: The settings.
        devices: How many devices train together, a process for each. The processes are those of `torchrun`, or are started
            here, with the command line of this one.

    Raises:
        ValueError: The device asked for is not there.
    """
    device = device_named(training.device)
    precision = "bf16-mixed" if _is_bf16(training.precision, device) else "32-true"
    strategy = "auto" if devices == 1 else "ddp"
    fabric = Fabric(accelerator=device, devices=devices, strategy=strategy, precision=precision)  # type: ignore[arg-type]
    if devices > 1:
        fabric.launch()
    return fabric


def _is_bf16(precision: str, device: str) -> bool:
    if precision != "auto":
        return precision == "bf16"
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # On CPUs without the instructions bf16 is emulated, and slower than fp32.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return device == "cpu" and bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
