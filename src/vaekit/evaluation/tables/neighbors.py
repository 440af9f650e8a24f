"""Distances between rows, and who is nearest to whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from vaekit.evaluation.tables.cells import Array, Cells
from vaekit.evaluation.tables.threads import one_thread

__all__ = ["Points", "Space"]

_ENTRIES = 2**16
"""Distances held at a time: 256 kB, which stay in the cache of a core from column to column."""


@dataclass(frozen=True)
class Points:
    """Rows in a `Space`, column by column.

    Args:
        numbers: Numbers on the scale of the space, and a bit for each column with missing numbers, `(J, N)`, float32.
        codes: Categories from 0 on, 0 being the missing one, `(C, N)`, int64.
    """

    numbers: Tensor
    codes: Tensor

    def __len__(self) -> int:
        return self.numbers.shape[1]

    def take(self, rows: slice) -> Points:
        """Return some of the rows."""
        return Points(self.numbers[:, rows], self.codes[:, rows])


class Space:
    """The space in which rows are near or far: numbers scaled to [0, 1] by the range of some rows, categories one-hot.

    A missing number is in the middle of the range and one off in a bit of its own; a missing category is a category.

    Args:
        cells: The rows whose ranges are the units, usually the training rows.
        power: 1 for the sum of absolute differences; 2 for the sum of squared ones, which ranks as Euclidean distance does.
        others: Other tables that will be placed: a bit is for a column that misses numbers in any of them.
    """

    def __init__(self, cells: Cells, power: Literal[1, 2], others: Sequence[Cells] = ()) -> None:
        self.power = power
        gaps = np.logical_or.reduce([table.missing().any(axis=0) for table in (cells, *others)])
        self._bits = gaps[[not levels for levels in cells.levels]]
        numbers = _stacked([v for v, levels in zip(cells.values, cells.levels, strict=True) if not levels], len(cells))
        known = ~np.isnan(numbers)
        low, high = numbers.min(1, where=known, initial=np.inf), numbers.max(1, where=known, initial=-np.inf)
        # A column that never moves, or is missing throughout, has no range: its numbers keep their unit.
        self._low = np.where(known.any(1), low, 0.0)[:, None]
        self._range = np.where(high > low, high - self._low[:, 0], 1.0)[:, None]

    def place(self, cells: Cells) -> Points:
        """Return rows as points."""
        columns = list(zip(cells.values, cells.levels, strict=True))
        numbers = (_stacked([v for v, levels in columns if not levels], len(cells)) - self._low) / self._range
        missing = np.isnan(numbers)
        coordinates = np.concatenate([np.where(missing, 0.5, numbers), missing[self._bits]])
        codes = _stacked([v + 1 for v, levels in columns if levels], len(cells)).astype(np.int64)
        return Points(torch.from_numpy(coordinates).float(), torch.from_numpy(codes))

    def distances(self, x: Points, y: Points) -> Tensor:
        """Return the distances of all rows of x from all of y, `(N, M)`, float32; exactly 0 for equal rows."""
        total, part = torch.zeros(len(x), len(y)), torch.empty(len(x), len(y))
        for a, b in zip(x.numbers, y.numbers, strict=True):
            torch.sub(a.unsqueeze(1), b, out=part)
            total += part.abs_() if self.power == 1 else part.square_()
        for a, b in zip(x.codes, y.codes, strict=True):
            # One-hot vectors differ in two places.
            total.add_(torch.ne(a.unsqueeze(1), b, out=part), alpha=2)
        return total

    def nearest(self, x: Points, y: Points, *, apart: bool = False) -> tuple[Tensor, Tensor]:
        """Return the distance of each row of x from the nearest of y, and which that is, `(N,)` each.

        Args:
            x: Rows.
            y: Rows.
            apart: Whether x and y are the same rows, none of which counts as its own neighbor.
        """
        step = max(1, _ENTRIES // len(y))
        found = []
        with one_thread():  # blocks this small are not worth dividing
            for start in range(0, len(x), step):
                distances = self.distances(x.take(slice(start, start + step)), y)
                if apart:
                    distances.diagonal(start).fill_(torch.inf)
                found.append(distances.min(1))
        return torch.cat([part.values for part in found]), torch.cat([part.indices for part in found])

    def from_center(self, x: Points, of: Points) -> Tensor:
        r"""Return the distance of each row of x from the mean of others, `(N,)`, float64, in squares.

        The mean of one-hot columns is their shares :math:`p`, and a row of category c is
        :math:`1 - 2 p_c + \sum_k p_k^2` away from it.
        """
        center = of.numbers.double().mean(1, keepdim=True)
        total = (x.numbers.double() - center).square().sum(0)
        for a, b in zip(x.codes, of.codes, strict=True):
            shares = torch.bincount(b, minlength=int(a.max()) + 1).double() / len(of)
            total += 1 - 2 * shares[a] + shares.square().sum()
        return total


def _stacked(columns: list[Array], rows: int) -> Array:
    return np.stack(columns) if columns else np.empty((0, rows))
