"""Latents of several groups side by side, and back: which column belongs to which group, and what it is called."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vaekit.models.trace import Latent
from vaekit.value import Size

__all__ = ["Groups"]


@dataclass(frozen=True)
class Groups:
    """The shapes of the groups of latents of a model, from the top one down.

    Args:
        events: The shape of one draw of each group.
        widths: Coordinates of one latent variable in each group.

    Examples:
        >>> groups = Groups(((2,), (3,)), (1, 1))
        >>> groups.names
        ('z0_0', 'z0_1', 'z1_0', 'z1_1', 'z1_2')
        >>> [part.shape for part in groups.split(torch.zeros(7, 5))]
        [torch.Size([7, 2]), torch.Size([7, 3])]
    """

    events: tuple[Size, ...]
    widths: tuple[int, ...]

    @classmethod
    def of(cls, latents: Sequence[Latent]) -> Groups:
        """Return the groups of a run."""
        return cls(tuple(tuple(latent.q.event_shape) for latent in latents), tuple(latent.width for latent in latents))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of columns of each group."""
        return tuple(math.prod(event) for event in self.events)

    @property
    def variables(self) -> tuple[int, ...]:
        """Number of latent variables of each group; one may have several columns."""
        return tuple(size // width for size, width in zip(self.sizes, self.widths, strict=True))

    @property
    def names(self) -> tuple[str, ...]:
        """A name per column: `z0, z1, ...` of one group, `z0_0, z0_1, ..., z1_0, ...` of several."""
        if len(self.sizes) == 1:
            return tuple(f"z{j}" for j in range(*self.sizes))
        return tuple(f"z{g}_{j}" for g, size in enumerate(self.sizes) for j in range(size))

    def join(self, z: Sequence[Tensor]) -> Tensor:
        """Return the latents of all groups, each `(*S, B, *event)`, side by side: `(*S, B, D)`."""
        pairs = zip(z, self.events, strict=True)
        return torch.cat([part.flatten(part.dim() - len(event)) for part, event in pairs], -1)

    def split(self, columns: Tensor) -> tuple[Tensor, ...]:
        """Return the latents of each group, `(*S, B, *event)`, from columns `(*S, B, D)`."""
        parts = columns.split(self.sizes, -1)
        return tuple(part.unflatten(-1, event) for part, event in zip(parts, self.events, strict=True))
