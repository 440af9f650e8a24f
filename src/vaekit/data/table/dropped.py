"""Codecs of columns that no model needs: names of rows, constants, free text."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import StrictBool, StrictFloat, StrictInt, StrictStr

from vaekit.data.arrow import pa
from vaekit.data.table.cells import Cells, Numbers, arrow_type, integer_cells, label_cells, strangers
from vaekit.data.table.codec import Codec, Slot

__all__ = ["Constant", "Identifier", "Text"]


class _Dropped(Codec):
    """A codec without variables."""

    def slots(self, name: str) -> tuple[Slot, ...]:
        """Return no variable."""
        return ()

    def encode(self, cells: Cells) -> Numbers:
        """Return no codes, shape (N, 0)."""
        return np.zeros((len(cells), 0))


class Identifier(_Dropped):
    """The name of a row. All names differ, so there is nothing to learn. New names are a prefix and an unused number."""

    kind: Literal["identifier"] = "identifier"
    """The kind of codec."""
    prefix: str = ""
    """The text in front of the number, if names are strings."""
    width: int = 0
    """The least number of digits; zeros fill them up."""
    start: int = 1
    """The first number."""

    def decode(self, codes: Numbers, rng: np.random.Generator) -> Cells:
        """Return N new names."""
        count = np.arange(self.start, self.start + len(codes))
        if self.type != "string":
            return integer_cells(count, np.zeros(len(count), dtype=bool), self.type)
        return pa.array([f"{self.prefix}{number:0{self.width}d}" for number in count.tolist()], type="string")


class Constant(_Dropped):
    """A single value, or missing cells only."""

    kind: Literal["constant"] = "constant"
    """The kind of codec."""
    value: StrictBool | StrictInt | StrictFloat | StrictStr | None = None
    """The value; None if every cell is missing."""

    def decode(self, codes: Numbers, rng: np.random.Generator) -> Cells:
        """Return the value N times."""
        return label_cells([self.value], self.type).take(pa.array(np.zeros(len(codes), dtype=np.int64)))

    def unseen(self, cells: Cells) -> tuple[str, ...]:
        """Return up to three other values."""
        return strangers(cells, [self.value], self.type)


class Text(_Dropped):
    """Free text, which is left out: its cells come back missing."""

    kind: Literal["text"] = "text"
    """The kind of codec."""

    def decode(self, codes: Numbers, rng: np.random.Generator) -> Cells:
        """Return N missing cells."""
        return pa.nulls(len(codes), arrow_type(self.type))
