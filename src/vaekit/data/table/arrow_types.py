"""From the types of Arrow to the few types of tables here: int64, float64, string, bool, timestamp."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vaekit.data.arrow import pa, pc
from vaekit.data.table.origins import marked

__all__ = ["canonical_table", "check_types", "joined_tables"]


def canonical_table(table: Any, missing: Sequence[str], source: str) -> Any:
    """Cast the columns of a pyarrow.Table to the few types; NaN, and the cells that `missing` names, become null.

    A float32 or a decimal becomes the shortest decimal that it stands for, so that 0.1 stays 0.1. Fields remember the types
    that they had, see `origins`.

    Args:
        table: The table.
        missing: Marks of missing cells.
        source: What the table is called in errors.

    Raises:
        ValueError: If a column is nested or of another type without a counterpart, beyond int64, or not finite.

    >>> canonical_table(pa.table({"a": pa.array([0.1, None], pa.float32())}), (), "a table").column("a").to_pylist()
    [0.1, None]
    """
    check_types(table.schema, source)
    columns = (_canonical(name, table.column(place), source) for place, name in enumerate(table.column_names))
    columns = (_without_marks(column, missing) for column in columns)
    return marked(pa.Table.from_arrays(list(columns), names=table.column_names), table)


def check_types(schema: Any, source: str) -> None:
    """Check that each column of a schema of Arrow has a counterpart.

    Raises:
        ValueError: If one has none; it is named.
    """
    for field in schema:
        if _target(_storage(field.type)) is None:
            raise ValueError(
                f"column {field.name!r} of {source} must hold numbers, words, truths or times, but its type is {field.type};"
                " convert it, or leave it out"
            )


def joined_tables(tables: Sequence[Any], sources: Sequence[str]) -> Any:
    """Concatenate canonical tables with the same columns; integers may join floats, and nulls any type.

    Raises:
        ValueError: If the first has other columns than another, or a column has types that do not go together.
    """
    first = tables[0].column_names
    for table, source in zip(tables, sources, strict=True):
        strange = sorted(set(first) ^ set(table.column_names))
        if strange:
            lacks = sources[0] if strange[0] in table.column_names else source
            raise ValueError(
                f"{sources[0]} and {source} must have the same columns, but {strange[0]!r} is missing in {lacks};"
                " add it there, or leave it out"
            )
    columns = {name: _joined(name, [table.column(name) for table in tables], sources) for name in first}
    return pa.table(columns)


def _joined(name: str, columns: Sequence[Any], sources: Sequence[str]) -> Any:
    filled = [column for column in columns if column.null_count < len(column)]
    if filled:  # a column without a single value takes any type
        columns = [column if column.null_count < len(column) else pa.nulls(len(column)) for column in columns]
    try:
        parts = [pa.table({name: column}) for column in columns]
        return pa.concat_tables(parts, promote_options="permissive").column(0)
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        found = " and ".join(dict.fromkeys(str(column.type) for column in filled or columns))
        raise ValueError(
            f"column {name!r} must have one type in {' and '.join(sources)}, but is {found}; repair the file that is wrong"
        ) from error


def _storage(type_: Any) -> Any:
    if isinstance(type_, pa.BaseExtensionType):
        return _storage(type_.storage_type)
    return type_.value_type if pa.types.is_dictionary(type_) or pa.types.is_run_end_encoded(type_) else type_


def _target(found: Any) -> Any | None:
    is_ = pa.types
    if is_.is_null(found) or is_.is_string(found) or is_.is_large_string(found) or is_.is_string_view(found):
        return pa.string()
    if is_.is_boolean(found) or is_.is_timestamp(found):
        return found
    if is_.is_date(found):
        return pa.timestamp("s")
    if is_.is_integer(found) or (is_.is_decimal(found) and found.scale <= 0 and found.precision <= 18):
        return pa.int64()
    return pa.float64() if is_.is_floating(found) or is_.is_decimal(found) else None


def _canonical(name: str, column: Any, source: str) -> Any:
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    if pa.types.is_run_end_encoded(column.type):
        column = pc.run_end_decode(column)
    target = _target(_storage(column.type))
    if pa.types.is_dictionary(column.type):
        chunks = [chunk.dictionary.cast(target).take(chunk.indices) for chunk in column.chunks]
        column = pa.chunked_array(chunks, target)
    if column.type == pa.float32() or (pa.types.is_decimal(column.type) and target == pa.float64()):
        column = column.cast(pa.string())
    try:
        column = column.cast(target)
    except pa.ArrowInvalid as error:
        raise ValueError(
            f"column {name!r} of {source} must fit into 64 bits with a sign, but does not"
            f" ({str(error).splitlines()[0]}); convert it to float or string"
        ) from error
    return _finite(name, column, source) if pa.types.is_floating(column.type) else column


def _finite(name: str, column: Any, source: str) -> Any:
    infinite = pc.is_inf(column)
    if pc.any(infinite).as_py():
        row = pc.index(infinite, True).as_py()
        raise ValueError(
            f"column {name!r} of {source} must hold finite numbers, but row {row + 1} has {column[row].as_py()};"
            " repair it, or make it missing"
        )
    unknown = pc.is_nan(column)
    return pc.if_else(unknown, pa.scalar(None, pa.float64()), column) if pc.any(unknown).as_py() else column


def _without_marks(column: Any, marks: Sequence[str]) -> Any:
    for mark in marks:
        try:
            value = pa.scalar(mark).cast(column.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            continue  # a mark that is no value of this type occurs nowhere in it
        column = pc.if_else(pc.fill_null(pc.equal(column, value), False), pa.scalar(None, column.type), column)
    return column
