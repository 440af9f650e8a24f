"""Codecs: from the cells of a column to numbers that a model understands, and back.

A *slot* is one variable of the model. A column has none (an identifier), one, or two: a number with spikes has a class that
says which spike it is, and a number for the other cells, so that p(x) = p(spike) p(rest | no spike).

NaN is a missing cell, and a cell with a value that no training row could have is infinite. The model knows nothing of such values, so
their probability is a mass that the codec sets aside, and all others share the rest: what can be in a cell has a total of one.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Literal, TypeAlias

import numpy as np
from pydantic import Field

from vaekit.data.arrow import pa, pc
from vaekit.data.table.cells import Cells, Numbers, one_zero
from vaekit.value import Value

__all__ = ["Codec", "Slot", "SlotKind", "novel_share"]

VALUES = 64 * math.log(2)
"""The logarithm of the number of values that share the mass of all unseen ones: as many as 64 bits can hold."""

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
    novel: float = Field(default=2.0**-20, ge=0, lt=1)
    """The probability that a cell has a value which training could not have, see `novel_share`."""

    @abstractmethod
    def slots(self, name: str) -> tuple[Slot, ...]:
        """Return the K variables of the column called `name`."""

    @abstractmethod
    def encode(self, cells: Cells) -> Numbers:
        """Return the codes of N cells, shape (N, K), float64; NaN for a missing cell, infinity in the first for a value without code."""

    @abstractmethod
    def decode(self, codes: Numbers, rng: np.random.Generator) -> Cells:
        """Return the cells of codes, shape (N, K); NaN becomes a missing cell.

        Args:
            codes: The codes.
            rng: Chooses among the rare categories that share a class.
        """

    def log_jacobian(self, codes: Numbers) -> Numbers:
        """Return the nats that turn the density of codes into that of cells, shape (N,); 0 for missing cells.

        Of seen values it is log |d code / d number|, or for a rare category the logarithm of its share of the class, and
        log(1 - novel) in either case. Of a value without a code it is log(novel) - 64 log 2: all of them share the mass.

        Args:
            codes: The codes, shape (N, K).
        """
        if not codes.shape[1]:
            return np.zeros(len(codes))
        first, price = codes[:, 0], math.log(self.novel) - VALUES if self.novel else -math.inf
        known = np.isfinite(first)
        found = np.log1p(-self.novel) + self._log_slope(np.where(known[:, None], codes, 0))
        return np.where(known, found, np.where(np.isnan(first), 0.0, price))

    def _log_slope(self, codes: Numbers) -> Numbers:
        """Return what the codes of seen values add, shape (N,)."""
        return np.zeros(len(codes))

    def unseen(self, cells: Cells) -> tuple[str, ...]:
        """Return up to three values in the cells that have no code, as strings."""
        distinct = pc.unique(one_zero(cells)).drop_null()
        codes = self.encode(distinct)
        strange = np.isposinf(codes).any(1)
        return tuple(distinct.filter(pa.array(strange)).slice(0, 3).cast("string").to_pylist())


def novel_share(once: int, rows: int) -> float:
    r"""Return the probability that a cell has a value which n training rows did not have: :math:`(N_1 + 1/2) / (n + 1)`.

    It is the share of the values that occurred once, with half a value more, so that it is never zero.

    References:
        Good, 1953, "The population frequencies of species and the estimation of population parameters".

    Args:
        once: The number N_1 of values that occurred once; 0 for numbers, of which any may occur.
        rows: The number n of training rows in which the column has a value.
    """
    return (once + 0.5) / (rows + 1)
