"""What a user may say about files of texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from vaekit.data.corpus import Entry
from vaekit.data.delimited.options import DelimitedOptions

__all__ = ["TextFile", "TextOptions"]


@dataclass(frozen=True)
class TextOptions(DelimitedOptions):
    """How files of texts are read, the delimited ones among them.

    Args:
        column: The column of texts in a table; None for one with a usual name, or the only one that holds text.
        label: The column of the classes in a table; None for none.
    """

    column: str | None = None
    label: str | None = None

    @property
    def of_tables(self) -> dict[str, object]:
        """The options that were given and have a meaning for tables alone, by name."""
        found = {"column": self.column, "label": self.label, "delimiter": self.delimiter}
        found["header"] = None if self.header == "auto" else self.header
        return {name: value for name, value in found.items() if value is not None}


class TextFile(NamedTuple):
    """A file of texts that was examined, and can be read any number of times."""

    read: Callable[[], Iterator[Entry]]
    """Return the texts, a few at a time."""
    notes: tuple[str, ...] = ()
    """Sentences about what was found."""
