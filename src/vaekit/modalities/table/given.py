"""Rows of which a part is given: what is typed or passed for some columns, and draws of all the others."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from vaekit.data import TableSchema
from vaekit.data.table.cells import arrow_type
from vaekit.modalities.view import Seed
from vaekit.models import LatentVariableModel, conditional_latents, evaluating

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["GivenSample", "sample_given"]

_BATCH = 8192


class GivenSample(NamedTuple):
    """Rows that share what was given.

    Args:
        table: The rows.
        ess: Effective sample size of the pool of latents that they were drawn from: far below the number of rows, they
            repeat few latents, because the model holds what was given for rare.
    """

    table: pa.Table
    ess: float


def sample_given(
    model: LatentVariableModel, schema: TableSchema, n: int, given: Mapping[str, Any], seed: Seed
) -> GivenSample:
    r"""Return `n` new rows in which some columns are given: draws from :math:`p(x_{rest} \mid x_{given})`.

    No row is thrown away: latents are drawn once from a large pool by their weights, see `vaekit.models.resampling`.

    Args:
        model: A model of tables, in evaluation mode.
        schema: What the columns are.
        n: How many.
        given: Values by column.
        seed: Where draws come from.

    Raises:
        ValueError: A column is unknown or not modelled, a value is none of its kind, or it breaks a constraint.
    """
    row = _row(schema, given)
    x = schema.encode(row)
    known = [place for name in given for place in schema.slots_of(name)]
    unknown = [place for place in range(x.shape[1]) if place not in known]
    x[:, unknown] = torch.nan
    _check(schema, given, row, x)
    with evaluating(model, seed):
        found = conditional_latents(model, x, n)
        parts = zip(*(z.flatten(0, 1).split(_BATCH) for z in found.z), strict=True)
        made = torch.cat([model.decode(*z).sample() for z in parts])
    table = schema.decode(torch.where(x.isnan(), made, x), seed=seed if isinstance(seed, int) else 0)
    for name in given:  # to the letter, also where a code stands for several values
        place = table.column_names.index(name)
        table = table.set_column(place, name, _repeated(row.column(name), n))
    return GivenSample(table, found.ess.item())


def _check(schema: TableSchema, given: Mapping[str, Any], row: pa.Table, x: Tensor) -> None:
    """Refuse a value that the model has no code for, or that no row may have."""
    for name, value in given.items():
        places = [place for place in schema.slots_of(name) if value is None or place not in schema.masks]
        if x[0, places].isnan().all():
            raise ValueError(f"column {name!r} never had the value {value!r} in training; {_seen(schema, name)}")
    for constraint in schema.constraints:
        if constraint.broken(row).any():
            raise ValueError(f"what is given breaks the constraint {constraint}; give other values")


def _row(schema: TableSchema, given: Mapping[str, Any]) -> pa.Table:
    """Return one row of canonical types with what is given."""
    import pyarrow as pa

    types = {source.name: source.type for source in schema.sources}
    for name in given:
        if name not in types:
            near = difflib.get_close_matches(name, types, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; the columns are {', '.join(types)}"
            raise ValueError(f"the model has no column {name!r}{hint}")
        joined = next((one for one in schema.constraints if name in one.replaces), None)
        if joined is not None:
            raise ValueError(
                f"column {name!r} cannot be given by itself, as it stands in the constraint {joined}; leave it out"
            )
        if not schema.slots_of(name):
            raise ValueError(f"column {name!r} is not modelled, so nothing can depend on it; see vaekit inspect")
    return pa.table(
        {name: pa.array([_cell(name, given.get(name), kind)], arrow_type(kind)) for name, kind in types.items()}
    )


def _cell(name: str, value: Any, type_: str) -> Any:
    """Return a value as the column has it.

    Raises:
        ValueError: It is no such value.
    """
    if value is None or not isinstance(value, str):
        return value
    try:
        match type_.partition("[")[0]:
            case "int64":
                number = float(value)
                if number != int(number):
                    raise ValueError
                return int(number)
            case "float64":
                number = float(value)
                if not math.isfinite(number):
                    raise ValueError
                return number
            case "bool":
                return {"true": True, "false": False, "1": True, "0": False}[value.lower()]
            case "timestamp":
                from datetime import datetime

                return datetime.fromisoformat(value)
    except (ValueError, KeyError, OverflowError) as error:
        raise ValueError(f"column {name!r} holds {type_}, and {value!r} is none; give such a value") from error
    return value


def _seen(schema: TableSchema, name: str) -> str:
    known = getattr(schema.column(name).codec, "labels", ())
    return (
        f"it had {', '.join(map(str, known[:10]))}{', ...' if len(known) > 10 else ''}"
        if known
        else "give one that it had"
    )


def _repeated(cell: Any, n: int) -> Any:
    import pyarrow as pa

    return pa.repeat(cell[0], n)
