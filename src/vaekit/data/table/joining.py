"""Constraints on which values go together: combinations that occur, and groups of columns of which exactly one is 1."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from vaekit.data.arrow import pa, pc
from vaekit.data.table.cells import Cells, Mask, Table, label_cells, labels_of, numbers, type_name
from vaekit.data.table.constraint import Constraint, replaced_columns
from vaekit.data.table.discrete import Labels

__all__ = ["FixedCombinations", "OneHot"]

SEPARATORS = (" | ", " ¦ ", "\x1f")
"""The separators between the values of a combination; the first that no value contains is used."""


class _Joined(Constraint, ABC):
    """Columns that one column replaces."""

    columns: tuple[str, ...] = Field(min_length=2)
    """The columns; of a one-hot group, of 0 and 1 or of false and true."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns."""
        return self.columns

    @property
    def replaces(self) -> tuple[str, ...]:
        """The columns."""
        return self.columns


class FixedCombinations(_Joined):
    """Only combinations of values that occur in training: one column of combinations replaces the columns."""

    learned: ClassVar[frozenset[str]] = frozenset({"types", "separator", "values"})

    kind: Literal["fixed_combinations"] = "fixed_combinations"
    types: tuple[str, ...] = ()
    """Their types, found in training."""
    separator: str = SEPARATORS[0]
    """What stands between the values in the name of a combination."""
    values: tuple[Labels, ...] = Field(default=(), repr=False)
    """The combinations seen in training: for each column, its value in each of them."""

    @property
    def makes(self) -> tuple[str, ...]:
        """The column of combinations."""
        return (" + ".join(self.columns),)

    def __str__(self) -> str:
        """Say what holds."""
        return f"only seen combinations of {' and '.join(self.columns)}"

    def broken(self, table: Table) -> Mask:
        """Return which rows are combinations that training did not have, shape (N,); none before training."""
        if not self.values:
            return np.zeros(table.num_rows, dtype=bool)
        joint = self._joint(table)
        return np.asarray(pc.is_valid(joint)) & ~np.asarray(pc.is_in(joint, value_set=self._names()))

    def fitted(self, table: Table) -> FixedCombinations:
        """Return the constraint with the combinations of the training rows."""
        names = list(self.columns)
        distinct = table.select(names).group_by(names).aggregate([]).drop_null()
        columns = distinct.sort_by([(name, "ascending") for name in names]).select(names).columns
        words = [word for cells in columns for word in cells.cast("string").to_pylist()]
        separator = next((mark for mark in SEPARATORS if not any(mark in word for word in words)), SEPARATORS[-1])
        return self.replace(
            types=tuple(type_name(cells) for cells in columns),
            separator=separator,
            values=tuple(tuple(labels_of(cells)) for cells in columns),
        )

    def combinations(self) -> Table:
        """Return the combinations of training, one in each row."""
        pairs = zip(self.columns, self.values, self.types, strict=True)
        return pa.table({name: label_cells(labels, kind) for name, labels, kind in pairs})

    def forward(self, table: Table) -> Table:
        """Return a table with the names of the combinations in place of the columns; missing if a value is missing."""
        return replaced_columns(table, self.replaces, {self.makes[0]: self._joint(table)})

    def backward(self, table: Table) -> Table:
        """Return a table with the columns in place of the combinations."""
        found = pc.index_in(table.column(self.makes[0]), value_set=self._names())
        cells = {
            name: label_cells(labels, kind).take(found)
            for name, labels, kind in zip(self.columns, self.values, self.types, strict=True)
        }
        return replaced_columns(table, self.makes, cells)

    def _joint(self, table: Table) -> Cells:
        return self._join([table.column(name) for name in self.columns])

    def _names(self) -> Cells:
        pairs = zip(self.values, self.types, strict=True)
        return self._join([label_cells(labels, kind) for labels, kind in pairs])

    def _join(self, columns: Sequence[Cells]) -> Cells:
        return pc.binary_join_element_wise(*(cells.cast("string") for cells in columns), self.separator)


class OneHot(_Joined):
    """Exactly one of several columns is 1, and the others are 0: one column of their names replaces them."""

    kind: Literal["one_hot"] = "one_hot"

    @property
    def makes(self) -> tuple[str, ...]:
        """The column of names."""
        return (" / ".join(self.columns),)

    def __str__(self) -> str:
        """Say what holds."""
        return f"exactly one of {', '.join(self.columns)} is 1"

    def broken(self, table: Table) -> Mask:
        """Return which rows have not exactly one 1, shape (N,)."""
        ones = self._ones(table)
        proper = np.isin(ones, (0, 1)).all(1) & (ones.sum(1) == 1)
        return ~proper & ~np.isnan(ones).any(1)

    def combinations(self) -> Table:
        """Return the rows that obey, one for each column."""
        return pa.table({name: pa.array([int(name == one) for one in self.columns]) for name in self.columns})

    def forward(self, table: Table) -> Table:
        """Return a table with the name of the column that is 1 in place of the columns; missing if it is not known."""
        ones = self._ones(table)
        unknown = np.isnan(ones).any(1) | self.broken(table)
        places = pa.array(np.nan_to_num(ones).argmax(1), mask=unknown)
        return replaced_columns(table, self.replaces, {self.makes[0]: pa.array(self.columns).take(places)})

    def backward(self, table: Table) -> Table:
        """Return a table with the columns, of 0 and 1, in place of the names."""
        chosen = table.column(self.makes[0])
        cells = {name: pc.equal(chosen, name).cast("int64") for name in self.columns}
        return replaced_columns(table, self.makes, cells)

    def _ones(self, table: Table) -> Any:
        if words := [
            name for name in self.columns if type_name(table.column(name)) not in ("int64", "float64", "bool")
        ]:
            raise ValueError(
                f"constraint {self}: the columns must hold 0 and 1, but {words[0]!r} holds"
                f" {type_name(table.column(words[0]))}; leave it out, or mend it"
            )
        return np.stack([numbers(table.column(name)) for name in self.columns], axis=1)
