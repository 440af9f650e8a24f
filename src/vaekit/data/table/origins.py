"""The types in which the columns of a typed table came, and the way back to them.

The few types that models know are those of `arrow_types`. What a column was before is written beside it, in the metadata of
its field, and from there into the schema of a model, so that the rows a model makes look like those it was given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Protocol

from vaekit.data.arrow import pa, pc

__all__ = ["Origin", "indexed", "marked", "origin_of", "restored"]

KEY = b"vaekit"

DECIMAL = re.compile(r"decimal(128|256)\((\d+), (-?\d+)\)")


class Origin(Protocol):
    """A column of the file: its name, the type of its cells now, and what they were."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def came(self) -> str:
        """The type of its cells as they came, as Arrow names it; empty if it is still the same."""

    @property
    def categories(self) -> tuple[Any, ...]:
        """The categories, where the type is `dictionary`, in their order."""

    @property
    def ordered(self) -> bool:
        """Whether the order of the categories has a meaning."""


def marked(table: Any, before: Any) -> Any:
    """Return a table whose fields remember the types that they had before."""
    fields = [_marked(field, before.column(place)) for place, field in enumerate(table.schema)]
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields))


def origin_of(field: Any) -> dict[str, Any]:
    """Return what a field remembers: came, categories, ordered."""
    return json.loads((field.metadata or {}).get(KEY, b"{}"))


def restored(table: Any, origins: Iterable[Origin]) -> Any:
    """Return a table with its columns in the types in which they came, where their cells fit."""
    for origin in origins:
        if not origin.came or origin.name not in table.column_names:
            continue
        place = table.column_names.index(origin.name)
        with suppress(pa.ArrowInvalid, pa.ArrowNotImplementedError):
            table = table.set_column(place, origin.name, _restored(table.column(place), origin))
    return table


def indexed(table: Any, index: Any) -> Any:
    """Return a table with the index of a frame of pandas, which `to_pandas` makes the index again.

    Args:
        table: The rows.
        index: The columns of the index, a pyarrow.Table of as many rows; None for none.
    """
    if index is None:
        return table
    levels = [f"__index_level_{place}__" for place in range(index.num_columns)]
    about = [
        {"name": name or None, "field_name": level, "pandas_type": "object", "numpy_type": "object", "metadata": None}
        for name, level in zip(index.column_names, levels, strict=True)
    ]
    for level, column in zip(levels, index.columns, strict=True):
        table = table.append_column(level, column)
    return table.replace_schema_metadata(
        {b"pandas": json.dumps({"index_columns": levels, "columns": about, "column_indexes": []})}
    )


def _marked(field: Any, before: Any) -> Any:
    if before.type == field.type:
        return field
    facts: dict[str, Any] = {"came": str(before.type)}
    if pa.types.is_dictionary(before.type):
        categories = before.unify_dictionaries().chunk(0).dictionary if before.num_chunks else before.type.value_type
        values = categories.to_pylist() if before.num_chunks else []
        if not all(isinstance(value, str | int | float) for value in values):
            return field
        facts = {"came": "dictionary", "categories": values, "ordered": before.type.ordered}
    return field.with_metadata({KEY: json.dumps(facts).encode()})


def _restored(column: Any, origin: Origin) -> Any:
    if origin.came != "dictionary":
        found = _type(origin.came)
        return column if found is None else column.cast(found)
    known = pa.array(origin.categories, column.type)
    extra = pc.unique(column).drop_null()
    extra = extra.filter(pc.invert(pc.is_in(extra, value_set=known)))
    known = pa.concat_arrays([known, extra.combine_chunks() if isinstance(extra, pa.ChunkedArray) else extra])
    places = pc.index_in(column.combine_chunks(), value_set=known).cast(pa.int32())
    if isinstance(places, pa.ChunkedArray):
        places = places.combine_chunks()
    return pa.DictionaryArray.from_arrays(places, known, ordered=origin.ordered)


def _type(name: str) -> Any | None:
    if decimal := DECIMAL.fullmatch(name):
        return (pa.decimal128 if decimal[1] == "128" else pa.decimal256)(int(decimal[2]), int(decimal[3]))
    try:
        return pa.type_for_alias(name)
    except ValueError:
        return None
