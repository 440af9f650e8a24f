"""Constraints on the size of numbers and points in time: one column below another, a column between two bounds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np
from pydantic import StrictFloat, StrictInt, StrictStr

from vaekit.data.arrow import pa, pc
from vaekit.data.table.axis import Grid, fit_axis
from vaekit.data.table.cells import Cells, Mask, Numbers, Table, arrow_type, labels_of, number_cells, numbers, type_name
from vaekit.data.table.constraint import Constraint, replaced_columns

__all__ = ["Inequality", "Range"]

LARGEST = 2.0**63
"""The gaps of integers are below."""


class Inequality(Constraint):
    """low <= high in every row: the gap high - low, which is not negative, replaces `high`.

    If `low` is missing, so is the gap. A decoded `high` stays within its observed range, as every column does; a `low` within
    its own range is never above it.
    """

    learned: ClassVar[frozenset[str]] = frozenset({"type", "decimals", "bounds"})

    kind: Literal["inequality"] = "inequality"
    low: str
    """The column of the smaller numbers."""
    high: str
    """The column of the larger ones."""
    strict: bool = False
    """Whether they must differ."""
    type: str = ""
    """The type of `high`, found in training."""
    decimals: int | None = None
    """The larger number of decimals of the two columns, found in training; None if they have no last decimal."""
    bounds: tuple[StrictInt | StrictFloat, StrictInt | StrictFloat] | None = None
    """The smallest and the largest `high` in training."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Both columns."""
        return self.low, self.high

    @property
    def replaces(self) -> tuple[str, ...]:
        """The larger column."""
        return (self.high,)

    @property
    def makes(self) -> tuple[str, ...]:
        """The gap."""
        return (f"{self.high} - {self.low}",)

    def __str__(self) -> str:
        """Say what holds."""
        return f"{self.low} {'<' if self.strict else '<='} {self.high}"

    def broken(self, table: Table) -> Mask:
        """Return which rows break it, shape (N,)."""
        low, high = self._pair(table)
        found = pc.less_equal(high, low) if self.strict else pc.less(high, low)
        return np.asarray(found.fill_null(False))

    def fitted(self, table: Table) -> Inequality:
        """Return the constraint with the type, the decimals and the range of `high`."""
        low, high = (cells.drop_null() for cells in self._pair(table))
        name = type_name(high)
        if not len(low) or not len(high):
            return self.replace(type=name)
        if float(numbers(high).max()) - float(numbers(low).min()) >= LARGEST:
            raise ValueError(f"constraint {self}: the gaps must be below 2^63, but are larger; drop the constraint")
        axes = [fit_axis(low, self.low), fit_axis(high, self.high)]
        decimals = [axis.decimals for axis in axes if isinstance(axis, Grid)]
        extremes = pc.min_max(high)
        bounds = labels_of(pa.array([extremes["min"].as_py(), extremes["max"].as_py()], type=high.type))
        return self.replace(type=name, decimals=max(decimals) if len(decimals) == 2 else None, bounds=tuple(bounds))

    def forward(self, table: Table) -> Table:
        """Return a table with the gap in place of `high`; that of points in time is an integer in their unit."""
        low, high = self._pair(table)
        if type_name(high) == "float64":
            gap = number_cells(self._rounded(numbers(high) - numbers(low)))
        else:
            gap = pc.subtract(high.cast("int64"), low.cast("int64"))
        return replaced_columns(table, self.replaces, {self.makes[0]: gap})

    def limits(self, name: str, cells: Cells) -> tuple[Cells | None, Cells | None]:
        """Return the least gap."""
        if name not in self.makes:
            return None, None
        whole = type_name(cells) == "int64"
        least = self.strict * (1.0 if whole else 0.0 if self.decimals is None else 10.0**-self.decimals)
        return pa.scalar(int(least) if whole else least), None

    def backward(self, table: Table) -> Table:
        """Return a table with low + gap in place of the gap."""
        low, gap = table.column(self.low), table.column(self.makes[0])
        if self.type == "float64":
            high = number_cells(self._larger(numbers(low), numbers(gap)))
        else:
            high = pc.add(low.cast("int64"), pc.max_element_wise(gap, int(self.strict), skip_nulls=False))
            for bound, nearer in zip(self.bounds or (), (pc.max_element_wise, pc.min_element_wise), strict=False):
                high = nearer(high, bound, skip_nulls=False)
            high = high.cast(arrow_type(self.type))
        return replaced_columns(table, self.makes, {self.high: high})

    def _larger(self, low: Numbers, gap: Numbers) -> Numbers:
        found = self._rounded(low + np.maximum(gap, 0))
        found = found if self.bounds is None else np.clip(found, *self.bounds)
        return np.maximum(found, np.nextafter(low, np.inf) if self.strict else low)

    def _rounded(self, values: Numbers) -> Numbers:
        return values if self.decimals is None else np.rint(values * 10.0**self.decimals) / 10.0**self.decimals

    def _pair(self, table: Table) -> tuple[Cells, Cells]:
        low, high = table.column(self.low), table.column(self.high)
        types = {type_name(low), type_name(high)}
        if types == {"int64", "float64"}:
            return low.cast("float64"), high.cast("float64")
        if len(types) > 1 or types & {"string", "bool"}:
            raise ValueError(
                f"constraint {self}: both columns must hold numbers, or points in time of one kind, but {self.low!r} holds"
                f" {type_name(low)} and {self.high!r} holds {type_name(high)}; drop the constraint, or mend a column"
            )
        return low, high


