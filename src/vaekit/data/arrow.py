"""pyarrow and the parts of it that are used, by short names; each is imported at its first use.

So a module that may never meet a table can name them. Without the package, the first use says how to install it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from vaekit.data.foreign import refuse_inflation

__all__ = ["csv", "damage_explained", "feather", "opened_parquet", "pa", "parquet", "pc"]


class _Lazy:
    """A module that is imported when an attribute of it is first wanted."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        try:
            return getattr(import_module(self._name), attribute)
        except ImportError as error:
            raise ImportError(
                "tables, and texts in tables, need pyarrow; install it with: pip install vaekit[table] or"
                " pip install vaekit[text]"
            ) from error


@contextmanager
def damage_explained(path: Path) -> Iterator[None]:
    """Turn what pyarrow says about a damaged file of columns into a sentence.

    Raises:
        ValueError: If the file is damaged.
    """
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(
            f"{path.name} must be a {path.suffix[1:].lower()} table, but cannot be read ({reason}); save it again"
        ) from error


@contextmanager
def opened_parquet(path: Path) -> Iterator[Any]:
    """Open a .parquet file, whose rows may repeat one value without an end: their number is looked at first.

    Raises:
        ValueError: Its cells would take far more memory than the file is large.
    """
    with parquet.ParquetFile(path) as file:
        cells = file.metadata.num_rows * file.metadata.num_columns
        refuse_inflation(path, 8 * cells, path.stat().st_size)
        yield file


pa: Any = _Lazy("pyarrow")
pc: Any = _Lazy("pyarrow.compute")
csv: Any = _Lazy("pyarrow.csv")
feather: Any = _Lazy("pyarrow.feather")
parquet: Any = _Lazy("pyarrow.parquet")
