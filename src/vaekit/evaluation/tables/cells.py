"""The cells of tables as numbers that can be compared: every measure of this package takes them.

A numeric column is float64 with NaN where a cell is missing; any other is int64, the index of its category among those of
all tables that were made comparable together, and -1 where a cell is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from vaekit.errors import NotApplicable

__all__ = ["Cells", "Kind", "check_alike", "comparable", "concatenate", "resampled"]

Kind: TypeAlias = Literal["numeric", "categorical"]
"""How a column is compared: by the order and distance of its values, or as equal and different."""

Array: TypeAlias = npt.NDArray[Any]

MISSING = -1
"""The code of a missing category."""


@dataclass(frozen=True, eq=False)
class Cells:
    """A table's cells, column by column.

    Args:
        names: The columns.
        levels: Number of categories of each column, shared with the tables it is comparable to; 0 for a numeric one.
        values: Of each column, `(N,)`: float64 with NaN, or int64 codes with -1.
    """

    names: tuple[str, ...]
    levels: tuple[int, ...]
    values: tuple[Array, ...]

    def __len__(self) -> int:
        return len(self.values[0])

    def __getitem__(self, name: str) -> Array:
        """Return the values of a column."""
        return self.values[self.place(name)]

    def place(self, name: str) -> int:
        """Return the index of a column.

        Raises:
            ValueError: There is none of this name.
        """
        if name not in self.names:
            raise ValueError(f"there is no column {name!r}; the compared columns are {', '.join(self.names)}")
        return self.names.index(name)

    def is_numeric(self, name: str) -> bool:
        """Tell whether a column is numeric."""
        return self.levels[self.place(name)] == 0

    def missing(self) -> Array:
        """Return which cells are missing, `(N, D)`."""
        columns = zip(self.values, self.levels, strict=True)
        return np.stack([v == MISSING if levels else np.isnan(v) for v, levels in columns], axis=1)

    def take(self, rows: Array) -> Cells:
        """Return these rows, by index or mask."""
        return Cells(self.names, self.levels, tuple(values[rows] for values in self.values))

    def some(self, count: int, rng: np.random.Generator) -> Cells:
        """Return at most `count` rows, drawn without replacement; all of them, in their order, where there are no more."""
        return self if count >= len(self) else self.take(rng.permutation(len(self))[:count])

    def hide(self, hidden: Array) -> Cells:
        """Return the table with some cells missing, `(N, D)` of bools saying which."""
        gaps = (MISSING if levels else np.nan for levels in self.levels)
        columns = zip(self.values, gaps, hidden.T, strict=True)
        return Cells(self.names, self.levels, tuple(np.where(mask, gap, values) for values, gap, mask in columns))

    def without(self, name: str) -> Cells:
        """Return all columns but one.

        Raises:
            NotApplicable: There is no other.
            ValueError: There is none of this name.
        """
        if self.names == (name,):
            raise NotApplicable(f"without {name!r} no column is left; give a table with other columns")
        keep = [i for i in range(len(self.names)) if i != self.place(name)]
        return Cells(*(tuple(part[i] for i in keep) for part in (self.names, self.levels, self.values)))  # type: ignore[arg-type]


def comparable(*tables: Any, kinds: Mapping[str, Kind] | None = None) -> tuple[Cells, ...]:
    """Make tables comparable, cell by cell.

    Args:
        tables: Arrow tables with the same columns, in any order.
        kinds: How each column is compared; columns it does not name are left out. By default integers, floats and times
            are numeric and everything else is categorical.

    Returns:
        One `Cells` per table. Times are numbers in the unit of the first table.

    Raises:
        NotApplicable: There are no columns or no rows.
        ValueError: A table lacks a column, or its type does not fit that of the others or
            its kind, or holds infinite values; the column is named.

    Examples:
        >>> import pyarrow
        >>> real, other = comparable(pyarrow.table({"a": ["x", None]}), pyarrow.table({"a": ["z", "x"]}))
        >>> real["a"].tolist(), other["a"].tolist(), other.levels
        ([0, -1], [1, 0], (2,))
    """
    kinds = kinds or {field.name: _kind(field.type) for field in tables[0].schema}
    if not kinds:
        raise NotApplicable("tables are compared column by column, but there is none; give a table with columns")
    if not all(table.num_rows for table in tables):
        raise NotApplicable("tables are compared by their rows, but one has none; give a table with rows")
    columns = [_shared(name, kind, [_column(table, name) for table in tables]) for name, kind in kinds.items()]
    levels = tuple(count for count, _ in columns)
    return tuple(Cells(tuple(kinds), levels, tuple(part[i] for _, part in columns)) for i in range(len(tables)))


def concatenate(*tables: Cells) -> Cells:
    """Put comparable tables one below the other."""
    values = tuple(np.concatenate(parts) for parts in zip(*(table.values for table in tables), strict=True))
    return Cells(tables[0].names, tables[0].levels, values)


def resampled(cells: Cells, count: int, rng: np.random.Generator) -> Cells:
    """Draw each column by itself, with replacement: right marginals and no dependence, what a model must beat.

    Args:
        cells: A table.
        count: Number of rows to make.
        rng: Source of randomness.
    """
    return Cells(cells.names, cells.levels, tuple(v[rng.integers(len(v), size=count)] for v in cells.values))


def check_alike(*tables: Cells) -> None:
    """Check that tables were made comparable together.

    Raises:
        ValueError: Their columns differ.
    """
    first = tables[0]
    for other in tables[1:]:
        if (other.names, other.levels) != (first.names, first.levels):
            odd = set(other.names) ^ set(first.names) or {"their categories"}
            raise ValueError(
                f"tables must be made comparable together, but differ in {sorted(odd)}; use comparable(...)"
            )


def _kind(type_: Any) -> Kind:
    import pyarrow.types as t

    return "numeric" if t.is_integer(type_) or t.is_floating(type_) or t.is_timestamp(type_) else "categorical"


def _column(table: Any, name: str) -> Any:
    if name not in table.column_names:
        raise ValueError(f"a compared table lacks the column {name!r}; it has {', '.join(table.column_names)}")
    column = table.column(name)
    return column.cast(column.type.value_type) if hasattr(column.type, "value_type") else column


def _shared(name: str, kind: Kind, columns: Sequence[Any]) -> tuple[int, list[Array]]:
    """Return the number of shared categories (0 for numbers) and each table's values."""
    return (0, _numbers(name, columns)) if kind == "numeric" else _codes(name, columns)


