"""Constraints: conditions that every row of a table obeys, and so does every row that a model generates.

They hold by construction: no row is rejected. Other columns take the place of those in the condition, and all values of
these other columns give rows that obey.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from vaekit.data.arrow import pa
from vaekit.data.table.cells import Cells, Mask, Table
from vaekit.value import Value

__all__ = ["Constraint", "replaced_columns"]


class Constraint(Value, ABC):
    """A condition that holds in every row. A user writes the condition; `fitted` adds what the training rows tell."""

    learned: ClassVar[frozenset[str]] = frozenset()
    """The fields that `fitted` fills in."""

    def described(self) -> dict[str, Any]:
        """Return the fields that a user writes, ready for YAML."""
        return self.model_dump(mode="json", exclude=set(self.learned), exclude_none=True)

    @property
    @abstractmethod
    def needs(self) -> tuple[str, ...]:
        """The columns of the condition."""

    @property
    def replaces(self) -> tuple[str, ...]:
        """The columns that are replaced; none by default."""
        return ()

    @property
    def makes(self) -> tuple[str, ...]:
        """The columns that replace them."""
        return ()

    @abstractmethod
    def broken(self, table: Table) -> Mask:
        """Return which rows break it, shape (N,); a row with a missing cell never does.

        Raises:
            ValueError: If a column has a type that the condition does not apply to.
        """

    def fitted(self, table: Table) -> Any:
        """Return the constraint fitted to the training rows, all of which obey it."""
        return self

    def forward(self, table: Table) -> Table:
        """Return a table with the columns of `makes` in place of those of `replaces`."""
        return table

    def limits(self, name: str, cells: Cells) -> tuple[Cells | None, Cells | None]:
        """Return the bounds that follow for a column which it keeps or makes, as scalars of its type; None where there is none."""
        return None, None

    @abstractmethod
    def backward(self, table: Table) -> Table:
        """Return a table with the columns of `replaces`, such that every row obeys."""

    @abstractmethod
    def __str__(self) -> str:
        """Say what holds."""


def replaced_columns(table: Table, old: tuple[str, ...], new: dict[str, Cells]) -> Table:
    """Return a table without the columns `old`, and with new ones where the first of them was."""
    place = min(table.column_names.index(name) for name in old)
    names = [name for name in table.column_names if name not in old]
    columns = {name: table.column(name) for name in names[:place]} | new
    return pa.table(columns | {name: table.column(name) for name in names[place:]})
