"""Codecs of columns that are modelled as numbers: on a line, with spikes, or as counts."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from vaekit.data.table.axis import Axis
from vaekit.data.table.cells import Cells, Numbers, integer_cells, number_cells, numbers
from vaekit.data.table.codec import Codec, Slot
from vaekit.data.table.maps import Map

__all__ = ["Count", "Numeric", "Spiked"]

LARGEST = 1e15
"""The largest code of a number: its square is still a number in single precision."""


class Numeric(Codec):
    """A number or a point in time: its position on its axis, mapped to about a standard normal."""

    kind: Literal["numeric"] = "numeric"
    axis: Axis
    """The axis of the numbers."""
    map: Map
    """The map from positions to codes."""

    def slots(self, name: str) -> tuple[Slot, ...]:
        """Return one real variable."""
        return (Slot(name=name, kind="real"),)

    def encode(self, cells: Cells) -> Numbers:
        """Return the codes of N cells, shape (N, 1)."""
        return self.encode_positions(self.axis.positions(cells))

    def encode_positions(self, positions: Numbers) -> Numbers:
        """Return the codes of N positions, shape (N, 1)."""
        return _finite(self.map.forward(positions))[:, None]

    def decode(self, codes: Numbers, rng: np.random.Generator) -> Cells:
        """Return the cells of codes, shape (N, 1)."""
        return self.axis.cells(self.map.backward(codes[:, 0]), self.type)

    def _log_slope(self, codes: Numbers) -> Numbers:
        """Return log |d code / d number|, shape (N,)."""
        return self.map.log_slope(codes[:, 0]) + self.axis.log_unit


class Spiked(Codec):
    """A number that is often exactly one of a few values: a class for these, and a number for the rest."""

    kind: Literal["spiked"] = "spiked"
    axis: Axis
    """The axis of the numbers."""
    spikes: tuple[float, ...] = Field(min_length=1)
    """The positions of the spikes, ascending; class k is spike k, and the last class is no spike."""
    map: Map
    """The map from the other positions to codes."""

    def slots(self, name: str) -> tuple[Slot, ...]:
        """Return a class and a real variable."""
        return (
            Slot(name=name, kind="categorical", levels=len(self.spikes) + 1),
            Slot(name=f"{name}:rest", kind="real"),
        )

    def encode(self, cells: Cells) -> Numbers:
        """Return the codes of N cells, shape (N, 2); the second is NaN unless the first is the last class."""
        return self.encode_positions(self.axis.positions(cells))

    def encode_positions(self, positions: Numbers) -> Numbers:
        """Return the codes of N positions, shape (N, 2)."""
        spikes, elsewhere = np.array(self.spikes), len(self.spikes)
        places = np.searchsorted(spikes, positions).clip(0, elsewhere - 1)
        classes = np.where(spikes[places] == positions, places, elsewhere).astype(np.float64)
        classes[np.isnan(positions)] = np.nan
        rest = np.where(classes == elsewhere, _finite(self.map.forward(positions)), np.nan)
        outside = np.isinf(rest)
        return np.stack([np.where(outside, np.inf, classes), np.where(outside, np.nan, rest)], axis=1)

    def decode(self, codes: Numbers, rng: np.random.Generator) -> Cells:
        """Return the cells of codes, shape (N, 2); the second counts only if the first is the last class."""
        missing = np.isnan(codes[:, 0])
        classes = np.where(missing, 0, codes[:, 0]).round().astype(np.int64).clip(0, len(self.spikes))
        spikes = np.append(np.array(self.spikes), np.nan)[classes]
        positions = np.where(classes == len(self.spikes), self.map.backward(codes[:, 1]), spikes)
        return self.axis.cells(np.where(missing, np.nan, positions), self.type)

    def _log_slope(self, codes: Numbers) -> Numbers:
        """Return log |d code / d number|, or 0 for a spike, shape (N,)."""
        rest = np.where(codes[:, 0] == len(self.spikes), codes[:, 1], np.nan)
        return np.where(np.isnan(rest), 0, self.map.log_slope(np.nan_to_num(rest)) + self.axis.log_unit)


class Count(Codec):
    """A non-negative integer that is modelled as a count."""

    kind: Literal["count"] = "count"
    low: int = Field(ge=0)
    """The smallest count."""
    high: int
    """The largest count."""

    def slots(self, name: str) -> tuple[Slot, ...]:
        """Return one count."""
        return (Slot(name=name, kind="count"),)

    def encode(self, cells: Cells) -> Numbers:
        """Return the counts in N cells, shape (N, 1); infinity for a cell that is no count."""
        found = numbers(cells)
        return np.where(np.isnan(found) | ((found >= 0) & (found == np.rint(found))), found, np.inf)[:, None]

    def decode(self, codes: Numbers, rng: np.random.Generator) -> Cells:
        """Return the cells of counts, shape (N, 1), rounded and kept within the observed range."""
        counts = np.clip(np.rint(codes[:, 0]), self.low, self.high)
        if self.type == "float64":
            return number_cells(counts)
        missing = np.isnan(counts)
        return integer_cells(np.where(missing, 0, counts).astype(np.int64), missing, self.type)


def _finite(codes: Numbers) -> Numbers:
    """Return codes, shape (N,), positive where they are infinite; those of finite numbers stay so in single precision."""
    return np.where(np.isinf(codes), np.inf, np.clip(codes, -LARGEST, LARGEST))