def _numbers(name: str, columns: Sequence[Any]) -> list[Array]:
    import pyarrow as pa
    import pyarrow.types as t

    def number(column: Any) -> Array:
        if t.is_timestamp(columns[0].type) and t.is_timestamp(column.type):
            # Another zone is another name of the same instants.
            column = column.cast(pa.timestamp(columns[0].type.unit, column.type.tz), safe=False).cast(pa.int64())
        elif t.is_boolean(column.type):
            column = column.cast(pa.int8())
        elif _kind(column.type) != "numeric" or t.is_timestamp(column.type) or t.is_timestamp(columns[0].type):
            raise ValueError(f"column {name!r} is compared as numbers of one type, but is {column.type} in one table")
        values = column.cast(pa.float64(), safe=False).to_numpy()
        if np.isinf(values).any():
            raise ValueError(f"column {name!r} has infinite values, which cannot be compared; remove them")
        return values

    return [number(column) for column in columns]


def _codes(name: str, columns: Sequence[Any]) -> tuple[int, list[Array]]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    types = {column.type for column in columns}
    if len(types) > 1:
        if not all(t.is_integer(type_) or t.is_floating(type_) for type_ in types):
            raise ValueError(f"column {name!r} is of different types in the tables: {', '.join(map(str, types))}")
        columns = [column.cast(pa.float64(), safe=False) for column in columns]
    # NaN is a missing number.
    columns = [pc.if_else(pc.is_nan(c), None, c) if t.is_floating(c.type) else c for c in columns]
    found = pc.unique(
        pa.chunked_array([chunk for c in columns for chunk in c.chunks], type=columns[0].type)
    ).drop_null()
    found = found.take(pc.sort_indices(found))
    codes = [pc.fill_null(pc.index_in(column, value_set=found), MISSING).to_numpy() for column in columns]
    return len(found), [part.astype(np.int64) for part in codes]
