"""Tables in memory: of pyarrow, pandas or polars, or a mapping of columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vaekit.data.arrow import pa
from vaekit.data.table.arrow_types import canonical_table
from vaekit.data.table.checks import check_columns
from vaekit.data.table.raw import RawTable, ReadOptions

__all__ = ["read_frame"]


def read_frame(frame: Any, options: ReadOptions, source: str = "the table") -> RawTable:
    """Read a table in memory through its own export to Arrow, so that neither pandas nor polars is needed here.

    Args:
        frame: A pyarrow.Table, a frame of pandas or polars or of anything with Arrow's stream, or columns by name.
        options: The marks of missing cells.
        source: The name of the table in errors.

    Raises:
        ValueError: If it has no rows, two columns of one name, columns of different lengths, or one of mixed types.
    """
    notes: tuple[str, ...] = ()
    if isinstance(frame, Mapping):
        table = _of_mapping(frame, source)
    elif type(frame).__module__.partition(".")[0] == "pandas":
        table, notes = _of_pandas(frame, source)
    else:
        table = pa.table(frame)
    check_columns(table.column_names, table.num_rows, source)
    ordered = [field.name for field in table.schema if pa.types.is_dictionary(field.type) and field.type.ordered]
    if ordered:
        notes = (*notes, f"the order of the categories is not kept: {', '.join(ordered[:5])} (schema.yaml can give it)")
    return RawTable(canonical_table(table, options.missing, source), notes)


def _of_mapping(columns: Mapping[Any, Any], source: str) -> Any:
    arrays = {str(name): _array(str(name), column, source) for name, column in columns.items()}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name!r} has {length}" for name, length in list(lengths.items())[:3])
        raise ValueError(f"the columns of {source} must have equally many cells, but {shown}; give one for each row")
    return pa.table(arrays)


def _array(name: str, column: Any, source: str) -> Any:
    if isinstance(column, pa.ChunkedArray | pa.Array):
        return column
    if not isinstance(column, list | tuple):
        column = np.asarray(column)
        if column.ndim != 1:
            raise ValueError(
                f"column {name!r} of {source} must have one axis, but has shape {column.shape}; give one column for each part"
            )
    try:
        return pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise _mixed(name, source, error) from error


def _of_pandas(frame: Any, source: str) -> tuple[Any, tuple[str, ...]]:
    names = [str(name) for name in frame.columns]
    check_columns(names, len(frame), source)
    arrays = {}
    for place, name in enumerate(names):
        try:
            arrays[name] = pa.Array.from_pandas(frame.iloc[:, place])
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise _mixed(name, source, error) from error
    index = frame.index
    counts = type(index).__name__ == "RangeIndex" and index.name is None
    return pa.table(arrays), () if counts else ("the index is left out (reset_index makes it a column)",)


def _mixed(name: str, source: str, error: Exception) -> ValueError:
    return ValueError(
        f"column {name!r} of {source} must hold cells of one type, but mixes them ({str(error).splitlines()[0]});"
        " convert it to numbers or to strings"
    )
