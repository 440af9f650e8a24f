"""One file of a table, or several that become one.

The cells of all delimited files get their types together, so that the parts agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vaekit.data.arrow import damage_explained, feather, opened_parquet, pa, pc
from vaekit.data.delimited.options import is_delimited
from vaekit.data.delimited.reading import read_strings
from vaekit.data.table.arrow_types import canonical_table, check_types, joined_tables
from vaekit.data.table.raw import ReadOptions, check_columns
from vaekit.data.table.string_columns import type_strings

__all__ = ["read_parts"]


def read_parts(files: Sequence[Path], options: ReadOptions) -> tuple[Any, list[int], tuple[str, ...]]:
    """Read files into one pyarrow.Table of canonical types, one below the other.

    Args:
        files: The files, the first of which decides the columns and their order.
        options: How they are read.

    Returns:
        The table, the number of rows of each file, and notes.

    Raises:
        ValueError: If a file cannot be read, or the files have different columns.
    """
    sources = [file.name for file in files]
    if not all(is_delimited(file.name) for file in files):
        tables = [_typed(file, options) for file in files]
        joined = joined_tables(tables, sources) if len(files) > 1 else tables[0]
        return joined, [len(table) for table in tables], ()
    tables, notes = [], {}
    for file in files:
        table, found = read_strings(file, options)
        options = options if options.names else replace(options, names=tuple(table.column_names))
        tables.append(table)
        notes.update(dict.fromkeys(found))
    lengths = [len(table) for table in tables]
    joined = joined_tables(tables, sources) if len(files) > 1 else tables[0]
    del tables, table
    typed, found = type_strings(joined, options, " and ".join(sources))
    typed, dots = _without_final_dots(typed, lengths)
    return typed, lengths, (*notes, *found, *dots)


def _typed(file: Path, options: ReadOptions) -> Any:
    if not is_delimited(file.name):
        return _read_typed(file, options)
    return type_strings(read_strings(file, options)[0], options, file.name)[0]


def _without_final_dots(table: Any, lengths: Sequence[int]) -> tuple[Any, tuple[str, ...]]:
    """Remove the full stop after every word of a column in one part, if the first part has the same words without it.

    The test part of the census data (Adult) has such full stops; its classes would otherwise be unknown.
    """
    starts = np.cumsum([0, *lengths])
    notes: tuple[str, ...] = ()
    for place, name in enumerate(table.column_names):
        column = table.column(place)
        if len(lengths) == 1 or not pa.types.is_string(column.type):
            continue
        pieces = [column.slice(start, length) for start, length in zip(starts, lengths, strict=False)]
        known = pieces[0].unique().drop_null()
        dotted = [_bare(piece, known) for piece in pieces[1:]]
        if any(piece is not None for piece in dotted):
            pieces[1:] = [old if new is None else new for old, new in zip(pieces[1:], dotted, strict=True)]
            chunks = [chunk for piece in pieces for chunk in piece.chunks]
            table = table.set_column(place, name, pa.chunked_array(chunks, pa.string()))
            notes = (*notes, f"the full stop at the end of the words of {name!r} is removed in one part")
    return table, notes


def _bare(piece: Any, known: Any) -> Any | None:
    """Return words without their full stops, if all have one and are known only without it."""
    words = piece.unique().drop_null()
    bare = pc.utf8_slice_codeunits(words, 0, -1)
    dotted = pc.and_not(pc.ends_with(words, "."), pc.is_in(words, value_set=known))
    is_dotted = len(words) and pc.all(pc.and_(dotted, pc.is_in(bare, value_set=known))).as_py()
    return pc.utf8_slice_codeunits(piece, 0, -1) if is_dotted else None


def _read_typed(path: Path, options: ReadOptions) -> Any:
    """Read a file whose columns have types: .parquet, .arrow or .feather."""
    with damage_explained(path):
        table = _columns_of(path)
        table.validate(full=True)  # Arrow trusts the offsets in a file, and would read from anywhere in memory
    check_columns(table.column_names, table.num_rows, path.name)
    return canonical_table(table, options.missing, path.name)


def _columns_of(path: Path) -> Any:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        with opened_parquet(path) as file:
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
