"""A column of a table: its kind with the reason, and its codec; and what a user declares about it, in a file or in Python."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from vaekit.data.table.codec import Slot
from vaekit.data.table.constraints import AnyConstraint
from vaekit.data.table.discrete import Categories, Constant, Identifier, Levels, Ordinal, Text
from vaekit.data.table.maps import Bounded, MapName
from vaekit.data.table.numeric import Count, Numeric, Spiked
from vaekit.value import Value

__all__ = ["AnyCodec", "CodecName", "Column", "Declared", "Kind", "SchemaFile"]

NumericKind: TypeAlias = Literal["continuous", "spiked", "count", "bounded", "datetime"]

Kind: TypeAlias = Literal[NumericKind, "binary", "categorical", "ordinal", "identifier", "constant", "text"]
"""What a column is to a statistician."""

CodecName: TypeAlias = Literal[
    MapName, "levels", "spiked", "count", "categories", "ordinal", "identifier", "constant", "text"
]
"""The codecs as a schema file calls them."""

AnyCodec: TypeAlias = Annotated[
    Numeric | Spiked | Count | Levels | Ordinal | Categories | Identifier | Constant | Text, Field(discriminator="kind")
]
"""Any codec; its `kind` says which."""


class Column(Value):
    """A column of a table, as a model sees it."""

    name: str
    """Its name."""
    kind: Kind
    """What it is."""
    reason: str = ""
    """Why it has this kind."""
    codec: AnyCodec
    """The way from its cells to variables and back."""
    missing: float = Field(default=0.0, ge=0, le=1)
    """The share of missing cells in the training rows."""

    @property
    def is_numeric(self) -> bool:
        """Whether distances between its cells mean something: a number or a point in time, even one with few values."""
        return self.kind in get_args(NumericKind)

    @property
    def codec_name(self) -> str:
        """The name of the codec in a schema file: its kind, or the kind of its map."""
        if not isinstance(self.codec, Numeric):
            return self.codec.kind
        return self.codec.map.within.kind if isinstance(self.codec.map, Bounded) else self.codec.map.kind

    def slots(self) -> tuple[Slot, ...]:
        """Return the variables that stand for its cells."""
        return self.codec.slots(self.name)


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
    keep_rules: bool = False
    """Whether new rows keep the rules that all training rows keep."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def declared(self, name: str) -> Declared:
        """Return the declarations about a column."""
        return next((column for column in self.columns if column.name == name), Declared(name=name))
