"""The tables of a run made comparable: the columns that its model has something to say of, as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaekit.data import TableSchema
from vaekit.evaluation.tables.cells import Cells, comparable

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["as_cells"]


def as_cells(schema: TableSchema, *tables: pa.Table) -> tuple[Cells, ...]:
    """Return tables of a schema as numbers that can be compared; identifiers, constants and free text are left out."""
    return comparable(*tables, kinds=schema.kinds)
