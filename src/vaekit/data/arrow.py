"""pyarrow and the parts of it that are used, by short names; importing this without the package says how to install it."""

from __future__ import annotations

try:
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv, feather, parquet
except ImportError as error:
    raise ImportError(
        "tables, and texts in tables, need pyarrow; install it with: pip install vaekit[table] or pip install vaekit[text]"
    ) from error

__all__ = ["csv", "feather", "pa", "parquet", "pc"]
