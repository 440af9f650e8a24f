"""The tables of a run made comparable: which of its columns are numbers, and which rows are real."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaekit.data import TableSchema
from vaekit.evaluation.tables.cells import Cells, Kind, comparable

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["as_cells", "compared_columns"]


def compared_columns(schema: TableSchema) -> dict[str, Kind]:
    """Return the columns that a model has something to say of, and how each is compared.

    Identifiers, constants and free text are left out; so are columns that a constraint has joined, where nothing says
    whether they are numbers: those are compared as categories.
    """
    known = {column.name: column for column in schema.columns}
    found: dict[str, Kind] = {}
    for source in schema.sources:
        column = known.get(source.name)
        if column is None:
            found[source.name] = "categorical"
        elif column.slots():
            found[source.name] = "numeric" if column.is_numeric else "categorical"
    return found


def as_cells(schema: TableSchema, *tables: pa.Table) -> tuple[Cells, ...]:
    """Return tables of a schema, with the columns that its model has, as numbers that can be compared."""
    kinds = compared_columns(schema)
    return comparable(*tables, kinds=kinds)
