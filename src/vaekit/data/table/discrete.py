"""Codecs without real numbers.

Cells that are one of a few values: classes, numbers with few values, ranks. And columns that no model needs: names of rows,
constants, free text.
"""

from __future__ import annotations

from abc import ABC
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from vaekit.data.arrow import pa
from vaekit.data.table.cells import (
    Cells,
    Numbers,
    arrow_type,
    cells_of_labels,
    codes_of_cells,
    integer_cells,
    is_null,
    label_cells,
    strangers,
)  # fmt: skip
from vaekit.data.table.codec import Codec, Slot, SlotKind

__all__ = ["Categories", "Constant", "Identifier", "Labels", "Levels", "Ordinal", "Text"]

Labels: TypeAlias = tuple[StrictBool, ...] | tuple[StrictInt, ...] | tuple[StrictFloat, ...] | tuple[StrictStr, ...]
"""The distinct values of a column, all of one type; points in time are integers in the column's unit."""


class _Labelled(Codec, ABC):
    """One of a few values; the code is its place among them."""

    slot: ClassVar[SlotKind] = "categorical"
    labels: Labels = Field(min_length=1, repr=False)
    """The values in their order. A value that training did not have counts as missing."""

    def slots(self, name: str) -> tuple[Slot, ...]:
        """Return one class or rank."""
        return (Slot(name=name, kind=self.slot, levels=len(self.labels)),)

    def encode(self, cells: Cells) -> Numbers:
        """Return the codes of N cells, shape (N, 1)."""
        return codes_of_cells(cells, self.labels, self.type)[:, None]

    def decode(self, codes: Numbers, rng: np.random.Generator) -> Cells:
        """Return the cells of codes, shape (N, 1)."""
        return cells_of_labels(codes[:, 0], self.labels, self.type)

    def unseen(self, cells: Cells) -> tuple[str, ...]:
        """Return up to three values that are none of the labels."""
        return strangers(cells, self.labels, self.type)


class Levels(_Labelled):
    """One of a few values, numbers perhaps, each of them a class: decoding returns the exact value."""

    kind: Literal["levels"] = "levels"


class Ordinal(_Labelled):
    """One of a few values that have an order, from the lowest to the highest: the code is the rank."""

    kind: Literal["ordinal"] = "ordinal"
    slot: ClassVar[SlotKind] = "ordinal"


class Categories(_Labelled):
    """One of many classes. Classes that are too rare to learn share the last code; decoding draws one of them."""

    kind: Literal["categories"] = "categories"
    rare: Labels = Field(default=(), repr=False)
    """The classes that share the last code, after those of `labels`; a class that training did not have gets it too."""
    counts: tuple[int, ...] = Field(default=(), repr=False)
    """How often each rare class occurred in training."""

    def slots(self, name: str) -> tuple[Slot, ...]:
        """Return one class."""
        return (Slot(name=name, kind="categorical", levels=len(self.labels) + bool(self.rare)),)

    def encode(self, cells: Cells) -> Numbers:
        """Return the codes of N cells, shape (N, 1); an unseen class is missing if no classes are rare."""
        codes = super().encode(cells)
        return np.where(np.isnan(codes) & ~is_null(cells)[:, None], len(self.labels), codes) if self.rare else codes

    def decode(self, codes: Numbers, rng: np.random.Generator) -> Cells:
        """Return the cells of codes, shape (N, 1); rare classes are as frequent as in training."""
        chosen = codes[:, 0].copy()
        if self.rare:
            ends = np.cumsum(self.counts) / sum(self.counts)
            drawn = np.searchsorted(ends, rng.random(len(chosen)), side="right").clip(0, len(ends) - 1)
            shared = chosen >= len(self.labels) - 0.5
            chosen[shared] = len(self.labels) + drawn[shared]
        return cells_of_labels(chosen, (*self.labels, *self.rare), self.type)

    def unseen(self, cells: Cells) -> tuple[str, ...]:
        """Return up to three classes that training rows did not have."""
        return strangers(cells, (*self.labels, *self.rare), self.type)


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

    def decode(self, codes: Numbers, rng: np.random.Generator) -> Cells:
        """Return N missing cells."""
        return pa.nulls(len(codes), arrow_type(self.type))
