"""Rules: what every training row keeps although nobody declared it. A model need not keep them; see `rule_search`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from pydantic import Field

from vaekit.data.arrow import pa, pc
from vaekit.data.table.cells import (
    Cells,
    Label,
    Mask,
    Numbers,
    Table,
    codes_of_cells,
    is_null,
    label_cells,
    numbers,
    one_zero,
    type_name,
)
from vaekit.value import Value

__all__ = ["AnyRule", "Dependency", "Implication", "Order", "Rule", "Total", "any_broken"]

TOLERANCE = 1e-9
"""What the digits of a sum may be off by, relative to its terms."""


class Rule(Value, ABC):
    """A condition on the cells of a row; a row that lacks one of them keeps it."""

    @property
    @abstractmethod
    def needs(self) -> tuple[str, ...]:
        """The columns of the condition."""

    @abstractmethod
    def broken(self, table: Table) -> Mask:
        """Return which rows break it, `(N,)`."""

    def mended(self, table: Table, free: Mapping[str, Mask] | None = None) -> Table:
        """Return the table with cells that follow from others; without such cells, as it is.

        Args:
            table: The rows.
            free: For each column that may change, in which rows, `(N,)`; by default all columns may, in all rows.
        """
        return table

    @abstractmethod
    def __str__(self) -> str:
        """Say what holds."""


class Order(Rule):
    """One number, or point in time, is never above another."""

    kind: Literal["order"] = "order"
    low: str
    high: str

    @property
    def needs(self) -> tuple[str, ...]:
        """Both columns."""
        return self.low, self.high

    def broken(self, table: Table) -> Mask:
        """Return which rows break it, `(N,)`."""
        return numbers(table.column(self.low)) > numbers(table.column(self.high))

    def __str__(self) -> str:
        """Say what holds."""
        return f"{self.low} <= {self.high}"


class Total(Rule):
    """A number is the sum of others; with one term it equals that."""

    kind: Literal["total"] = "total"
    parts: tuple[str, ...] = Field(min_length=1)
    total: str

    @property
    def needs(self) -> tuple[str, ...]:
        """The terms and the sum."""
        return *self.parts, self.total

    def broken(self, table: Table) -> Mask:
        """Return which rows break it, `(N,)`."""
        parts = np.stack([numbers(table.column(name)) for name in self.parts])
        return off(parts, numbers(table.column(self.total)))

    def mended(self, table: Table, free: Mapping[str, Mask] | None = None) -> Table:
        """Return the table with one cell of each row computed: the sum, or where that may not change, a term."""
        parts, total = np.stack([numbers(table.column(name)) for name in self.parts]), numbers(table.column(self.total))
        left = np.ones(table.num_rows, dtype=bool)
        found = {self.total: parts.sum(0)}
        found |= {name: total - (parts.sum(0) - parts[i]) for i, name in enumerate(self.parts)}
        for name, values in found.items():
            rows = left & (free is None or free.get(name, np.zeros_like(left)))
            left &= ~rows
            rows &= ~np.isnan(values)
            values[rows] = [float(f"{value:.12g}") for value in values[rows]]  # a sum of cents is in cents
            table = _replaced(table, name, values, rows)
        return table

    def __str__(self) -> str:
        """Say what holds."""
        return f"{self.total} = {' + '.join(self.parts)}"


class Dependency(Rule):
    """A value in one column determines that in another; a value that training did not have determines nothing."""

    kind: Literal["dependency"] = "dependency"
    by: str
    column: str
    types: tuple[str, str]
    """The types of both columns."""
    pairs: tuple[tuple[Label, Label], ...] = Field(repr=False)
    """Each value of `by` with what it determines; points in time are integers in their unit."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Both columns."""
        return self.by, self.column

    def broken(self, table: Table) -> Mask:
        """Return which rows break it, `(N,)`."""
        return np.asarray(pc.not_equal(self._expected(table), one_zero(table.column(self.column))).fill_null(False))

    def mended(self, table: Table, free: Mapping[str, Mask] | None = None) -> Table:
        """Return the table with what is determined."""
        expected = self._expected(table)
        rows = np.asarray(expected.is_valid())
        if free is not None:
            rows &= free.get(self.column, np.zeros_like(rows))
        cells = pc.if_else(pa.array(rows), expected, table.column(self.column))
        return table.set_column(table.column_names.index(self.column), self.column, cells)

    def _expected(self, table: Table) -> Cells:
        keys, values = zip(*self.pairs, strict=True)
        places = pc.index_in(one_zero(table.column(self.by)), value_set=label_cells(keys, self.types[0]))
        return label_cells(values, self.types[1]).take(places.combine_chunks())

    def __str__(self) -> str:
        """Say what holds."""
        return f"{self.by} determines {self.column}"


class Literally(Value):
    """That a column has a value, or has another one."""

    column: str
    type: str
    value: Label
    holds: bool = True
    """Whether it has the value."""

    def true(self, table: Table) -> Mask:
        """Return in which rows it is true, `(N,)`; in none where the cell is missing."""
        cells = table.column(self.column)
        has = codes_of_cells(cells, (self.value,), self.type) == 0
        return has if self.holds else ~has & ~is_null(cells)

    def __str__(self) -> str:
        """Say it."""
        return f"{self.column} {'=' if self.holds else '!='} {self.value}"


class Implication(Rule):
    """Where one column has a certain value, so has another."""

    kind: Literal["implication"] = "implication"
    given: Literally
    then: Literally

    @property
    def needs(self) -> tuple[str, ...]:
        """Both columns."""
        return self.given.column, self.then.column

    def broken(self, table: Table) -> Mask:
        """Return which rows break it, `(N,)`."""
        opposite = self.then.replace(holds=not self.then.holds)
        return self.given.true(table) & opposite.true(table)

    def __str__(self) -> str:
        """Say what holds."""
        return f"where {self.given}, {self.then}"


AnyRule: TypeAlias = Annotated[Order | Total | Dependency | Implication, Field(discriminator="kind")]
"""Any rule; its `kind` says which."""


def _replaced(table: Table, name: str, values: Numbers, rows: Mask) -> Table:
    """Return a table with other numbers, `(N,)`, in some rows of a column."""
    cells = table.column(name)
    whole = type_name(cells) != "float64"
    made = pa.array(np.nan_to_num(values).round().astype(np.int64) if whole else values).cast(cells.type)
    return table.set_column(table.column_names.index(name), name, pc.if_else(pa.array(rows), made, cells))


def off(parts: Any, total: Any) -> Mask:
    """Return where a total `(N,)` is not the sum of its parts `(K, N)`; nowhere that a number is missing."""
    scale = np.abs(parts).sum(0) + np.abs(total)
    return np.abs(parts.sum(0) - total) > TOLERANCE * scale


def any_broken(rules: Sequence[Rule], table: Table) -> Mask:
    """Return which rows break one of several rules, `(N,)`."""
    return np.any([np.zeros(table.num_rows, dtype=bool), *(rule.broken(table) for rule in rules)], axis=0)
