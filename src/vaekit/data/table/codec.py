"""Codecs: from the cells of a column to numbers that a model understands, and back.

A *slot* is one variable of the model. A column has none (an identifier), one, or two: a number with spikes has a class that
says which spike it is, and a number for the other cells, so that p(x) = p(spike) p(rest | no spike).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal, TypeAlias

import numpy as np

from vaekit.data.table.cells import Cells, Numbers
from vaekit.value import Value

__all__ = ["Codec", "Slot", "SlotKind"]

SlotKind: TypeAlias = Literal["categorical", "ordinal", "count", "real"]
"""A class, a rank, an integer >= 0, or a number that is about standard normal."""


class Slot(Value):
    """One variable of a model of tables."""

    name: str
    """The column; with `:rest` for the number of a column with spikes, with `?` for whether the cell is missing."""
    kind: SlotKind
    """The kind of the variable."""
    levels: int = 0
    """The number C of classes or ranks: a code is 0 ... C - 1; 0 for numbers."""


class Codec(Value, ABC):
    """The map from the cells of a column to its slots and back, fitted to training rows."""

    type: str
    """The type of the cells, see `vaekit.data.table.cells.type_name`."""

    @abstractmethod
    def slots(self, name: str) -> tuple[Slot, ...]:
        """Return the K variables of the column called `name`."""

    @abstractmethod
    def encode(self, cells: Cells) -> Numbers:
        """Return the codes of N cells, shape (N, K), float64; NaN for a cell that is missing or has no code."""

    @abstractmethod
    def decode(self, codes: Numbers, rng: np.random.Generator) -> Cells:
        """Return the cells of codes, shape (N, K); NaN becomes a missing cell.

        Args:
            codes: The codes.
            rng: Chooses among the rare categories that share a code.
        """

    def log_jacobian(self, codes: Numbers) -> Numbers:
        """Return log |d code / d number|, shape (N,); 0 for discrete slots and for NaN.

        Args:
            codes: The codes, shape (N, K).
        """
        return np.zeros(len(codes))

    def unseen(self, cells: Cells) -> tuple[str, ...]:
        """Return up to three values in the cells that the training rows did not have; none for numbers."""
        return ()
