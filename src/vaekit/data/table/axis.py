"""Where the numbers of a column lie: on a grid of equal steps, or anywhere on a line.

Numbers are counted in steps from the smallest one: prices in cents, limits in thousands, days. What a model decodes is
rounded to the grid and kept within the observed range, so that it looks like what was read; and because the steps are counted
in integers, nothing is lost on the way, not even of integers that double precision cannot tell apart.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field

from vaekit.data.table.cells import Cells, Numbers, integer_cells, integers, is_null, number_cells, numbers, type_name
from vaekit.value import Value

__all__ = ["Axis", "Grid", "Line", "fit_axis"]

DECIMALS = 12
"""The largest number of decimals that is looked for."""

EXACT = 2.0**53
"""Up to here every integer is a double."""

LARGEST = 1e150
"""Numbers beyond are refused: their squares overflow."""


class Grid(Value):
    """Numbers of the form (offset + step k) / 10^decimals with integers k >= 0; a position is k."""

    kind: Literal["grid"] = "grid"
    decimals: int = 0
    """The number of decimals of float64."""
    offset: int
    """The smallest number, in units of the last decimal."""
    step: int = Field(default=1, gt=0)
    """The distance of two neighbours, in units of the last decimal."""
    last: int
    """The position of the largest number."""

    @property
    def range(self) -> tuple[float, float]:
        """The positions of the smallest and of the largest number."""
        return 0.0, float(self.last)

    @property
    def log_unit(self) -> float:
        """log |d position / d number|."""
        return self.decimals * math.log(10) - math.log(self.step)

    def positions(self, cells: Cells) -> Numbers:
        """Return the positions of cells, shape (N,); integers for numbers on the grid, NaN for a missing cell."""
        if type_name(cells) == "float64":
            return (_scaled(numbers(cells), self.decimals) - self.offset) / self.step
        found = _difference(integers(cells), self.offset) / self.step
        found[is_null(cells)] = np.nan
        return found

    def cells(self, positions: Numbers, type: str) -> Cells:
        """Return the numbers at positions, shape (N,), rounded to the grid and kept within the observed range."""
        missing = np.isnan(positions)
        if type == "float64":
            steps = np.clip(np.rint(positions), *self.range)
            return number_cells((self.offset + self.step * steps) / 10.0**self.decimals)
        return integer_cells(self._integers(np.where(missing, 0.0, positions)), missing, type)

    def _integers(self, positions: Numbers) -> npt.NDArray[np.int64]:
        # Modulo 2^64, where the sum is right even if the product overflows: it ends within the observed range.
        largest = np.nextafter(2.0**64, 0)
        steps = np.clip(np.rint(positions), 0.0, largest).astype(np.uint64)
        steps = np.minimum(steps, np.uint64(self.last))
        return (steps * np.uint64(self.step) + np.uint64(self.offset % 2**64)).view(np.int64)


class Line(Value):
    """Numbers anywhere; a position is the number itself."""

    kind: Literal["line"] = "line"
    low: float
    """The smallest number."""
    high: float
    """The largest number."""

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest number."""
        return self.low, self.high

    @property
    def log_unit(self) -> float:
        """log |d position / d number|: 0."""
        return 0.0

    def positions(self, cells: Cells) -> Numbers:
        """Return the numbers in cells, shape (N,), NaN for a missing cell."""
        return numbers(cells)

    def cells(self, positions: Numbers, type: str) -> Cells:
        """Return numbers, shape (N,), kept within the observed range."""
        return number_cells(np.clip(positions, self.low, self.high))


Axis: TypeAlias = Annotated[Grid | Line, Field(discriminator="kind")]
"""Where the numbers of a column lie."""


def fit_axis(cells: Cells, name: str) -> Grid | Line:
    """Find the grid of the numbers in cells, if they have one.

    Args:
        cells: Numbers or points in time, at least one of which is there.
        name: The column, for the error.

    Raises:
        ValueError: If a number is infinite or beyond 1e150.
    """
    if type_name(cells) != "float64":
        return _grid(np.sort(integers(cells.drop_null())), 0)
    values = np.sort(numbers(cells.drop_null()))
    if not bool(np.isfinite(values).all()) or max(abs(values[0]), abs(values[-1])) > LARGEST:
        raise ValueError(
            f"column {name!r} must hold finite numbers, but has {values[np.abs(values).argmax()]:g};"
            " leave that cell empty, so that it counts as missing"
        )
    for decimals in range(DECIMALS + 1):
        scaled = np.rint(values * 10.0**decimals)
        if max(abs(scaled[0]), abs(scaled[-1])) >= EXACT:
            break
        if np.array_equal(scaled / 10.0**decimals, values):
            return _grid(scaled.astype(np.int64), decimals)
    return Line(low=float(values[0]), high=float(values[-1]))


def _grid(values: npt.NDArray[np.int64], decimals: int) -> Grid:
    """Return the grid of integers in ascending order."""
    offset, top = int(values[0]), int(values[-1])
    gaps = np.diff(values.view(np.uint64))  # which differ by what they should modulo 2^64
    step = int(np.gcd.reduce(gaps)) or 1
    return Grid(decimals=decimals, offset=offset, step=step, last=(top - offset) // step)


def _scaled(values: Numbers, decimals: int) -> Numbers:
    """Return numbers in units of the last decimal; those on the grid have no rounding error of the product."""
    scaled = values * 10.0**decimals
    nearest = np.rint(scaled)
    return np.where(nearest / 10.0**decimals == values, nearest, scaled)


def _difference(values: npt.NDArray[np.int64], offset: int) -> Numbers:
    """Return values - offset, rounded once: in two halves, because it may exceed 64 bits."""
    high = (values >> 32) - (offset >> 32)
    low = (values & 0xFFFFFFFF) - (offset & 0xFFFFFFFF)
    return high * 2.0**32 + low
