"""Tables as files and as plain rows: what the verbs of tables write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

from vaekit.interfaces.folder import plain

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TABLE_SUFFIXES", "plain_rows", "table_bytes", "with_columns"]

TABLE_SUFFIXES = (".csv", ".parquet", ".arrow")
"""How the names of files end that rows can be written to."""


def table_bytes(table: pa.Table, suffix: str) -> bytes:
    """Return a table as the content of a file.

    Args:
        table: The rows.
        suffix: One of `TABLE_SUFFIXES`.
    """
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    buffer = BytesIO()
    match suffix:
        case ".csv":
            pyarrow.csv.write_csv(table, buffer)
        case ".parquet":
            pyarrow.parquet.write_table(table, buffer)
        case _:
            with pa.ipc.new_file(buffer, table.schema) as writer:
                writer.write_table(table)
    return buffer.getvalue()


def with_columns(lead: Mapping[str, Sequence[Any]], table: pa.Table) -> pa.Table:
    """Return a table with columns in front; one that the table has already gets an underscore."""
    import pyarrow as pa

    for place, (name, values) in enumerate(lead.items()):
        free = name
        while free in table.column_names:
            free += "_"
        table = table.add_column(place, free, pa.array(values))
    return table


def plain_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Return the rows as JSON can hold them: times in ISO format, what is missing null."""
    return [{name: _plain(value) for name, value in row.items()} for row in table.to_pylist()]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else plain(value)
