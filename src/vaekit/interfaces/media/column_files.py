"""Named columns in a file: .npz, .parquet or .csv by its suffix."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from torch import Tensor

from vaekit.training.checkpoint import write_atomically

__all__ = ["check_suffix", "write_columns"]

Column: TypeAlias = Tensor | Sequence[str] | np.ndarray[Any, Any]


def check_suffix(path: Path, suffixes: Iterable[str] = (".npz", ".parquet", ".csv")) -> Path:
    """Return a path that a file of one of these kinds can be written to, before any work is done for it.

    Raises:
        ValueError: The suffix is none of these.
        IsADirectoryError: There is a folder.
        OSError: Its folder cannot be made.
    """
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"--out must end in {', '.join(suffixes)}, got {path.name!r}")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give a file as --out")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def write_columns(path: Path, columns: Mapping[str, Column]) -> None:
    """Write columns of equal length; a matrix stays one in .npz and becomes `name_0`, `name_1`, ... elsewhere.

    Raises:
        ValueError: The suffix is none of these.
        ImportError: The suffix is .parquet and pyarrow is not installed.
    """
    writers = {".npz": _npz, ".parquet": _parquet, ".csv": _csv}
    writer = writers[check_suffix(path, writers).suffix.lower()]
    write_atomically(path, writer({name: _array(column) for name, column in columns.items()}))


def _array(column: Column) -> np.ndarray[Any, Any]:
    return column.detach().cpu().numpy() if isinstance(column, Tensor) else np.array(column)


def _npz(columns: dict[str, np.ndarray[Any, Any]]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **columns)
    return buffer.getvalue()


def _parquet(columns: dict[str, np.ndarray[Any, Any]]) -> bytes:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError("a .parquet file needs pyarrow: pip install 'vaekit[parquet]', or write .npz") from error
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({k: list(v) for k, v in _narrow(columns).items()}), buffer)
    return buffer.getvalue()


def _csv(columns: dict[str, np.ndarray[Any, Any]]) -> bytes:
    narrow = _narrow(columns)
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(narrow)
    writer.writerows(zip(*(column.tolist() for column in narrow.values()), strict=True))
    return buffer.getvalue().encode()


def _narrow(columns: dict[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    """Return one-dimensional columns only."""
    narrow = {}
    for name, column in columns.items():
        if column.ndim == 1:
            narrow[name] = column
        else:
            narrow |= {f"{name}_{i}": part for i, part in enumerate(column.reshape(len(column), -1).T)}
    return narrow