class Range(Constraint):
    """min <= column <= max in every row: cells are kept within the bounds, and no column is replaced."""

    kind: Literal["range"] = "range"
    column: str
    """The column, of numbers or points in time."""
    min: StrictInt | StrictFloat | StrictStr | None = None
    """The lower bound; a point in time as ISO 8601 writes it."""
    max: StrictInt | StrictFloat | StrictStr | None = None
    """The upper bound."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    def __str__(self) -> str:
        """Say what holds."""
        low = "" if self.min is None else f"{self.min} <= "
        return f"{low}{self.column}" + ("" if self.max is None else f" <= {self.max}")

    def broken(self, table: Table) -> Mask:
        """Return which rows break it, shape (N,)."""
        cells = table.column(self.column)
        masks = [np.asarray(outside.fill_null(False)) for _, outside in self._outside(cells)]
        return np.any([np.zeros(len(cells), dtype=bool), *masks], axis=0)

    def backward(self, table: Table) -> Table:
        """Return the table, its column kept within the bounds."""
        cells = table.column(self.column)
        for limit, outside in self._outside(cells):
            cells = pc.if_else(outside, limit, cells)
        return table.set_column(table.column_names.index(self.column), self.column, cells)

    def limits(self, name: str, cells: Cells) -> tuple[Cells | None, Cells | None]:
        """Return both bounds as the column's type has them; of integers, the nearest within."""
        if name != self.column:
            return None, None
        whole = type_name(cells) == "int64"
        low, high = (
            None
            if bound is None
            else self._limit(within(bound) if whole and isinstance(bound, float) else bound, cells)
            for bound, within in ((self.min, math.ceil), (self.max, math.floor))
        )
        return low, high

    def _outside(self, cells: Cells) -> Iterator[tuple[Cells, Cells]]:
        """Yield each bound, and which cells lie beyond."""
        for limit, beyond in zip(self.limits(self.column, cells), (pc.less, pc.greater), strict=True):
            if limit is not None:
                yield limit, beyond(cells, limit)

    def _limit(self, bound: int | float | str, cells: Cells) -> Cells:
        kind = type_name(cells)
        wrong = ValueError(
            f"constraint {self}: {self.column!r} holds {kind}, which {bound!r} does not bound; give a number, or for a point"
            " in time a date such as 2024-01-31"
        )
        try:
            if kind.startswith("timestamp[") and isinstance(bound, str):
                return _time(bound, kind)
            if kind in ("int64", "float64") and not isinstance(bound, str):
                return pa.scalar(bound).cast(cells.type)
        except pa.ArrowInvalid as error:
            raise wrong from error
        raise wrong


def _time(text: str, kind: str) -> Cells:
    """Return a point in time; without a zone of its own it is in that of the column."""
    unit, _, zone = kind[len("timestamp[") : -1].partition(", ")
    local = pa.scalar(text).cast(pa.timestamp(unit))
    return pc.assume_timezone(local, zone) if zone else local
