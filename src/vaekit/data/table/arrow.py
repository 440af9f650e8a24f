"""pyarrow and what of it tables need, by short names; importing this needs the package, and says so where it is missing."""

from __future__ import annotations

try:
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv, feather, parquet
except ImportError as error:
    raise ImportError("a table needs pyarrow; install it with: pip install vaekit[table]") from error

__all__ = ["csv", "feather", "pa", "parquet", "pc"]
