"""New rows with fixed values in some columns, and draws of all the others."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaekit.data import TableSchema
from vaekit.data.table.cells import arrow_type
from vaekit.data.table.numeric import Numeric, Spiked
from vaekit.errors import shortened, suggestion
from vaekit.modalities.table.imputing import completed
from vaekit.modalities.view import Seed
from vaekit.models import LatentVariableModel, conditional_latents, evaluating

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["GivenSample", "sample_given"]

_BATCH = 8192


class GivenSample(NamedTuple):
    """Rows that share the given values.

    Args:
        table: The rows.
        ess: Effective sample size of the pool of latents that they were drawn from. If it is far below the number of
            rows, they repeat few latents, because the given values are rare under the model.
        notes: A sentence about each given number that lies outside those of training.
    """

    table: pa.Table
    ess: float
    notes: tuple[str, ...] = ()


def sample_given(
    model: LatentVariableModel, schema: TableSchema, n: int, given: Mapping[str, Any], seed: Seed
) -> GivenSample:
    r"""Return `n` new rows with given values in some columns: draws from :math:`p(x_{rest} \mid x_{given})`.

    No row is rejected: latents are drawn from a large pool by their weights, see `vaekit.models.resampling`.

    Args:
        model: A model of tables, in evaluation mode.
        schema: The schema of the table.
        n: How many.
        given: Values by column.
        seed: The source of random draws.

    Raises:
        ValueError: A column is unknown or not modelled, or a value has another type or breaks a constraint.
    """
    import pyarrow as pa

    row = _row(schema, given)
    x = schema.encode(row)
    for mask in schema.masks:  # whether a cell that is not given is missing is not given either
        name = schema.slots[mask].name.removesuffix("?")
        if name not in given:
            x[:, mask] = torch.nan
    _check(schema, given, row, x)
    with evaluating(model, seed):
        latents = conditional_latents(model, x, n)
        parts = zip(*(z.flatten(0, 1).split(_BATCH) for z in latents.z), strict=True)
        whole = torch.cat([completed(model.decode(*z), x.expand(len(z[0]), -1)) for z in parts])
    table = schema.decode(whole, seed=seed if isinstance(seed, int) else 0)
    for name in given:  # the exact value, even if it shares a code with other values
        place = table.column_names.index(name)
        table = table.set_column(place, name, pa.repeat(row.column(name)[0], n))
    return GivenSample(table, latents.ess.item(), tuple(_beyond(schema, row, given)))


def _beyond(schema: TableSchema, row: pa.Table, given: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence about each number outside the range of training."""
    for column in (*schema.columns, *schema.known):
        if column.name in given and isinstance(column.codec, Numeric | Spiked):
            axis = column.codec.axis
            low, high = axis.range
            place = float(axis.positions(row.column(column.name))[0])
            if not low <= place <= high:
                ends = axis.cells(np.array([low, high]), column.codec.type).cast("string").to_pylist()
                yield (
                    f"{column.name} = {given[column.name]} lies outside what training had, {ends[0]} to {ends[1]}:"
                    " the other columns are extrapolated"
                )


def _check(schema: TableSchema, given: Mapping[str, Any], row: pa.Table, x: Tensor) -> None:
    """Refuse a value that the model has no code for, or that breaks a constraint."""
    known = {slot.name: place for place, slot in enumerate(schema.slots)}
    for constraint in schema.constraints:
        if constraint.broken(row).any():
            raise ValueError(f"the given values break the constraint {constraint}; give other values")
    for name, value in given.items():
        makes = next((one.makes for one in schema.constraints if name in one.replaces), (name,))
        places = [
            place for made in makes for place in schema.slots_of(made) if value is None or place not in schema.masks
        ]
        places += [known[name]] if name in known else []
        if not x[0, places].isfinite().any():
            raise ValueError(
                f"column {name!r} never had the value {value!r} in training; {_known_values(schema, name)}"
            )


def _row(schema: TableSchema, given: Mapping[str, Any]) -> pa.Table:
    """Return one row with the given values; its other cells are missing."""
    import pyarrow as pa

    types = {source.name: source.type for source in schema.sources}
    for name in given:
        if name not in types:
            hint = suggestion(name, types) or f"; the columns are {', '.join(types)}"
            raise ValueError(f"the model has no column {name!r}{hint}")
        constraint = next((each for each in schema.constraints if name in each.replaces), None)
        if constraint is not None and name not in {column.name for column in schema.known}:
            raise ValueError(
                f"column {name!r} cannot be given by itself, as it is part of the constraint {constraint}; leave it out"
            )
        if constraint is None and not schema.slots_of(name):
            raise ValueError(f"column {name!r} is not modelled, so nothing can depend on it; see vaekit inspect")
    return pa.table({name: _cell(name, given.get(name), kind) for name, kind in types.items()})


def _cell(name: str, value: Any, type_: str) -> pa.Array:
    """Return a column of one value in the type of its column.

    Raises:
        ValueError: The value is none of this type.
    """
    import pyarrow as pa

    try:
        return pa.array([_typed(value, type_) if isinstance(value, str) else value], arrow_type(type_))
    except (ValueError, KeyError, OverflowError, TypeError, pa.ArrowException) as error:
        shown = shortened(repr(value))
        raise ValueError(f"column {name!r} holds {type_}, and {shown} is none; give such a value") from error


def _typed(text: str, type_: str) -> Any:
    """Return what a text stands for in a column of a type."""
    match type_.partition("[")[0]:
        case "int64":
            number = float(text)
            if number != int(number):
                raise ValueError
            return int(number)
        case "float64":
            number = float(text)
            if not math.isfinite(number):
                raise ValueError
            return number
        case "bool":
            return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
        case "timestamp":
            from datetime import datetime

            return datetime.fromisoformat(text)
    return text


def _known_values(schema: TableSchema, name: str) -> str:
    columns = {column.name: column for column in (*schema.columns, *schema.known)}
    known = getattr(columns[name].codec, "labels", ())
    first = f"it had {', '.join(map(str, known[:10]))}{', ...' if len(known) > 10 else ''}"
    return first if known else "give one that it had"
