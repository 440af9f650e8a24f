"""The cells of a column between Arrow and numpy: the only place that names the types of a table.

A table holds int64, float64, string, bool and timestamp[unit] or timestamp[unit, zone], and nothing else; a missing cell is null.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from vaekit.data.arrow import pa, pc

__all__ = [
    "Cells", "Label", "Mask", "Numbers", "Table", "arrow_type", "cells_of_labels", "codes_of_cells", "integer_cells",
    "integers", "is_null", "label_cells", "labels_of", "number_cells", "numbers", "one_zero", "strangers",
    "type_name",
]  # fmt: skip

Table: TypeAlias = Any
"""A pyarrow.Table of canonical types."""

Cells: TypeAlias = Any
"""A pyarrow.Array or pyarrow.ChunkedArray of N cells of a canonical type."""

Numbers: TypeAlias = npt.NDArray[np.float64]
"""Numbers in double precision; NaN is a missing cell."""

Mask: TypeAlias = npt.NDArray[np.bool_]
"""True or false for each of N cells."""

Label: TypeAlias = bool | int | float | str
"""The value of a cell, as Python and JSON have it; a point in time is an integer in the column's unit."""


def type_name(cells: Cells) -> str:
    """Return the name of the type of `cells`: int64, float64, string, bool, timestamp[unit] or timestamp[unit, zone]."""
    found = str(cells.type)
    return "float64" if found == "double" else found.replace(", tz=", ", ")


def arrow_type(name: str) -> Any:
    """Return the type of Arrow that `type_name` calls `name`."""
    if not name.startswith("timestamp["):
        made = getattr(pa, {"bool": "bool_"}.get(name, name), None)
        if made is None:
            raise ValueError(
                f"{name!r} is no type of cells; the schema of the table is damaged, give an undamaged copy"
            )
        return made()
    unit, _, zone = name[len("timestamp[") : -1].partition(", ")
    return pa.timestamp(unit, zone or None)


def is_null(cells: Cells) -> Mask:
    """Return which cells are missing, shape (N,)."""
    return np.asarray(cells.is_null())


def numbers(cells: Cells) -> Numbers:
    """Return the cells of a column of numbers or points in time, shape (N,), NaN for a missing cell."""
    if type_name(cells).startswith("timestamp"):
        cells = cells.cast("int64")
    return np.asarray(cells.cast("float64"), dtype=np.float64)


def integers(cells: Cells) -> npt.NDArray[np.int64]:
    """Return the cells of a column of integers or points in time, shape (N,), 0 for a missing cell."""
    return np.asarray(cells.cast("int64").fill_null(0), dtype=np.int64)


def integer_cells(values: npt.NDArray[np.int64], missing: Mask, name: str) -> Cells:
    """Return integers, shape (N,), as cells of the type called `name`: int64 or points in time."""
    return pa.array(values, mask=missing, type=arrow_type(name))


def number_cells(values: Numbers) -> Cells:
    """Return numbers, shape (N,), as cells; NaN is missing."""
    return pa.array(values, mask=np.isnan(values))


def one_zero(cells: Cells) -> Cells:
    """Return cells in which 0.0 and -0.0, which Arrow distinguishes, are the same."""
    return pc.add(cells, 0.0) if type_name(cells) == "float64" else cells


def label_cells(labels: Sequence[Label | None], name: str) -> Cells:
    """Return labels as cells of the type called `name`, in their order."""
    return pa.array(labels, type=arrow_type(name))


def labels_of(cells: Cells) -> list[Any]:
    """Return the values of cells, in order and without the missing ones, as Python and JSON have them."""
    cells = cells.drop_null()
    return (cells.cast("int64") if type_name(cells).startswith("timestamp") else cells).to_pylist()


def codes_of_cells(cells: Cells, labels: Sequence[Label], name: str) -> Numbers:
    """Return the place of each cell among `labels`, shape (N,), NaN if the cell is missing or not among them."""
    return numbers(pc.index_in(one_zero(cells), value_set=label_cells(labels, name)))


def cells_of_labels(codes: Numbers, labels: Sequence[Label], name: str) -> Cells:
    """Return the labels that have the codes, shape (N,), as cells of the type called `name`; NaN is missing."""
    missing = np.isnan(codes)
    places = np.clip(np.nan_to_num(codes), 0, len(labels) - 1).round().astype(np.int64)
    return label_cells(labels, name).take(pa.array(places, mask=missing))


def strangers(cells: Cells, labels: Sequence[Label | None], name: str) -> tuple[str, ...]:
    """Return up to three of the values in `cells` that are not among `labels`, as strings."""
    distinct = pc.unique(one_zero(cells)).drop_null()
    strange = distinct.filter(pc.invert(pc.is_in(distinct, value_set=label_cells(labels, name))))
    return tuple(strange.slice(0, 3).cast("string").to_pylist())
