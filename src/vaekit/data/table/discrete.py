"""Codecs without real numbers.

Cells that are one of a few values: classes, numbers with few values, ranks. And columns that no model needs: names of rows,
constants, free text.
"""

from __future__ import annotations

from abc import ABC
from typing import ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
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
    """The values in their order."""

    def slots(self, name: str) -> tuple[Slot, ...]:
        """Return one class or rank."""
        return (Slot(name=name, kind=self.slot, levels=len(self.labels)),)

    def encode(self, cells: Cells) -> Numbers:
        """Return the codes of N cells, shape (N, 1)."""
        return _seen(codes_of_cells(cells, self.labels, self.type), cells)

    def decode(self, codes: Numbers, rng: np.random.Generator) -> Cells:
        """Return the cells of codes, shape (N, 1)."""
        return cells_of_labels(codes[:, 0], self.labels, self.type)


class Levels(_Labelled):
    """One of a few values, numbers perhaps, each of them a class: decoding returns the exact value."""

    kind: Literal["levels"] = "levels"


class Ordinal(_Labelled):
    """One of a few values that have an order, from the lowest to the highest: the code is the rank."""

    kind: Literal["ordinal"] = "ordinal"
    slot: ClassVar[SlotKind] = "ordinal"


class Categories(_Labelled):
    """One of many classes. Those that are too rare to learn share the last one, C - 1, in which their codes are apart.

    Rare class k of R has the code C - 1 + k / (R + 1). The code C - 1 is some rare class, and decoding draws which.
    """

    kind: Literal["categories"] = "categories"
    rare: Labels = Field(default=(), repr=False)
    """The classes that share the last one, after those of `labels`."""
    counts: tuple[int, ...] = Field(default=(), repr=False)
    """How often each rare class occurred in training."""

    def slots(self, name: str) -> tuple[Slot, ...]:
        """Return one class."""
        return (Slot(name=name, kind="categorical", levels=len(self.labels) + bool(self.rare)),)

    def encode(self, cells: Cells) -> Numbers:
        """Return the codes of N cells, shape (N, 1)."""
        codes, common = codes_of_cells(cells, (*self.labels, *self.rare), self.type), len(self.labels)
        apart = common + (codes - common + 1) / (len(self.rare) + 1)
        return _seen(np.where(codes >= common, apart, codes), cells)

    def decode(self, codes: Numbers, rng: np.random.Generator) -> Cells:
        """Return the cells of codes, shape (N, 1); where no rare class is named, they are as frequent as in training."""
        chosen = codes[:, 0].copy()
        if self.rare:
            ends = np.cumsum(self.counts) / sum(self.counts)
            drawn = np.searchsorted(ends, rng.random(len(chosen)), side="right").clip(0, len(ends) - 1)
            named = self._rare(codes)
            shared = chosen >= len(self.labels) - 0.5
            chosen[shared] = len(self.labels) + np.where(named < 0, drawn, named)[shared]
        return cells_of_labels(chosen, (*self.labels, *self.rare), self.type)

    def _log_slope(self, codes: Numbers) -> Numbers:
        """Return the logarithm of a rare class's share of the last one, shape (N,)."""
        named = self._rare(codes)
        shares = np.log([*self.counts, 1]) - np.log([*[sum(self.counts)] * len(self.counts), 1])
        return np.where(named < 0, 0.0, shares[named])

    def _rare(self, codes: Numbers) -> npt.NDArray[np.int64]:
        """Return the place among the rare classes of each code, shape (N,); -1 for others."""
        steps = (np.nan_to_num(codes[:, 0], posinf=0.0) - len(self.labels)) * (len(self.rare) + 1)
        return np.clip(np.rint(steps).astype(np.int64) - 1, -1, len(self.rare) - 1)


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


def _seen(codes: Numbers, cells: Cells) -> Numbers:
    """Return codes, shape (N, 1), infinite where a cell has a value without one."""
    return np.where(np.isnan(codes) & ~is_null(cells), np.inf, codes)[:, None]
