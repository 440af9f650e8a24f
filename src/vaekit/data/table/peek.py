"""Whether a source is a table or texts in one, by the names of its columns; the rows are not read."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from vaekit.data.dataset import TRAIN
from vaekit.data.delimited.dialect import has_header, look
from vaekit.data.delimited.encoding import guess_encoding, opened
from vaekit.data.delimited.layout import sample_rows
from vaekit.data.delimited.options import SUFFIXES as DELIMITED, DelimitedOptions
from vaekit.data.files import find_parts, has_images
from vaekit.data.foreign import user_path
from vaekit.data.table.bundled import bundled_name
from vaekit.data.table.raw import SUFFIXES
from vaekit.data.text_tables import parquet_types

__all__ = ["is_frame", "is_table"]

TEXTS = {"text", "sentence", "content", "caption"}
"""The names of a column of texts; a table that has one is a collection of texts."""

SHARED = (*DELIMITED, ".parquet")
"""The endings of tables that can be collections of texts."""


def is_table(source: str | Path) -> bool:
    """Return whether a source is a table: one by name, a file of one, or a folder of such files called train and test.

    A delimited file or a .parquet is a collection of texts if it has a column called text, sentence, content or caption, a
    single column of text, or two columns of which one is called name. A file that does not exist or cannot be read is no
    table, unless its name ends as no other kind of data does.

    >>> is_table("wine"), is_table("there-is-none.feather"), is_table("there-is-none.csv")
    (True, True, False)
    """
    if isinstance(source, str) and bundled_name(source):
        return True
    path = user_path(source)
    if path.is_dir():
        parts = find_parts(path, SUFFIXES)
        # In a folder of images, train.csv is about them.
        return TRAIN in parts.values() and all(map(_is_file_of_table, parts)) and not has_images(path)
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
        return True  # the reader of tables explains best that it is empty
    try:
        types = parquet_types(path) if path.suffix.lower() == ".parquet" else _sampled_types(path)
    except (OSError, ValueError, ImportError):
        return False
    names = {name.lower() for name in types}
    if names & TEXTS or (len(names) == 2 and "name" in names):
        return False
    return len(names) > 1 or bool(set(types.values()) - {"string"})


def _sampled_types(path: Path) -> dict[str, str]:
    """Return whether each column of a delimited file holds words ("string") at its beginning, by name."""
    with opened(path) as stream:
        first = stream.read(4096)
    rows, _ = sample_rows(path, guess_encoding(first) or "utf-8", size=1 << 16)
    if not rows or first.startswith((b"PK", b"PAR1")):
        return {}
    named = has_header(rows, DelimitedOptions())
    names = rows[0] if named else [f"c{place}" for place in range(len(rows[0]))]
    columns = islice(zip_longest(names, *rows[named:], fillvalue=""), len(names))
    return {name: "string" if any(look(cell) == "word" for cell in cells) else "typed" for name, *cells in columns}
