"""Tables: files and frames in, rows of numbers that a model can read out, and back.

`read_table` and `table_to_dataset` are the doors; a `TableSchema` codes and decodes.

    reading       files and frames -> a table of canonical types (raw), with notes on what was found
    read_parts    the files;  string_columns, number_cells, time_cells  from strings to types;  arrow_types  other types
    cells         the cells of a column between Arrow and numpy;  axis  where numbers lie;  maps  monotone maps to normal scores
    codec         the codecs in general;  numeric, discrete  the codecs;  column  a column with its codec, and what a user declares about it
    inference     the kind of a column;  words  names of rows, sentences, words with an order;  fitting  its codec
    constraints   conditions on every row;  ordering, joining  each of them;  schema_file  the declarations in a file
    schema        the table as a model sees it;  alignment  a new table brought to it
    building      a table -> its schema -> a data set, split by the content of the rows
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vaekit.data.dataset import Dataset
from vaekit.data.table.building import table_dataset
from vaekit.data.table.column import Column as Column, SchemaFile as SchemaFile
from vaekit.data.table.raw import ReadOptions
from vaekit.data.table.reading import frame_to_raw, read_raw
from vaekit.data.table.schema import TableSchema as TableSchema
from vaekit.data.table.schema_file import read_schema_file as read_schema_file, write_schema_file as write_schema_file

WORDS = ("binary", "categorical", "ordinal", "identifier", "text")
"""The kinds of columns that may mix numbers and words."""


def read_table(
    source: str | Path,
    *,
    schema: TableSchema | None = None,
    overrides: SchemaFile | None = None,
    target: str | None = None,
    model_missing: bool = False,
    **reading: Any,
) -> Dataset:
    """Read a table from files, choose the kinds of its columns, and code it.

    Args:
        source: A file, a folder with a file for each part, or the name of a bundled table.
        schema: The schema of a model, which then codes the table; None infers one from the training rows.
        overrides: The declarations about the table.
        target: The column to predict.
        model_missing: Whether the pattern of missing cells is modelled.
        **reading: The fields of `ReadOptions`.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If pyarrow is missing.
        ValueError: If the file cannot be read, or the declarations do not fit it.
    """
    if schema is not None:
        strings = tuple(column.name for column in schema.sources if column.type == "string")
        reading = {"names": schema.names, "strings": strings, **reading}
    elif overrides is not None:
        mixed = tuple(column.name for column in overrides.columns if column.kind in WORDS)
        reading = {"names": overrides.names, "mixed": mixed, **reading}
    raw, name = read_raw(source, ReadOptions(**reading)), str(source)
    return table_dataset(
        raw, schema=schema, overrides=overrides, target=target, model_missing=model_missing, source=name
    )


def table_to_dataset(frame: Any, **coding: Any) -> Dataset:
    """Choose the kinds of the columns of a table in memory, and code it.

    Args:
        frame: A frame of pyarrow, pandas or polars, or a mapping of names to arrays.
        **coding: The schema, overrides, target and model_missing, as in `read_table`.

    Raises:
        ImportError: If pyarrow is missing.
        ValueError: If the frame is no table, or the declarations do not fit it.
    """
    return table_dataset(frame_to_raw(frame), **coding)
