"""Imputation: missing cells of a table, filled by expected values or by draws, with intervals."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from vaekit.data import Dataset, TableSchema, sequential, unpacked
from vaekit.distributions import Columns
from vaekit.modalities.table.filling import Filling
from vaekit.modalities.table.stacking import StackedVAE
from vaekit.modalities.view import Imputing
from vaekit.models import LatentVariableModel, evaluating, resample

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Imputation", "completed", "impute"]

_BLOCK = 10_000  # rows that are filled together
_SEEDS = 1_000_003  # distance between the seeds of two blocks
_BATCH = 512  # rows whose latents are drawn together


@dataclass(frozen=True)
class Imputation:
    """A table whose missing cells are filled, and how certain these are.

    Args:
        table: The rows. Observed cells are unchanged; a missing number is the mean of its draws, a rank their median, a
            category the likeliest one.
        draws: Whole tables, each with one draw of all missing cells.
        cells: A row for each cell that was missing: its row, column and value; `low` and `high` of a number (of a time in
            seconds since 1970); the `probability` of a category.
        ess: Effective sample size of the draws for each row, `(N,)`; NaN for rows without a missing cell.
    """

    table: pa.Table
    draws: tuple[pa.Table, ...]
    cells: pa.Table
    ess: Tensor
    broken: Mapping[str, int] = field(default_factory=dict)
    """Of each rule that all training rows keep, how many filled rows break it."""


def impute(model: LatentVariableModel, schema: TableSchema, data: Dataset, how: Imputing) -> Imputation:
    r"""Fill the missing cells of a table by :math:`p(x_{missing} \mid x_{observed})`.

    Latents are drawn by importance resampling, and the missing cells from p(x | z) of each. So the draws follow the model's
    conditional distribution, and show how uncertain a cell is.

    References:
        Mattei and Frellsen, 2019, "MIWAE: deep generative modelling and imputation of incomplete data sets"; Rubin, 1987,
        "Multiple imputation for nonresponse in surveys".

    Args:
        model: A model of tables, in evaluation mode.
        schema: The schema of the table.
        data: The table.
        how: The settings.

    Raises:
        ValueError: A setting is out of range.
    """
    if how.proposals < 2 or how.draws < 0 or not 0 < how.level < 1:
        raise ValueError(
            "proposals must be 2 at least, draws 0 at least and level between 0 and 1, "
            f"got {how.proposals}, {how.draws} and {how.level}"
        )
    import pyarrow as pa

    # All draws of a block are in memory at once.
    blocks = torch.arange(len(data)).split(_BLOCK)
    found = _concatenated([_imputed(model, schema, data.taken(rows), how, at) for at, rows in enumerate(blocks)])
    filled = found.table.filter(pa.array(~found.ess.isnan().numpy()))
    return replace(found, broken={str(rule): int(rule.broken(filled).sum()) for rule in schema.rules})


def _imputed(model: LatentVariableModel, schema: TableSchema, data: Dataset, how: Imputing, block: int) -> Imputation:
    """Fill one block of rows."""
    # Identifiers and free text, which are not modelled, stay missing.
    empty = {name: np.asarray(data.table.column(name).is_null()) for name in schema.kinds}
    open_rows = torch.from_numpy(np.flatnonzero(np.any([*empty.values()], axis=0)))
    some = data.taken(open_rows)
    # Rows at the same place in two blocks must get different draws.
    seed = how.seed + _SEEDS * block if isinstance(how.seed, int) else how.seed
    with evaluating(model, seed):
        made, ess = _drawn(model, schema, some, how)
    first = seed if isinstance(seed, int) else 0
    tables = [schema.decode(x, seed=first + i) for i, x in enumerate(made)]
    incomplete = {name: cells for name, cells in empty.items() if cells.any()}
    filled = Filling(schema, data.table, incomplete, open_rows.numpy())
    whole = torch.full((len(data),), torch.nan, dtype=torch.float64)
    whole[open_rows] = ess.double()
    expected = filled.by_expectation(tables)
    return Imputation(
        expected,
        tuple(filled.by(table, tables) for table in tables[: how.draws]),
        filled.cells(expected, tables, how.level),
        whole,
    )


def _concatenated(parts: Sequence[Imputation]) -> Imputation:
    """Return blocks of rows as one table; the rows of filled cells are counted from its beginning."""
    if len(parts) == 1:
        return parts[0]
    import pyarrow as pa
    import pyarrow.compute as pc

    begins = itertools.accumulate((len(part.table) for part in parts[:-1]), initial=0)
    cells = [
        part.cells.set_column(0, "row", pc.add(part.cells.column("row"), begin))
        for part, begin in zip(parts, begins, strict=True)
    ]
    return Imputation(
        pa.concat_tables(part.table for part in parts),
        tuple(pa.concat_tables(draw) for draw in zip(*(part.draws for part in parts), strict=True)),
        pa.concat_tables(cells),
        torch.cat([part.ess for part in parts]),
    )


def _drawn(model: LatentVariableModel, schema: TableSchema, data: Dataset, how: Imputing) -> tuple[Tensor, Tensor]:
    """Return complete rows `(draws, N, D)`, and the effective sample size of each row."""
    count = max(how.draws, how.proposals)
    made, ess = [], []
    for batch in sequential(data.stored, torch.arange(len(data)), _BATCH):
        stored, context = unpacked(batch)
        x = stored.float()
        latents = resample(model, x, *context, proposals=how.proposals, draws=count)
        whole = completed(model.decode(*latents.z, context=context), x)
        if isinstance(model, StackedVAE):
            whole = torch.where(x.isfinite(), x, model.stacking.mixed(x, whole))
        whole[..., list(schema.masks)] = 0.0  # a filled cell is no longer missing
        made.append(whole)
        ess.append(latents.ess)
    if not made:
        return torch.empty(count, 0, len(schema.slots)), torch.empty(0)
    return torch.cat(made, 1), torch.cat(ess)


def completed(likelihood: Distribution, x: Tensor) -> Tensor:
    """Return draws `(*S, B, D)` of the missing cells of rows `(B, D)`, given the observed ones."""
    return likelihood.completed(x) if isinstance(likelihood, Columns) else x.where(~x.isnan(), likelihood.sample())
