"""A column of a table: its kind with the reason, and its codec."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import Field

from vaekit.data.table.codec import Slot
from vaekit.data.table.discrete import Categories, Constant, Identifier, Levels, Ordinal, Text
from vaekit.data.table.numeric import Count, Numeric, Spiked
from vaekit.value import Value

__all__ = ["AnyCodec", "Column", "Kind"]

NumericKind: TypeAlias = Literal["continuous", "spiked", "count", "bounded", "datetime"]

Kind: TypeAlias = Literal[NumericKind, "binary", "categorical", "ordinal", "identifier", "constant", "text"]
"""What a column is to a statistician."""

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
        return self.codec.map.kind if isinstance(self.codec, Numeric) else self.codec.kind

    def slots(self) -> tuple[Slot, ...]:
        """Return the variables that stand for its cells."""
        return self.codec.slots(self.name)
