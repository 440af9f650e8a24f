"""Missing cells of a table: filled by what is expected of them, or by draws, with intervals."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaekit.data import Dataset, TableSchema
from vaekit.data.rows import Array
from vaekit.interfaces.filling import Filling
from vaekit.interfaces.run import Run, Source
from vaekit.interfaces.shown import in_batches
from vaekit.models import evaluating, resample

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Imputation", "impute", "table_schema"]

_BLOCK = 10_000  # rows that are filled together
_SEEDS = 1_000_003  # between those of two blocks
_BATCH = 512  # rows whose latents are looked for together


class _Asked(NamedTuple):
    """The settings of `impute`."""

    draws: int
    proposals: int
    level: float
    seed: int


@dataclass(frozen=True)
class Imputation:
    """A table without missing cells, and what is known of those that were.

    Args:
        table: The rows: observed cells as they are; a missing number by the mean of its draws, a rank by their
            median, a category by the likeliest.
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
    proposals: int = 200,
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
    asked = _Asked(draws, proposals, level, seed)
    data, rows = run.open(source)
    # All draws of a block are in memory at once.
    parts = [_filled(run, schema, data.taken(block), asked, at) for at, block in enumerate(rows.split(_BLOCK))]
    return _joined(parts)


def _filled(run: Run, schema: TableSchema, data: Dataset, asked: _Asked, block: int) -> Imputation:
    """Fill one block of rows."""
    # An identifier or free text, of which the model has nothing to say, stays missing.
    empty = {name: _empty(data.table.column(name)) for name in schema.kinds}
    open_rows = torch.from_numpy(np.flatnonzero(np.any([*empty.values()], axis=0)))
    some = data.taken(open_rows)
    # The draws of a row must not be those of another block's row in its place.
    seed = asked.seed + _SEEDS * block
    made, ess = _drawn(run, schema, run.given(some), max(asked.draws, asked.proposals), asked.proposals, seed)
    tables = [schema.decode(x, seed=seed + i) for i, x in enumerate(made)]
    filled = Filling(
        schema, data.table, {name: found for name, found in empty.items() if found.any()}, open_rows.numpy()
    )
    whole = torch.full((len(data),), torch.nan, dtype=torch.float64)
    whole[open_rows] = ess.double()
    return Imputation(
        filled.by_expectation(tables),
        tuple(filled.by(table, tables) for table in tables[: asked.draws]),
        filled.cells(tables, asked.level),
        whole,
    )


def _joined(parts: Sequence[Imputation]) -> Imputation:
    """Return blocks of rows as one table, whose filled cells count the rows of all of it."""
    if len(parts) == 1:
        return parts[0]
    import pyarrow as pa

    begins = itertools.accumulate((len(part.table) for part in parts[:-1]), initial=0)
    return Imputation(
        pa.concat_tables(part.table for part in parts),
        tuple(pa.concat_tables(draw) for draw in zip(*(part.draws for part in parts), strict=True)),
        pa.concat_tables(_moved(part.cells, begin) for part, begin in zip(parts, begins, strict=True)),
        torch.cat([part.ess for part in parts]),
    )


def _moved(cells: pa.Table, begin: int) -> pa.Table:
    import pyarrow.compute as pc

    return cells.set_column(0, "row", pc.add(cells.column("row"), begin))


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
            drawn = run.model.decode(*found.z, context=tuple(context)).sample()
            whole = torch.where(x.isnan(), drawn, x)
            whole[..., shown] = 0.0  # what is filled is no longer missing
            made.append(whole)
            ess.append(found.ess)
    if not made:
        return torch.empty(count, 0, len(schema.slots)), torch.empty(0)
    return torch.cat(made, 1), torch.cat(ess)


def _empty(cells: Any) -> Array:
    import pyarrow.compute as pc

    return np.asarray(pc.is_null(cells))
