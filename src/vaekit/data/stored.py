"""Data as they are stored, and batches of them: anything that can be counted, taken from by rows, and moved to a device.

Tensors are the first member, in memory or mapped from a file. Data of unequal sizes (graphs, long sounds) become another by
having the same five members; whoever prepares batches of that kind knows what is in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor

from vaekit.data.rows import Array

__all__ = ["Conditioned", "Stored", "TensorRows", "as_stored", "unpacked"]


class Stored(Protocol):
    """Stored data, or a batch of them."""

    def __len__(self) -> int:
        """The number of data, N."""

    def take(self, rows: Tensor) -> Stored:
        """Return the data of some rows, in their order; nothing else is read.

        Args:
            rows: Indices, shape (n,), int64, on the CPU.
        """

    def to(self, device: torch.device) -> Stored:
        """Return the same data on a device."""

    @property
    def columns(self) -> tuple[Tensor, ...]:
        """The tensors that hold the data, in a fixed order: they give the bytes to count and to compare."""

    @property
    def sizes(self) -> Tensor:
        """The number of entries of each datum, shape (N,), int64."""


@dataclass(frozen=True, eq=False)
class TensorRows:
    """Data of one shape: the rows of a tensor, in memory or memory-mapped, on any device.

    Args:
        values: The tensor, shape (N, *event).

    >>> TensorRows(torch.arange(6).view(3, 2)).take(torch.tensor([2, 0])).values
    tensor([[4, 5],
            [0, 1]])
    """

    values: Tensor

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Tensor) -> TensorRows:
        """Return the data of some rows, in their order."""
        if self._array is None:
            return TensorRows(self.values.index_select(0, rows.to(self.values.device)))
        return TensorRows(torch.from_numpy(self._array.take(rows.numpy(), axis=0)))

    def to(self, device: torch.device) -> TensorRows:
        """Return the same data on a device."""
        return self if self.values.device == device else TensorRows(self.values.to(device))

    @property
    def columns(self) -> tuple[Tensor, ...]:
        """The one tensor."""
        return (self.values,)

    @property
    def sizes(self) -> Tensor:
        """The number of entries of each datum, which is the same for all."""
        return torch.full((len(self),), self.values.shape[1:].numel())

    @cached_property
    def _array(self) -> Array | None:
        # On shared cores, index_select waits a time slice for its threads at each call: some hundred times the work itself.
        values = self.values
        plain = values.device.type == "cpu" and values.is_contiguous() and values.dtype is not torch.bfloat16
        return values.detach().numpy() if plain else None


@dataclass(frozen=True, eq=False)
class Conditioned:
    """Data, and what each datum is conditioned on.

    Args:
        rows: The data.
        context: What they are conditioned on, tensors of shape (N, C).
    """

    rows: Stored
    context: tuple[Tensor, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, rows: Tensor) -> Conditioned:
        """Return some data with their context, in the order of the rows."""
        return Conditioned(self.rows.take(rows), tuple(TensorRows(part).take(rows).values for part in self.context))

    def to(self, device: torch.device) -> Conditioned:
        """Return the same data and context on a device."""
        return Conditioned(self.rows.to(device), tuple(part.to(device) for part in self.context))

    @property
    def columns(self) -> tuple[Tensor, ...]:
        """The tensors of the data, and then the context."""
        return (*self.rows.columns, *self.context)

    @property
    def sizes(self) -> Tensor:
        """The number of entries of each datum, without its context."""
        return self.rows.sizes


def as_stored(values: Stored | Tensor, *context: Tensor) -> Stored:
    """Return stored data as they are and a tensor as its rows, together with what they are conditioned on."""
    rows: Stored = TensorRows(values) if isinstance(values, Tensor) else values
    return Conditioned(rows, context) if context else rows


def unpacked(stored: Stored | Tensor) -> tuple[Any, tuple[Tensor, ...]]:
    """Return the data of a batch, and the context they are conditioned on, an empty tuple where there is none.

    The data are a tensor where they are rows of a tensor, and otherwise the stored data themselves.
    """
    if isinstance(stored, Conditioned):
        return unpacked(stored.rows)[0], stored.context
    return (stored.values if isinstance(stored, TensorRows) else stored), ()
