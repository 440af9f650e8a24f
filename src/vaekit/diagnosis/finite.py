"""Whether the weights and running statistics of a model are finite; otherwise nothing can be measured."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["is_finite", "non_finite"]


def is_finite(model: nn.Module) -> bool:
    """Return whether all weights and buffers of a model are finite."""
    return non_finite(model) == 0


def non_finite(model: nn.Module) -> int:
    """Return how many weights and buffers, each a tensor, are not finite throughout."""
    return sum(not bool(torch.isfinite(tensor).all()) for tensor in (*model.parameters(), *model.buffers()))
