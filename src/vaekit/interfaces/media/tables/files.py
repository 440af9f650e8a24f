"""Tables as files and as plain rows: what the verbs of tables write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaekit.data.table import Column
from vaekit.interfaces.media.column_files import check_suffix
from vaekit.trained.files import plain
from vaekit.training.checkpoint import write_atomically

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TABLE_SUFFIXES", "described", "plain_rows", "with_columns", "write_table"]

TABLE_SUFFIXES = (".csv", ".parquet", ".arrow")
"""How the names of files end that rows can be written to."""


def write_table(table: pa.Table, out: Path) -> None:
    """Write a table to a file by its suffix.

    Raises:
        ValueError: The suffix is none of `TABLE_SUFFIXES`.
    """
    write_atomically(check_suffix(out, TABLE_SUFFIXES), _content(table, out.suffix.lower()))


def _content(table: pa.Table, suffix: str) -> bytes:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    buffer = BytesIO()
    match suffix:
        case ".csv":
            pyarrow.csv.write_csv(_plain_types(table), buffer)
        case ".parquet":
            pyarrow.parquet.write_table(table, buffer)
        case _:
            with pa.ipc.new_file(buffer, table.schema) as writer:
                writer.write_table(table)
    return buffer.getvalue()


def _plain_types(table: pa.Table) -> pa.Table:
    """Return a table without types that no delimited file has: categories become what they stand for."""
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(field.type.value_type))
    return table


def with_columns(lead: Mapping[str, Sequence[Any]], table: pa.Table) -> pa.Table:
    """Return a table with columns in front; one that the table has already gets an underscore."""
    import pyarrow as pa

    for place, (name, values) in enumerate(lead.items()):
        free = name
        while free in table.column_names:
            free += "_"
        table = table.add_column(place, free, pa.array(values))
    return table


def described(column: Column) -> tuple[str, ...]:
    """Return name, kind, codec and share of missing cells of a column, and why it is read so."""
    share = f"{column.missing:.1%}" if column.missing else "-"
    return column.name, column.kind, column.codec_name, share, column.reason


def plain_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Return the rows as JSON can hold them: times in ISO format, what is missing null."""
    return [{name: _plain(value) for name, value in row.items()} for row in table.to_pylist()]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else plain(value)
