"""The doors to raw tables: files, folders, names and frames, each column in one of a few types."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vaekit.data.arrow import pa
from vaekit.data.dataset import TEST, TRAIN
from vaekit.data.files import existing_path, find_parts
from vaekit.data.table.arrow_types import canonical_table
from vaekit.data.table.bundled import BUNDLED, bundled_name, raw_from_sklearn
from vaekit.data.table.peek import is_frame
from vaekit.data.table.raw import SUFFIXES, RawTable, ReadOptions, check_columns
from vaekit.data.table.read_parts import read_parts

__all__ = ["frame_to_raw", "read_raw"]

SOURCE = "the table"
"""What a table in memory is called in errors."""


def read_raw(source: str | Path, options: ReadOptions | None = None) -> RawTable:
    """Read a table from a file, a folder, or by its name.

    Args:
        source: A .csv or .tsv (.gz of them too), .parquet, .arrow or .feather; a folder of such files with train, test or
            validation in their names; or one of breast-cancer, diabetes and wine.
        options: How it is read.

    Returns:
        Its columns, each int64, float64, string, bool or timestamp, and notes about the files.

    Raises:
        FileNotFoundError: If there is no such file, folder or name.
        ImportError: If pyarrow is missing.
        ValueError: If it is no table, or its columns do not fit; the sentence names the column or the line.
    """
    options = options or ReadOptions()
    if isinstance(source, str) and bundled_name(source) and options.test is None:
        return raw_from_sklearn(source)
    path = _existing(source)
    files = _parts_of_folder(path) if path.is_dir() else {path: TRAIN}
    if options.test is not None:
        test = _existing(options.test)
        if any(part == TRAIN and file.resolve() == test.resolve() for file, part in files.items()):
            raise ValueError(
                f"test must be a file of other rows, but {test.name} holds those to train on; leave it out, and a part is held out"
            )
        files = {**{file: part for file, part in files.items() if part != TEST}, test: TEST}
    for file in files:
        if not file.name.lower().endswith(SUFFIXES):
            raise ValueError(
                f"a table must end in {', '.join(SUFFIXES)}, but {file.name} came; save it as one of these"
            )
    table, lengths, notes = read_parts(list(files), options)
    parts = np.repeat(np.array([*files.values()], dtype=np.int8), lengths)
    return RawTable(table, notes, parts if parts.any() else None)


def _existing(source: str | Path) -> Path:
    return existing_path(source, f"a table needs a file, a folder, or one of {', '.join(BUNDLED)}", BUNDLED)


def _parts_of_folder(root: Path) -> dict[Path, int]:
    parts = find_parts(root, SUFFIXES)
    if TRAIN not in parts.values():
        found = ", ".join(path.name for path in sorted(root.iterdir())[:3]) or "nothing"
        raise ValueError(
            f"a folder of a table needs a file with train in its name, but {root.name} holds {found}; give the file itself"
        )
    return parts


def frame_to_raw(frame: Any) -> RawTable:
    """Read a table in memory through its own export to Arrow, so that neither pandas nor polars is needed here.

    Args:
        frame: A pyarrow.Table, a frame of pandas or polars or of anything with Arrow's stream, or a mapping of columns
            (lists or arrays) by name.

    Raises:
        ImportError: If pyarrow is missing.
        ValueError: If it has no rows, two columns of one name, columns of different lengths, or a column that does not fit;
            it is named.

    >>> frame_to_raw({"age": [39, None], "sex": ["f", "m"]}).table.column("age").to_pylist()
    [39, None]
    """
    index = None
    notes: tuple[str, ...] = ()
    if not isinstance(frame, Mapping) and not is_frame(frame):
        raise TypeError(
            f"a table is a frame of pyarrow, pandas or polars, or a mapping of columns, but {type(frame).__name__} came"
        )
    if isinstance(frame, Mapping):
        table = _of_mapping(frame)
    elif type(frame).__module__.partition(".")[0] == "pandas":
        table, index = _of_pandas(frame)
    else:
        table = pa.table(frame)
    _validate(table)
    check_columns(table.column_names, table.num_rows, SOURCE)
    ordered = [field.name for field in table.schema if pa.types.is_dictionary(field.type) and field.type.ordered]
    if ordered:
        notes = (
            f"the model does not use the order of the categories of {', '.join(ordered[:5])} (schema.yaml can give it)",
        )
    return RawTable(canonical_table(table, (), SOURCE), notes, index=index)


def _validate(table: Any) -> None:
    """Refuse a table whose buffers contradict themselves: another library made them, and Arrow trusts them."""
    try:
        table.validate(full=True)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{SOURCE} is damaged ({str(error).splitlines()[0]}); make it again") from error


def _of_mapping(columns: Mapping[Any, Any]) -> Any:
    arrays = {str(name): _array(str(name), _checked(str(name), column)) for name, column in columns.items()}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name!r} has {length}" for name, length in list(lengths.items())[:3])
        raise ValueError(f"the columns of {SOURCE} must have equally many cells, but {shown}; give one for each row")
    return pa.table(arrays)


def _checked(name: str, column: Any) -> Any:
    """Return a column as a list or as something with one axis."""
    if isinstance(column, pa.ChunkedArray | pa.Array | list | tuple):
        return column
    array = np.asarray(column)
    if array.ndim != 1:
        raise ValueError(
            f"column {name!r} of {SOURCE} must have one axis, but has shape {array.shape}; give one column for each part"
        )
    return array


def _of_pandas(frame: Any) -> tuple[Any, Any]:
    """Return the columns of a frame and those of its index; None if that only counts."""
    names = [str(name) for name in frame.columns]
    check_columns(names, len(frame), SOURCE)
    arrays = {name: _array(name, frame.iloc[:, place]) for place, name in enumerate(names)}
    index = frame.index
    if type(index).__name__ == "RangeIndex" and index.name is None and (index.start, index.step) == (0, 1):
        return pa.table(arrays), None
    levels = [index.get_level_values(place) for place in range(index.nlevels)]
    columns = [_array(str(name), level) for name, level in zip(index.names, levels, strict=True)]
    return pa.table(arrays), pa.Table.from_arrays(columns, names=[str(name or "") for name in index.names])


def _array(name: str, column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray | pa.Array):
        return column
    try:
        return pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise ValueError(
            f"column {name!r} of {SOURCE} must hold cells of one type, but mixes them ({str(error).splitlines()[0]});"
            " convert it to numbers or to strings"
        ) from error
