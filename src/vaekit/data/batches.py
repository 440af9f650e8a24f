"""The order of training: which rows make the batch of a step.

The order is a pure function of the seed and the epoch, so a run that is resumed at any step sees the batches it would
have seen, and no other use of random numbers can disturb it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

import torch
from torch import Tensor

from vaekit.data.stored import Stored, as_stored

__all__ = ["Batches", "sequential"]

POOL = 50
"""The number of batches whose rows are sorted by length together."""


@dataclass(frozen=True, eq=False)
class Batches:
    """Batches of equal size in a shuffled order that depends on `seed` and the epoch alone.

    Each epoch is a new permutation; the rows that do not fill a last batch are left out of that epoch, so that every
    step has the same size. Where the rows have lengths, those of a batch are alike, so that little of it is padding: the
    permutation is cut into pools of 50 batches, each is sorted by length, and the batches that result are shuffled.

    Args:
        values: The data; a tensor is taken for its rows.
        indices: The rows to draw from, shape (n,), int64.
        batch: The number of rows in a batch; the whole of `indices` is one batch if there are fewer.
        seed: The seed of the order.
        lengths: The length of each datum, shape (N,), of any integer type; None for data without one.
        share: Which share of each batch `at` returns, and of how many: several processes train on one batch together.

    Raises:
        ValueError: If there is no row to draw from, `batch` is not positive, not every datum has a length, or a batch cannot be
            shared equally.

    >>> batches = Batches(torch.arange(10), torch.arange(10), batch=4, seed=0)
    >>> batches.steps_per_epoch, len(batches.at(7))
    (2, 4)
    """

    values: Stored | Tensor
    indices: Tensor
    batch: int
    seed: int
    lengths: Tensor | None = None
    share: tuple[int, int] = (0, 1)
    _stored: Stored = field(init=False, repr=False)
    _epoch: list[tuple[int, Tensor]] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"batch must be at least 1, but is {self.batch}; give a positive number of rows")
        if len(self.indices) == 0:
            raise ValueError("there is no datum to draw batches from; choose a part of the data that is not empty")
        object.__setattr__(self, "_stored", as_stored(self.values))
        count = len(self.values)
        if self.lengths is not None and len(self.lengths) != count:
            raise ValueError(f"lengths must have one entry for each of the {count} data, but has {len(self.lengths)}")
        rows, shares = min(self.batch, len(self.indices)), self.share[1]
        if rows % shares:
            raise ValueError(
                f"a batch of {rows} rows cannot be shared equally by {shares} processes; give batch= a multiple"
            )

    @property
    def steps_per_epoch(self) -> int:
        """The number of full batches in the data, at least 1."""
        return max(1, len(self.indices) // self.batch)

    def at(self, step: int) -> Stored:
        """Return the batch of global step `step`, or this process's share of it.

        Raises:
            ValueError: If `step` is negative.
        """
        if step < 0:
            raise ValueError(f"steps count from 0, but the step is {step}; give a step of 0 or more")
        epoch, place = divmod(step, self.steps_per_epoch)
        rows = self._order(epoch)[place * self.batch : (place + 1) * self.batch]
        first, shares = self.share
        return self._stored.take(rows[first::shares])

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
        return self.indices.cpu()[order]

    def _bucketed(self, order: Tensor, lengths: Tensor, generator: torch.Generator) -> Tensor:
        # The rows that fill no batch go before the sorting, or the longest texts would hardly ever be drawn.
        order = order[: self.steps_per_epoch * self.batch]
        length = lengths[self.indices.to(lengths.device)].cpu()[order].long()
        pool = torch.arange(len(order)) // (POOL * self.batch)
        order = order[(pool * (length.max() + 1) + length).argsort(stable=True)]
        return order.view(self.steps_per_epoch, -1)[torch.randperm(self.steps_per_epoch, generator=generator)].flatten()


def sequential(values: Stored | Tensor, indices: Tensor, batch: int) -> Iterator[Stored]:
    """Yield the rows `indices` of `values` in order, `batch` at a time; the last batch may be smaller.

    Args:
        values: The data; a tensor is taken for its rows.
        indices: The rows wanted, shape (n,), int64.
        batch: The number of rows in a batch.

    Raises:
        ValueError: If `batch` is not positive.
    """
    if batch < 1:
        raise ValueError(f"batch must be at least 1, but is {batch}; give a positive number of rows")
    stored = as_stored(values)
    for rows in indices.cpu().split(batch) if len(indices) else ():
        yield stored.take(rows)
