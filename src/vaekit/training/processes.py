"""Several processes that train one model together, each on its share of every batch.

Gradients are averaged here, in plain sight, and not by the wrapper of torch: phases hold weights still that learned before, an
adversary joins late, and steps of the posterior alone go uncounted, all of which that wrapper would have to be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, distributed, nn

if TYPE_CHECKING:
    from vaekit.training.fabric import Fabric


__all__ = ["average", "draw_apart", "share_weights"]


@torch.no_grad()
def average(fabric: Fabric, tensors: Sequence[Tensor]) -> None:
    """Replace tensors by their means over all processes, in place; a process that is alone has nothing to do."""
    if fabric.world_size == 1 or not tensors:
        return
    flat = torch.cat([tensor.flatten() for tensor in tensors])  # one message is quicker than many
    distributed.all_reduce(flat)
    flat /= fabric.world_size
    for tensor, mean in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(mean.view_as(tensor))


@torch.no_grad()
def share_weights(fabric: Fabric, module: nn.Module) -> None:
    """Give all processes the weights and statistics of the first."""
    for tensor in (*module.parameters(), *module.buffers()) if fabric.world_size > 1 else ():
        distributed.broadcast(tensor, 0)


def draw_apart(fabric: Fabric, seed: int, step: int = 0) -> None:
    """Give each process but the first noise of its own: the same for all would make a large batch no better than a small one."""
    if fabric.global_rank > 0:
        torch.manual_seed(hash((seed, step, fabric.global_rank)))
