"""What a user declares about a table, in a schema file or in Python."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import StrictBool, StrictFloat, StrictInt, StrictStr

from vaekit.data.table.column import Kind
from vaekit.data.table.constraints import AnyConstraint
from vaekit.data.table.maps import MapName
from vaekit.value import Value

__all__ = ["CodecName", "Declared", "SchemaFile"]

CodecName: TypeAlias = Literal[
    MapName, "levels", "spiked", "count", "categories", "ordinal", "identifier", "constant", "text"
]
"""The codecs as a schema file calls them."""


class Declared(Value):
    """The declarations about one column; everything else is inferred."""

    name: str
    """The column."""
    kind: Kind | None = None
    """Its kind."""
    codec: CodecName | None = None
    """Its codec."""
    order: tuple[StrictBool | StrictInt | StrictFloat | StrictStr, ...] | None = None
    """Its values from the lowest to the highest, if it is ordinal."""
    min: StrictInt | StrictFloat | StrictStr | None = None
    """The smallest number that it may hold, or the first point in time, as ISO 8601 writes it."""
    max: StrictInt | StrictFloat | StrictStr | None = None
    """The largest number that it may hold, or the last point in time."""
    use: Literal["model", "drop"] = "model"
    """Whether the column is kept; `drop` leaves it out of the model and of what the model generates."""


class SchemaFile(Value):
    """The declarations about a table."""

    columns: tuple[Declared, ...] = ()
    """Its columns; a file without a header gets their names."""
    constraints: tuple[AnyConstraint, ...] = ()
    """The constraints on every row."""
    target: str | None = None
    """The column to predict."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def declared(self, name: str) -> Declared:
        """Return the declarations about a column."""
        return next((column for column in self.columns if column.name == name), Declared(name=name))
