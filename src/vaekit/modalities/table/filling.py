"""Tables whose missing cells are filled by expected values or by single draws, so that constraints hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vaekit.data import TableSchema
from vaekit.data.rows import Array
from vaekit.data.table.cells import label_cells
from vaekit.data.table.constraints import Inequality
from vaekit.data.table.discrete import Ordinal
from vaekit.modalities.table.drawn_cells import DrawnLabels, DrawnNumbers

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Filling"]

_OTHERS = 200  # other rows whose draws are tried if no draw of a row keeps a constraint


@dataclass(frozen=True)
class Filling:
    """A table with missing cells, which draws can fill.

    Args:
        schema: The schema of the table.
        table: The rows.
        empty: For each column, which of its cells are missing, `(N,)`.
        rows: The rows with a missing cell, in order: draws are of these rows.
    """

    schema: TableSchema
    table: pa.Table
    empty: dict[str, Array]
    rows: Array

    def by(self, drawn: pa.Table, tables: list[pa.Table]) -> pa.Table:
        """Return the table filled by one draw; rows that break a constraint get the next draw that keeps it."""
        return self._repaired(self._filled({name: drawn.column(name) for name in self.empty}), tables)

    def by_expectation(self, tables: list[pa.Table]) -> pa.Table:
        """Return the table filled by means and by the likeliest categories; rows that break a constraint get a draw."""
        expected = {name: self._draws(name, tables).expected() for name in self.empty}
        return self._repaired(self._filled(expected), tables)

    def _repaired(self, table: pa.Table, tables: list[pa.Table]) -> pa.Table:
        """Return the table after rows that break a constraint are filled by draws that keep it."""
        import pyarrow as pa
        import pyarrow.compute as pc

        for rule in self.schema.kept:
            table = rule.mended(table, self.empty)
        for constraint in (*self.schema.constraints, *self.schema.kept):
            names = [name for name in constraint.needs if name in self.empty]
            for drawn in _donors(tables):
                broken = np.asarray(constraint.broken(table))
                if not names or not broken.any():
                    break
                other = self._filled({name: drawn.column(name) for name in names})
                for name in names:
                    place = table.column_names.index(name)
                    table = table.set_column(place, name, pc.if_else(broken, other.column(name), table.column(name)))
            if isinstance(
                constraint, Inequality
            ):  # a draw is kept within the range of training, and may miss the other cell
                low, high = (table.column(name) for name in constraint.needs)
                if constraint.low in self.empty:
                    low = pc.if_else(pc.less(high, low), high, low).cast(low.type)
                elif constraint.high in self.empty:
                    high = pc.if_else(pc.less(high, low), low, high).cast(high.type)
                for name, cells in zip(constraint.needs, (low, high), strict=True):
                    if name in names:
                        filled = pc.if_else(pa.array(self.empty[name]), cells, table.column(name))
                        table = table.set_column(table.column_names.index(name), name, filled)
        return table

    def cells(self, filled: pa.Table, tables: list[pa.Table], level: float) -> pa.Table:
        """Return a table with a row for each cell that was missing: its value in the filled table, and what the draws say of it."""
        import pyarrow as pa

        parts = [self._cells(name, filled, tables, level) for name in self.empty]
        types = {"row": pa.int64(), "column": pa.string(), "value": pa.string()}
        types |= dict.fromkeys(("low", "high", "probability"), pa.float64())
        return pa.concat_tables(parts) if parts else pa.schema(types).empty_table()

    def _cells(self, name: str, filled: pa.Table, tables: list[pa.Table], level: float) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        places = np.flatnonzero(self.empty[name])
        among = np.flatnonzero(self.empty[name][self.rows])
        drawn = self._draws(name, tables)
        low = high = probability = np.full(len(self.rows), np.nan)
        if isinstance(drawn, DrawnNumbers):
            low, high = drawn.interval(level)
        else:
            probability = drawn.probability(filled.column(name).take(self.rows))
        certainty = {"low": low, "high": high, "probability": probability}
        return pa.table(
            {
                "row": places,
                "column": [name] * len(places),
                "value": pc.cast(filled.column(name), pa.string()).take(places),
                **{title: pa.array(values[among], from_pandas=True) for title, values in certainty.items()},
            }
        )

    def _draws(self, name: str, tables: list[pa.Table]) -> DrawnNumbers | DrawnLabels:
        cells = [table.column(name) for table in tables]
        codec = {column.name: column.codec for column in self.schema.columns}.get(name)
        if self.schema.kinds[name] == "numeric":
            return DrawnNumbers(cells, getattr(codec, "axis", None))
        return DrawnLabels(cells, label_cells(codec.labels, codec.type) if isinstance(codec, Ordinal) else None)

    def _filled(self, values: dict[str, Any]) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        places = np.full(len(self.table), -1)
        places[self.rows] = np.arange(len(self.rows))
        sources = pa.array(places, mask=places < 0)
        table = self.table
        for name, cells in values.items():
            place = table.column_names.index(name)
            whole = pc.take(cells, sources).cast(table.schema.field(place).type)
            table = table.set_column(place, name, pc.coalesce(table.column(place), whole))
        return table


def _donors(tables: list[pa.Table]) -> Iterator[pa.Table]:
    """Yield the draws of each row, and then those of other rows."""
    yield from tables
    places = np.arange(len(tables[0]) if tables else 0)
    for shift in range(1, min(len(places), _OTHERS)):
        yield tables[shift % len(tables)].take(np.roll(places, shift))
