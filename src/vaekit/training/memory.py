"""The memory that a training takes, asked for before any of it is taken."""

from __future__ import annotations

import torch

from vaekit.data.foreign import machine_memory
from vaekit.modalities import Description
from vaekit.nets import parameter_count
from vaekit.training.device import device_named

__all__ = ["memory_of", "refuse_large_batch", "refuse_too_large", "training_bytes"]

_COPIES = {
    "weights": 1.0,
    "their average": 1.0,
    "gradients": 1.0,
    "moments of the optimizer": 2.0,
    "weights, average and scales to roll back to": 2.5,
}
_BYTES = 4


def training_bytes(parameters: int) -> int:
    """Return the bytes that the training of so many weights takes, on its device; `benchmarks/memory.py` measures them.

    Batches and what the nets make of them come on top. A checkpoint takes none: it is streamed to the disk.

    Examples:
        >>> training_bytes(50_000_000)
        1500000000
    """
    return round(_BYTES * parameters * sum(_COPIES.values()))


def memory_of(device: str) -> float:
    """Return the bytes that a kind of device has in all; infinity where the system does not say."""
    if device == "cuda":
        return float(torch.cuda.get_device_properties(0).total_memory)
    return machine_memory()


def refuse_large_batch(batch: int, samples: int, numbers: int, device: str = "auto") -> None:
    """Refuse a batch whose data and draws alone exceed the memory, before any of it is taken.

    Args:
        batch: Data of a step.
        samples: Draws for each of them.
        numbers: The numbers of one datum and of one draw of its latents.
        device: Where the training takes place.

    Raises:
        ValueError: With the sizes and the cure.
    """
    needed, there = _BYTES * 2 * batch * samples * numbers, memory_of(device_named(device))  # they and their gradients
    if needed > there:
        raise ValueError(
            f"a batch of {batch:,} data with {samples:,} draws each needs {needed / 2**30:,.0f} GiB, and there are "
            f"{there / 2**30:,.0f} GiB of memory; take a smaller batch= or objective.samples="
        )


def refuse_too_large(description: Description, device: str = "auto") -> None:
    """Refuse a model whose training alone exceeds the memory: the system would end the program without a word.

    Raises:
        ValueError: With the sizes and the cure.
    """
    with torch.device("meta"):
        count = parameter_count(description.build())
    needed, there = training_bytes(count), memory_of(device_named(device))
    if needed > there:
        raise ValueError(
            f"a model of {count:,} parameters needs {needed / 2**30:,.0f} GiB to train, and there are "
            f"{there / 2**30:,.0f} GiB of memory; take a smaller net or fewer latents, or smaller data (size= of images, vocabulary= of texts)"
        )
