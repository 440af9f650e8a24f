"""The order of training: which rows make the batch of a step.

The order is a pure function of the seed and the epoch, so a run that is resumed at any step sees the batches it would
have seen, and no other use of random numbers can disturb it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TypeAlias, TypeVar

import torch
from torch import Tensor

from vaekit.data.rows import rows_per_chunk
from vaekit.distributions.tokens import PAD

__all__ = ["Batches", "Stored", "sequential", "text_lengths", "unpacked"]

POOL = 50
"""The number of batches whose rows are sorted by length together."""

Stored: TypeAlias = Tensor | tuple[Tensor, ...]
"""Stored data: one tensor `(N, *event)`, or a tuple of it and of what it is conditioned on, row by row."""

StoredT = TypeVar("StoredT", Tensor, tuple[Tensor, ...], Stored)


@dataclass(frozen=True, eq=False)
class Batches:
    """Batches of equal size in a shuffled order that depends on `seed` and the epoch alone.

    Each epoch is a new permutation; the rows that do not fill a last batch are left out of that epoch, so that every
    step has the same size. Where the rows have lengths, those of a batch are alike, so that little of it is padding: the
    permutation is cut into pools of 50 batches, each is sorted by length, and the batches that result are shuffled.

    Args:
        values: The data, shape (N, *event), in memory or memory-mapped, on any device; or a tuple of them and a context.
        indices: The rows to draw from, shape (n,), int64.
        batch: The number of rows in a batch; the whole of `indices` is one batch if there are fewer.
        seed: The seed of the order.
        lengths: The length of each datum, shape (N,), of any integer type; None for data without one.

    Raises:
        ValueError: If there is no row to draw from, `batch` is not positive, or not every datum has a length.

    >>> batches = Batches(torch.arange(10), torch.arange(10), batch=4, seed=0)
    >>> batches.steps_per_epoch, batches.at(7).shape
    (2, torch.Size([4]))
    """

    values: Stored
    indices: Tensor
    batch: int
    seed: int
    lengths: Tensor | None = None
    _epoch: list[tuple[int, Tensor]] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"batch must be at least 1, but is {self.batch}; give a positive number of rows")
        if len(self.indices) == 0:
            raise ValueError("there is no datum to draw batches from; choose a part of the data that is not empty")
        count = len(unpacked(self.values)[0])
        if self.lengths is not None and len(self.lengths) != count:
            raise ValueError(f"lengths must have one entry for each of the {count} data, but has {len(self.lengths)}")

    @property
    def steps_per_epoch(self) -> int:
        """The number of full batches in the data, at least 1."""
        return max(1, len(self.indices) // self.batch)

    def at(self, step: int) -> Stored:
        """Return the batch of global step `step`, shape (B, *event), in the stored type; a tuple where `values` is one.

        Raises:
            ValueError: If `step` is negative.
        """
        if step < 0:
            raise ValueError(f"steps count from 0, but the step is {step}; give a step of 0 or more")
        epoch, place = divmod(step, self.steps_per_epoch)
        rows = self._order(epoch)[place * self.batch : (place + 1) * self.batch]
        return _gather(self.values, rows)

    def _order(self, epoch: int) -> Tensor:
        if not self._epoch or self._epoch[0][0] != epoch:
            self._epoch[:] = [(epoch, self._shuffled(epoch))]
        return self._epoch[0][1]

    def _shuffled(self, epoch: int) -> Tensor:
        # Hashed, because neighbouring seeds of one generator can start alike, and seed + epoch would repeat orders.
        digest = blake2b(f"{self.seed}/{epoch}".encode(), digest_size=8).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)
        order = torch.randperm(len(self.indices), generator=generator)
        if self.lengths is not None:
            order = self._bucketed(order, self.lengths, generator)
        return self.indices[order.to(self.indices.device)].to(unpacked(self.values)[0].device)

    def _bucketed(self, order: Tensor, lengths: Tensor, generator: torch.Generator) -> Tensor:
        # The rows that fill no batch go before the sorting, or the longest texts would hardly ever be drawn.
        order = order[: self.steps_per_epoch * self.batch]
        length = lengths[self.indices.to(lengths.device)].cpu()[order].long()
        pool = torch.arange(len(order)) // (POOL * self.batch)
        order = order[(pool * (length.max() + 1) + length).argsort(stable=True)]
        return order.view(self.steps_per_epoch, -1)[torch.randperm(self.steps_per_epoch, generator=generator)].flatten()


def text_lengths(values: Tensor) -> Tensor:
    """Return the length of each row of ids, with its end and without what fills it, shape (N,), int64.

    Args:
        values: Rows of ids, shape (N, T), of any integer type, in memory or memory-mapped.

    >>> text_lengths(torch.tensor([[7, 8, 2, 0], [7, 8, 9, 9]]))
    tensor([3, 4])
    """
    return torch.cat([(chunk != PAD).sum(1) for chunk in values.split(rows_per_chunk(values))])


def sequential(values: StoredT, indices: Tensor, batch: int) -> Iterator[StoredT]:
    """Yield the rows `indices` of `values` in order, `batch` at a time; the last batch may be smaller.

    Args:
        values: The data, shape (N, *event), or a tuple of them and a context.
        indices: The rows wanted, shape (n,), int64.
        batch: The number of rows in a batch.

    Raises:
        ValueError: If `batch` is not positive.
    """
    if batch < 1:
        raise ValueError(f"batch must be at least 1, but is {batch}; give a positive number of rows")
    for rows in indices.to(unpacked(values)[0].device).split(batch) if len(indices) else ():
        yield _gather(values, rows)


def unpacked(stored: Stored) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return stored data and the context they are conditioned on, an empty tuple where there is none."""
    return (stored, ()) if isinstance(stored, Tensor) else (stored[0], stored[1:])


def _gather(values: StoredT, rows: Tensor) -> StoredT:
    if isinstance(values, Tensor):
        return _rows(values, rows)
    return tuple(_rows(column, rows.to(column.device)) for column in values)


def _rows(values: Tensor, rows: Tensor) -> Tensor:
    # On shared cores, index_select waits a time slice for its threads at each call: some hundred times the work itself.
    if values.device.type == "cpu" and values.is_contiguous() and values.dtype is not torch.bfloat16:
        return torch.from_numpy(values.detach().numpy().take(rows.numpy(), axis=0))
    return values.index_select(0, rows)
