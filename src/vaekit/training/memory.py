"""The memory that a training takes, asked for before any of it is taken."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from vaekit.data.foreign import machine_memory
from vaekit.modalities import Description
from vaekit.nets import parameter_count
from vaekit.training.device import device_named

__all__ = [
    "activation_bytes",
    "is_out_of_memory",
    "largest_batch",
    "memory_of",
    "refuse_large_batch",
    "refuse_too_large",
    "training_bytes",
]

_OUT = ("out of memory", "can't allocate memory", "not enough memory")  # how torch says so
_SAFE = 0.8  # the part of the memory that a batch is chosen for: what a layer computes for a moment comes on top

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


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that memory ran out, on any device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _OUT)


def activation_bytes(model: nn.Module, compute: Callable[[], object]) -> int:
    """Return the bytes that autograd keeps for the gradient of a computation, without the weights of the model."""
    kept: dict[int, Tensor] = {}
    weights = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor  # held, so that no other tensor takes its place
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = compute()  # its graph must live until the bytes are counted
    found = sum(tensor.untyped_storage().nbytes() for place, tensor in kept.items() if place not in weights)
    del result
    return found


def largest_batch(per_datum: float, weights: int, device: str) -> int:
    """Return how many data a step can take in a device's memory, with some room to spare; 0 if not even one.

    Args:
        per_datum: Bytes that the gradient of one datum needs.
        weights: Weights of the model.
        device: Where the training takes place.
    """
    there = memory_of(device_named(device))
    if math.isinf(there) or not per_datum:
        return 2**31
    return max(0, int((_SAFE * there - training_bytes(weights)) / per_datum))


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
