"""Missing cells of a table: filled by what is expected of them, or by draws, with intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from vaekit.data import TableSchema
from vaekit.data.rows import Array
from vaekit.interfaces.drawn_cells import DrawnLabels, DrawnNumbers
from vaekit.interfaces.run import Run, Source
from vaekit.interfaces.shown import in_batches
from vaekit.models import evaluating, resample

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Imputation", "impute", "table_schema"]

_OTHERS = 200  # rows whose draws may fill a row that none of its own does
_BATCH = 512  # rows whose latents are looked for together


@dataclass(frozen=True)
class Imputation:
    """A table without missing cells, and what is known of those that were.

    Args:
        table: The rows: observed cells as they are; a missing number by the mean of its draws, all else by the likeliest.
        draws: Whole tables, each of which is one draw of all that was missing.
        cells: A row per cell that was missing: its row, column and value; `low` and `high` of a number, in seconds since
            1970 of a point in time; the `probability` of a category.
        ess: Effective sample size behind the cells of each row, `(N,)`; NaN for rows without a missing cell.
    """

    table: pa.Table
    draws: tuple[pa.Table, ...]
    cells: pa.Table
    ess: Tensor


def impute(
    run: Run,
    source: Source | None = None,
    *,
    draws: int = 0,
    proposals: int = 100,
    level: float = 0.9,
    seed: int = 0,
) -> Imputation:
    r"""Fill the missing cells of a table by :math:`p(x_{missing} \mid x_{observed})`.

    Latents are drawn by importance resampling, and the missing cells from p(x | z) of each: so the draws follow the model's
    conditional distribution, with all that is uncertain about a row.

    References:
        Mattei and Frellsen, 2019, "MIWAE: deep generative modelling and imputation of incomplete data sets"; Rubin, 1987,
        "Multiple imputation for nonresponse in surveys".

    Args:
        run: A run of tables.
        source: The table; by default the run's own test part.
        draws: Whole tables to draw beside, for multiple imputation.
        proposals: Latents that are compared per row.
        level: Share of the draws that the interval of a number holds.
        seed: Seed of the draws.

    Raises:
        ValueError: The run is none of tables, the table does not fit, or a setting is out of range.
    """
    schema = table_schema(run)
    if proposals < 2 or draws < 0 or not 0 < level < 1:
        raise ValueError(
            f"proposals must be 2 at least, draws 0 at least and level between 0 and 1, got {proposals}, {draws} and {level}"
        )
    data, rows = run.open(source)
    data = data.taken(rows)
    # An identifier or free text, of which the model has nothing to say, stays missing.
    empty = {name: _empty(data.table.column(name)) for name in schema.kinds}
    open_rows = torch.from_numpy(np.flatnonzero(np.any([*empty.values()], axis=0)))
    some = data.taken(open_rows)
    made, ess = _drawn(run, schema, run.given(some), max(draws, proposals), proposals, seed)
    tables = [schema.decode(x, seed=seed + i) for i, x in enumerate(made)]
    filled = _Filling(
        schema, data.table, {name: found for name, found in empty.items() if found.any()}, open_rows.numpy()
    )
    whole = torch.full((len(data),), torch.nan, dtype=torch.float64)
    whole[open_rows] = ess.double()
    return Imputation(
        filled.by_expectation(tables),
        tuple(filled.by(table, tables) for table in tables[:draws]),
        filled.cells(tables, level),
        whole,
    )


def table_schema(run: Run) -> TableSchema:
    """Return the schema of a run of tables.

    Raises:
        ValueError: The run is of something else.
    """
    if not isinstance(run.schema, TableSchema):
        raise ValueError(f"this is asked of tables, and {run.path} is a run of {run.kind}s")
    return run.schema


def _drawn(
    run: Run, schema: TableSchema, given: tuple[Tensor, ...], count: int, proposals: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Return complete rows `(count, N, D)`, and the effective sample size of each row."""
    shown = list(schema.masks)
    made, ess = [], []
    with evaluating(run.model, seed):
        for x, *context in in_batches(*given, batch=_BATCH) if len(given[0]) else ():
            found = resample(run.model, x, *context, proposals=proposals, draws=count)
            drawn = run.model.decode(found.z, context=tuple(context)).sample()
            whole = torch.where(x.isnan(), drawn, x)
            whole[..., shown] = 0.0  # what is filled is no longer missing
            made.append(whole)
            ess.append(found.ess)
    if not made:
        return torch.empty(count, 0, len(schema.slots)), torch.empty(0)
    return torch.cat(made, 1), torch.cat(ess)


