"""Missing cells of a table: filled by what is expected of them, or by draws, with intervals."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from vaekit.data import Dataset, TableSchema, sequential, unpacked
from vaekit.data.rows import Array
from vaekit.modalities.table.filling import Filling
from vaekit.modalities.view import Imputing
from vaekit.models import LatentVariableModel, evaluating, resample

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Imputation", "impute"]

_BLOCK = 10_000  # rows that are filled together
_SEEDS = 1_000_003  # between those of two blocks
_BATCH = 512  # rows whose latents are looked for together


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


def impute(model: LatentVariableModel, schema: TableSchema, data: Dataset, how: Imputing) -> Imputation:
    r"""Fill the missing cells of a table by :math:`p(x_{missing} \mid x_{observed})`.

    Latents are drawn by importance resampling, and the missing cells from p(x | z) of each: so the draws follow the model's
    conditional distribution, with all that is uncertain about a row.

    References:
        Mattei and Frellsen, 2019, "MIWAE: deep generative modelling and imputation of incomplete data sets"; Rubin, 1987,
        "Multiple imputation for nonresponse in surveys".

    Args:
        model: A model of tables, in evaluation mode.
        schema: What the columns are.
        data: The table.
        how: How its cells are filled.

    Raises:
        ValueError: A setting is out of range.
    """
    if how.proposals < 2 or how.draws < 0 or not 0 < how.level < 1:
        raise ValueError(
            "proposals must be 2 at least, draws 0 at least and level between 0 and 1, "
            f"got {how.proposals}, {how.draws} and {how.level}"
        )
    # All draws of a block are in memory at once.
    blocks = torch.arange(len(data)).split(_BLOCK)
    return _joined([_filled(model, schema, data.taken(rows), how, at) for at, rows in enumerate(blocks)])


def _filled(model: LatentVariableModel, schema: TableSchema, data: Dataset, how: Imputing, block: int) -> Imputation:
    """Fill one block of rows."""
    # An identifier or free text, of which the model has nothing to say, stays missing.
    empty = {name: _empty(data.table.column(name)) for name in schema.kinds}
    open_rows = torch.from_numpy(np.flatnonzero(np.any([*empty.values()], axis=0)))
    some = data.taken(open_rows)
    # The draws of a row must not be those of another block's row in its place.
    seed = how.seed + _SEEDS * block if isinstance(how.seed, int) else how.seed
    with evaluating(model, seed):
        made, ess = _drawn(model, schema, some, how)
    first = seed if isinstance(seed, int) else 0
    tables = [schema.decode(x, seed=first + i) for i, x in enumerate(made)]
    filled = Filling(
        schema, data.table, {name: found for name, found in empty.items() if found.any()}, open_rows.numpy()
    )
    whole = torch.full((len(data),), torch.nan, dtype=torch.float64)
    whole[open_rows] = ess.double()
    return Imputation(
        filled.by_expectation(tables),
        tuple(filled.by(table, tables) for table in tables[: how.draws]),
        filled.cells(tables, how.level),
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


def _drawn(model: LatentVariableModel, schema: TableSchema, data: Dataset, how: Imputing) -> tuple[Tensor, Tensor]:
    """Return complete rows `(draws, N, D)`, and the effective sample size of each row."""
    count = max(how.draws, how.proposals)
    made, ess = [], []
    for batch in sequential(data.stored, torch.arange(len(data)), _BATCH):
        stored, context = unpacked(batch)
        x = stored.float()
        found = resample(model, x, *context, proposals=how.proposals, draws=count)
        drawn = model.decode(*found.z, context=context).sample()
        whole = torch.where(x.isnan(), drawn, x)
        whole[..., list(schema.masks)] = 0.0  # what is filled is no longer missing
        made.append(whole)
        ess.append(found.ess)
    if not made:
        return torch.empty(count, 0, len(schema.slots)), torch.empty(0)
    return torch.cat(made, 1), torch.cat(ess)


def _empty(cells: Any) -> Array:
    import pyarrow.compute as pc

    return np.asarray(pc.is_null(cells))
