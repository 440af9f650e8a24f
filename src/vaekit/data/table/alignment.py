"""A new table brought to the columns that a model knows: their names, their order and their types."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress

from pydantic import Field

from vaekit.data.arrow import pa, pc
from vaekit.data.table.cells import Cells, Table, arrow_type, type_name
from vaekit.value import Value

__all__ = ["Source", "aligned"]


class Source(Value):
    """A column of the file."""

    name: str
    """Its name."""
    type: str
    """The type of its cells: int64, float64, string, bool, timestamp[unit] or timestamp[unit, zone]."""
    came: str = ""
    """The type of its cells as they came, as Arrow names it; empty if it is the same."""
    categories: tuple[str | int | float, ...] = Field(default=(), repr=False)
    """The categories, where the type is `dictionary`, in their order."""
    ordered: bool = False
    """Whether the order of the categories has a meaning."""


def aligned(table: Table, sources: Sequence[Source], known: Collection[str]) -> tuple[Table, tuple[str, ...]]:
    """Return a table with the columns of `sources`, and sentences about columns that were left out.

    Args:
        table: A table of canonical types.
        sources: The columns wanted.
        known: The names of columns that are left out without a note.

    Raises:
        ValueError: If a column is not there, or its cells are of another type; the sentence names it.
    """
    columns = {}
    for source in sources:
        if source.name not in table.column_names:
            raise ValueError(
                f"the table must have the column {source.name!r}, but has only {_listed(table.column_names)};"
                " add it, empty where it is not known"
            )
        columns[source.name] = _cast(table.column(source.name), source)
    extra = (name for name in table.column_names if name not in columns and name not in known)
    return pa.table(columns), tuple(f"column {name!r} is not one of the model's and is ignored" for name in extra)


def _cast(cells: Cells, source: Source) -> Cells:
    found, wanted = type_name(cells), source.type
    if found == wanted:
        return cells
    if cells.null_count == len(cells):
        return pa.nulls(len(cells), arrow_type(wanted))
    # Both are points in time, and both or neither know their zone.
    both_times = (
        found.startswith("timestamp[") and wanted.startswith("timestamp[") and (", " in found) == (", " in wanted)
    )
    if {found, wanted} == {"int64", "float64"} or wanted == "string" or both_times:
        # A number with decimals is no integer, and a time finer than the unit is none of the model's.
        with suppress(pa.ArrowInvalid):
            return cells.cast(arrow_type(wanted))
    raise ValueError(
        f"column {source.name!r} must hold {wanted}, as in training, but holds {found}, such as"
        f" {_example(cells, wanted)!r}; mend its cells, or leave them empty"
    )


def _example(cells: Cells, wanted: str) -> str:
    """Return a cell that is not as wanted."""
    cells = cells.drop_null()
    if type_name(cells) == "float64" and wanted == "int64":
        cells = cells.filter(pc.not_equal(cells, pc.round(cells)))
    elif type_name(cells) == "string" and wanted in ("int64", "float64"):
        cells = cells.filter(pc.invert(pc.match_substring_regex(cells, r"^\s*[-+]?[\d.,]+\s*$")))
    return (cells.slice(0, 1).cast("string").to_pylist() or [""])[0]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