@dataclass(frozen=True)
class _Filling:
    """What is filled where.

    Args:
        schema: What the columns are.
        table: The rows as they came.
        empty: Which cells of each column are missing, `(N,)`.
        rows: The rows that have such a cell, in order: those that draws are of.
    """

    schema: TableSchema
    table: pa.Table
    empty: dict[str, Array]
    rows: Array

    def by(self, drawn: pa.Table, tables: list[pa.Table]) -> pa.Table:
        """Return the table, filled by one draw; where that breaks a constraint, by the next that does not."""
        return self._kept(self._with({name: drawn.column(name) for name in self.empty}), tables)

    def by_expectation(self, tables: list[pa.Table]) -> pa.Table:
        """Return the table, filled by means and by the likeliest categories; by a draw where these break a constraint."""
        return self._kept(self._with({name: self._drawn(name, tables).expected() for name in self.empty}), tables)

    def _kept(self, table: pa.Table, tables: list[pa.Table]) -> pa.Table:
        """Return the table with the rows that break a constraint filled by draws that keep it."""
        import pyarrow.compute as pc

        for constraint in self.schema.constraints:
            names = [name for name in constraint.needs if name in self.empty]
            for drawn in _donors(tables):
                broken = np.asarray(constraint.broken(table))
                if not names or not broken.any():
                    break
                other = self._with({name: drawn.column(name) for name in names})
                for name in names:
                    place = table.column_names.index(name)
                    table = table.set_column(place, name, pc.if_else(broken, other.column(name), table.column(name)))
        return table

    def cells(self, tables: list[pa.Table], level: float) -> pa.Table:
        """Return a row for each cell that was missing."""
        import pyarrow as pa

        parts = [self._cells(name, tables, level) for name in self.empty]
        types = {"row": pa.int64(), "column": pa.string(), "value": pa.string()}
        types |= dict.fromkeys(("low", "high", "probability"), pa.float64())
        return pa.concat_tables(parts) if parts else pa.schema(types).empty_table()

    def _cells(self, name: str, tables: list[pa.Table], level: float) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        places = np.flatnonzero(self.empty[name])
        among = np.flatnonzero(self.empty[name][self.rows])
        drawn = self._drawn(name, tables)
        nothing = np.full(len(self.rows), np.nan)
        low, high = drawn.interval(level) if isinstance(drawn, DrawnNumbers) else (nothing, nothing)
        chance = nothing if isinstance(drawn, DrawnNumbers) else drawn.probability()
        said = {"low": low, "high": high, "probability": chance}
        return pa.table(
            {
                "row": places,
                "column": [name] * len(places),
                "value": pc.cast(drawn.expected(), pa.string()).take(among),
                **{title: pa.array(values[among], from_pandas=True) for title, values in said.items()},
            }
        )

    def _drawn(self, name: str, tables: list[pa.Table]) -> DrawnNumbers | DrawnLabels:
        cells = [table.column(name) for table in tables]
        if self.schema.kinds[name] != "numeric":
            return DrawnLabels(cells)
        codecs = {column.name: column.codec for column in self.schema.columns}
        return DrawnNumbers(cells, getattr(codecs.get(name), "axis", None))

    def _with(self, values: dict[str, Any]) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        places = np.full(len(self.table), -1)
        places[self.rows] = np.arange(len(self.rows))
        where = pa.array(places, mask=places < 0)
        table = self.table
        for name, cells in values.items():
            place = table.column_names.index(name)
            whole = pc.take(cells, where).cast(table.schema.field(place).type)
            table = table.set_column(place, name, pc.coalesce(table.column(place), whole))
        return table


def _donors(tables: list[pa.Table]) -> Iterator[pa.Table]:
    """Yield the draws of each row, and then those of other rows, for a row none of whose own keeps a constraint."""
    yield from tables
    places = np.arange(len(tables[0]) if tables else 0)
    for shift in range(1, min(len(places), _OTHERS)):
        yield tables[shift % len(tables)].take(np.roll(places, shift))


def _empty(cells: Any) -> Array:
    import pyarrow.compute as pc

    return np.asarray(pc.is_null(cells))
