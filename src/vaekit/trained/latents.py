"""The layout of a model's latents: one or more groups, which lie side by side in one vector, each with its own space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vaekit.models import Groups
from vaekit.trained.conditions import as_tensor
from vaekit.trained.latent_space import LatentSpace, Way

__all__ = ["Encoding", "Latents"]


@dataclass(frozen=True)
class Latents:
    """The groups of latents of a model, from the top one down.

    A code is the vector `(N, D)` of all groups side by side, each flattened.

    Args:
        groups: Which columns of a code belong to which group.
        spaces: The space of each group.
    """

    groups: Groups
    spaces: tuple[LatentSpace, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Length of each group in a code."""
        return self.groups.sizes

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each dimension of a code: `z3`, or `z1_3` for dimension 3 of group 1 if there are several groups."""
        return self.groups.names

    @property
    def is_walkable(self) -> bool:
        """Whether there are points between any two codes."""
        return all(space.is_walkable for space in self.spaces)

    def require(self, verb: str) -> None:
        """Refuse a verb that needs points between points, if the latents of a group are discrete.

        Raises:
            NotApplicable: The latents of a group are discrete.
        """
        for space in self.spaces:
            space.require(verb)

    def codes(self, z: Any) -> Tensor:
        """Return codes `(N, D)` that somebody gave.

        Raises:
            ValueError: They are no finite numbers of that shape.
        """
        codes = as_tensor("codes", z).detach()
        if codes.ndim < 2 or not bool(codes.isfinite().all()):
            wanted = f"codes must be finite numbers (N, {sum(self.sizes)})"
            raise ValueError(f"{wanted}, got {codes.dtype} of shape {tuple(codes.shape)}")
        return codes

    def split(self, z: Tensor) -> tuple[Tensor, ...]:
        """Return codes `(N, D)` as the latents of each group, `(N, *event)`.

        Raises:
            ValueError: The codes have another length.
        """
        if z.shape[1:].numel() != sum(self.sizes):
            raise ValueError(f"a code of this model has {sum(self.sizes)} dimensions, got {tuple(z.shape)}")
        return self.groups.split(z.flatten(1))

    def between(self, first: Tensor, last: Tensor, steps: int, how: Way = "linear") -> Tensor:
        """Return codes from `first` to `last` `(N, D)`, both included, `(N, steps, D)`; see `LatentSpace.between`."""
        pairs = zip(self.spaces, first.split(self.sizes, 1), last.split(self.sizes, 1), strict=True)
        return torch.cat([space.between(a, b, steps, how) for space, a, b in pairs], -1)

    def varied(self, start: Tensor, dimensions: Tensor, steps: int, width: float) -> Tensor:
        """Return one code `(1, D)` with each of some dimensions moved, `(M, steps, D)`; see `LatentSpace.varied`."""
        parts, codes = start.split(self.sizes, 1), []
        for dimension in dimensions.tolist():
            moved, place = [part.expand(steps, -1) for part in parts], dimension
            for group, size in enumerate(self.sizes):
                if 0 <= place < size:
                    moved[group] = self.spaces[group].varied(parts[group], torch.tensor([place]), steps, width)[0]
                place -= size
            codes.append(torch.cat(moved, 1))
        return torch.stack(codes)

    def onto(self, z: Tensor) -> Tensor:
        """Return the nearest codes of the spaces, `(..., D)`."""
        parts = z.split(self.sizes, -1)
        return torch.cat([space.onto(part) for space, part in zip(self.spaces, parts, strict=True)], -1)


@dataclass(frozen=True)
class Encoding:
    """The posterior means and deviations of data; unpacks into `mean, std`, with all groups side by side.

    Args:
        means: Posterior means of each group, `(N, *event)`; that of a lower group is taken at the means above it.
        deviations: Standard deviations of each group; NaN if a posterior, such as a flow, has none in closed form.
        kept: Which dimensions come from the data, `(D,)`; None for all. The others are the prior's, given the groups above.
    """

    means: tuple[Tensor, ...]
    deviations: tuple[Tensor, ...]
    kept: Tensor | None = None

    @property
    def mean(self) -> Tensor:
        """Posterior means of all groups, `(N, D)`."""
        return torch.cat([mean.flatten(1) for mean in self.means], 1)

    @property
    def std(self) -> Tensor:
        """Posterior standard deviations of all groups, `(N, D)`."""
        return torch.cat([deviation.flatten(1) for deviation in self.deviations], 1)

    def __iter__(self) -> Iterator[Tensor]:
        """Yield means and deviations of all groups."""
        return iter((self.mean, self.std))
