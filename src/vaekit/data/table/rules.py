"""Rules: what every training row keeps although nobody declared it. A model need not keep them; see `rule_search`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from pydantic import Field

from vaekit.data.arrow import pa, pc
from vaekit.data.table.cells import Label, Mask, Table, codes_of_cells, is_null, label_cells, numbers, one_zero
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
        known, expected = (
            label_cells(values, kind) for values, kind in zip(zip(*self.pairs, strict=True), self.types, strict=True)
        )
        places = pc.index_in(one_zero(table.column(self.by)), value_set=known)
        return np.asarray(
            pc.not_equal(expected.take(pa.array(places)), one_zero(table.column(self.column))).fill_null(False)
        )

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


def off(parts: Any, total: Any) -> Mask:
    """Return where a total `(N,)` is not the sum of its parts `(K, N)`; nowhere that a number is missing."""
    scale = np.abs(parts).sum(0) + np.abs(total)
    return np.abs(parts.sum(0) - total) > TOLERANCE * scale


def any_broken(rules: Sequence[Rule], table: Table) -> Mask:
    """Return which rows break one of several rules, `(N,)`."""
    return np.any([np.zeros(table.num_rows, dtype=bool), *(rule.broken(table) for rule in rules)], axis=0)
