"""How one delimited file is written: its encoding, its dialect and the names of its columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vaekit.data.delimited.dialect import DELIMITERS, Dialect, has_header, sniff_dialect, sniff_rows
from vaekit.data.delimited.encoding import find_encoding, sample_text
from vaekit.data.delimited.options import DelimitedOptions

__all__ = ["Layout", "check_names", "find_layout", "sample_rows"]


@dataclass(frozen=True)
class Layout:
    """How a delimited file is written.

    Args:
        path: The file, compressed by gzip if its name ends in .gz.
        encoding: Its encoding.
        dialect: Its delimiter and its quotes.
        names: The names of the columns; those without one are called by their place.
        unnamed: The places of the columns without a name in the header.
        has_header: Whether the first line holds the names.
        notes: Sentences about what was found.
    """

    path: Path
    encoding: str
    dialect: Dialect
    names: tuple[str, ...]
    unnamed: tuple[int, ...]
    has_header: bool
    notes: tuple[str, ...]


def find_layout(path: Path, options: DelimitedOptions) -> Layout:
    """Find how a file is written, from its beginning; its encoding is found from all of its bytes.

    Raises:
        ValueError: If the file is not text, is empty, has two columns of one name, or another separator than expected.
    """
    encoding = find_encoding(path, options.encoding)
    rows, dialect = sample_rows(path, encoding.name, options.delimiter)
    if not any(map(any, rows)):
        raise ValueError(f"{path.name} must hold a table, but is empty; give another file")
    named = has_header(rows, options)
    names = _names(rows[0], named, options, path)
    _check_separator(rows, dialect, path)
    unnamed = [place for place, name in enumerate(rows[0]) if named and not name]
    known = options.delimiter is not None or dialect.delimiter == ","
    notes = (
        "" if known else f"{DELIMITERS[dialect.delimiter]} separates the cells",
        *encoding.notes,
        f"cells are quoted by {dialect.quote}" if dialect.quote == "'" else "",
        "" if named else f"no line names the columns: they are called {names[0]} to {names[-1]}",
    )
    return Layout(path, encoding.name, dialect, tuple(names), tuple(unnamed), named, tuple(filter(None, notes)))


def sample_rows(
    path: Path, encoding: str, delimiter: str | None = None, size: int = 1 << 18
) -> tuple[list[list[str]], Dialect]:
    """Return the first rows of a file with their cells stripped, and its dialect; a .tsv has tabs."""
    sample, whole = sample_text(path, encoding, size)
    dialect = sniff_dialect(sample, delimiter or ("\t" if ".tsv" in path.name.lower() else None))
    return sniff_rows(sample, dialect, whole=whole), dialect


def check_names(names: Sequence[str], source: str) -> None:
    """Check that no two columns have the same name.

    Raises:
        ValueError: If two have; the sentence gives both places.
    """
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        places = [str(place) for place, name in enumerate(names, 1) if name == twice]
        raise ValueError(
            f"the columns of {source} must have different names, but columns {' and '.join(places)} are called"
            f" {twice!r}; rename one"
        )


def _names(first: Sequence[str], named: bool, options: DelimitedOptions, path: Path) -> list[str]:
    if not named:
        known = options.names if len(options.names) == len(first) else ()
        return list(known) or [f"c{place}" for place in range(len(first))]
    names = [name or f"c{place}" for place, name in enumerate(first)]
    check_names(names, path.name)
    return names


def _check_separator(rows: list[list[str]], dialect: Dialect, path: Path) -> None:
    """Refuse a single column whose cells hold one other delimiter, all equally often."""
    if len(rows[0]) > 1 or len(rows) < 2:
        return
    for other, called in DELIMITERS.items():
        counts = {line[0].count(other) for line in rows if line}
        if len(counts) == 1 and 0 not in counts and (other != " " or _are_numbers(rows[1:])):
            raise ValueError(
                f"{path.name} has one column when cut at {dialect.delimiter!r}, but all its lines hold {called}"
                f" {counts.pop()} times; use delimiter={other if other.isprintable() and other != ' ' else called[2:]}"
            )


def _are_numbers(rows: list[list[str]]) -> bool:
    return all(all(part.replace(".", "", 1).lstrip("+-").isdigit() for part in row[0].split()) for row in rows)
