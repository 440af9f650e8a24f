"""The options of reading files of texts."""

from __future__ import annotations

from dataclasses import dataclass

from vaekit.data.delimited.options import DelimitedOptions

__all__ = ["TextOptions"]


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
        """The options by name that are set and that only tables have."""
        found = {"column": self.column, "label": self.label, "delimiter": self.delimiter}
        found["header"] = None if self.header == "auto" else self.header
        return {name: value for name, value in found.items() if value is not None}
