"""Whether a source is a table or texts in one, by the names of its columns; the rows are not read."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from pathlib import Path
from typing import Any, NamedTuple

from vaekit.data.dataset import TRAIN
from vaekit.data.delimited.dialect import has_header, look
from vaekit.data.delimited.encoding import guess_encoding, opened
from vaekit.data.delimited.layout import sample_rows
from vaekit.data.delimited.options import SUFFIXES as DELIMITED
from vaekit.data.delimited.options import DelimitedOptions
from vaekit.data.files import has_images
from vaekit.data.layout import find_parts
from vaekit.data.table.bundled import bundled_name
from vaekit.data.table.raw import SUFFIXES

__all__ = ["is_frame", "is_table"]

TEXTS = ("text", "sentence", "content", "caption")
"""The names of a column of texts; a table that has one is a collection of texts."""

SHARED = (*DELIMITED, ".parquet")
"""The endings of tables that can be collections of texts."""


class _Peek(NamedTuple):
    names: list[str]
    is_text: list[bool]


def is_table(source: str | Path) -> bool:
    """Return whether a source is a table: one by name, a file of one, or a folder of such files called train and test.

    A delimited file or a .parquet with a column called text, sentence, content or caption, or with a single column, of text, is a
    collection of texts, and so is one of two columns with names in one of them. A file that does not
    exist or cannot be read is no table, unless its name ends as no other kind of data does.

    >>> is_table("wine"), is_table("there-is-none.feather"), is_table("there-is-none.csv")
    (True, True, False)
    """
    if isinstance(source, str) and bundled_name(source):
        return True
    path = Path(source).expanduser()
    if path.is_dir():
        parts = find_parts(path, SUFFIXES)
        return (
            TRAIN in parts.values() and all(map(_is_file_of_table, parts)) and not has_images(path)
        )  # beside images, train.csv is about them
    return path.name.lower().endswith(SUFFIXES) and _is_file_of_table(path)


def is_frame(found: Any) -> bool:
    """Return whether something is a table in memory: a frame that exports Arrow, or a mapping of columns.

    >>> is_frame({"age": [39, 50]}), is_frame([39, 50]), is_frame({"age": 39})
    (True, False, False)
    """
    if isinstance(found, Mapping):
        return bool(found) and all(map(_is_column, found.values()))
    arrow = hasattr(found, "__arrow_c_stream__") or hasattr(found, "__arrow_c_array__")
    return hasattr(found, "columns") and (arrow or type(found).__module__.partition(".")[0] == "pandas")


def _is_column(found: Any) -> bool:
    return isinstance(found, Sized) and not isinstance(found, str | bytes | Mapping)


def _is_file_of_table(path: Path) -> bool:
    if not path.name.lower().endswith(SHARED):
        return True
    if path.is_file() and not path.stat().st_size:
        return True  # whose reader says best what is wrong
    try:
        peek = _peek_parquet(path) if path.suffix.lower() == ".parquet" else _peek_delimited(path)
    except (OSError, ValueError, ImportError):
        return False
    lower = [name.lower() for name in peek.names]
    if set(TEXTS) & set(lower) or (len(lower) == 2 and "name" in lower):
        return False
    return bool(lower) and (len(lower) > 1 or not peek.is_text[0])


def _peek_delimited(path: Path) -> _Peek:
    with opened(path) as stream:
        first = stream.read(4096)
    if not first or first.startswith((b"PK", b"PAR1")):
        return _Peek([], [])
    rows, _ = sample_rows(path, guess_encoding(first) or "utf-8", size=1 << 16)
    if not rows:
        return _Peek([], [])
    named = has_header(rows, DelimitedOptions())
    body = [row[0] for row in rows[named:]]
    names = rows[0] if named else [f"c{place}" for place in range(len(rows[0]))]
    return _Peek(names, [any(look(cell) == "word" for cell in body)])


def _peek_parquet(path: Path) -> _Peek:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    with parquet.ParquetFile(path) as file:
        schema = file.schema_arrow
    kinds = [found.type.value_type if pa.types.is_dictionary(found.type) else found.type for found in schema]
    texts = (pa.string(), pa.large_string(), pa.string_view())
    return _Peek(list(schema.names), [kind in texts for kind in kinds])
