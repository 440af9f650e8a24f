"""The gradient of a batch, in as many parts as the memory asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from vaekit.data import Stored
from vaekit.objectives import Loss
from vaekit.training.device import random_states, set_random_states
from vaekit.training.memory import is_out_of_memory

if TYPE_CHECKING:
    from vaekit.training.fabric import Fabric

__all__ = ["Gradient"]


class Gradient:
    """Leaves the gradient of a stored batch in the weights.

    Where memory runs out, the batch is computed again in parts of half the size. Each part counts by its share of the data,
    so the gradient of a mean over data stays the same up to rounding. What looks at a batch as a whole (free bits of its
    mean, batch norm, a distance between distributions) then looks at each part.

    Args:
        compute: Maps a stored batch and the number of a step to a loss.
        fabric: Device and precision.
        weights: What has a gradient.
        undo: Gives the model back its buffers, which a failed attempt has moved.
    """

    def __init__(
        self, compute: nn.Module, fabric: Fabric, weights: Sequence[nn.Parameter], undo: Callable[[], None]
    ) -> None:
        self.compute, self.fabric, self.weights, self.undo = compute, fabric, weights, undo

    def __call__(self, batch: Stored, step: int, at_once: int | None) -> tuple[Loss, int | None]:
        """Return the loss, and the data that fit into memory at once; None for a whole batch.

        Args:
            batch: The data.
            step: The number of the step.
            at_once: The data to compute at a time; None for all.

        Raises:
            ValueError: One datum alone does not fit into memory.
        """
        device = self.fabric.device
        before = random_states(device)
        while True:
            size = min(at_once or len(batch), len(batch))
            try:
                return self._in_parts(batch, step, size), at_once
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            # Not above: until its end that block holds the error, whose traceback holds what the step had computed.
            if size == 1:
                raise ValueError("one datum at a time does not fit into memory; take smaller data or a smaller net")
            at_once = -(-size // 2)
            self.undo()
            set_random_states(device, before)
            if device.type == "cuda":
                torch.cuda.empty_cache()

    def _in_parts(self, batch: Stored, step: int, size: int) -> Loss:
        for weight in self.weights:
            weight.grad = None  # what the optimisers' own loops do, without their bookkeeping
        if size == len(batch):
            return self._added(batch, step, None)
        total, sums = torch.zeros((), device=self.fabric.device), dict[str, Tensor]()
        for rows in torch.arange(len(batch)).tensor_split(-(-len(batch) // size)):  # none of a lone datum
            value, metrics = self._added(batch.take(rows), step, len(rows) / len(batch))
            total = total + value
            sums = {name: sums.get(name, 0) + metric for name, metric in metrics.items()}
        return Loss(total, sums)

    def _added(self, data: Stored, step: int, share: float | None) -> Loss:
        """Add the gradient of some data, which are a share of a batch; return what they add to its loss."""
        with self.fabric.autocast():
            value, metrics = self.compute(data.to(self.fabric.device), step)
        if share is None:
            self.fabric.backward(value)
            return Loss(value, metrics)
        self.fabric.backward(share * value)
        return Loss(share * value.detach(), {name: share * metric for name, metric in metrics.items()})
