"""Tables in Parquet, Arrow and Feather, whose columns have types already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vaekit.data.arrow import damage_explained, feather, pa, parquet
from vaekit.data.table.arrow_types import canonical_table, check_types
from vaekit.data.table.checks import check_columns
from vaekit.data.table.raw import ReadOptions

__all__ = ["read_typed"]


def read_typed(path: Path, options: ReadOptions) -> Any:
    """Read a .parquet, .arrow or .feather file as a pyarrow.Table of canonical types.

    Raises:
        ValueError: If the file is damaged, has no rows, two columns of one name, or a column without a counterpart.
    """
    with damage_explained(path):
        table = _read(path)
    check_columns(table.column_names, table.num_rows, path.name)
    return canonical_table(table, options.missing, path.name)


def _read(path: Path) -> Any:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        with parquet.ParquetFile(path) as file:
            check_types(file.schema_arrow, path.name)
            return file.read()
    if suffix == ".feather":
        return feather.read_table(path)
    with pa.OSFile(str(path)) as file:
        try:
            return pa.ipc.open_file(file).read_all()
        except pa.ArrowInvalid:  # the form for streams has neither head nor foot
            file.seek(0)
            return pa.ipc.open_stream(file).read_all()
