"""Shapes of single columns, and how often a cell is missing: is each column by itself like the real one?

Both are blind to dependence: columns resampled independently of each other score 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from vaekit.evaluation.tables.cells import Array, Cells, check_alike

__all__ = ["ColumnScores", "Scores", "column_shapes", "missing_similarity"]

Key = TypeVar("Key")

_DECIMALS = 14
"""Decimals that numbers are compared to: 0.1 + 0.2 is 0.3."""

_LARGE = 100.0
"""From here on a float64 has no more decimals than that."""


@dataclass(frozen=True)
class Scores(Generic[Key]):
    """Scores, 1 being the best.

    Args:
        scores: By column, or by pair of columns; NaN where a score is not defined or does not count.
    """

    scores: Mapping[Key, float]

    @property
    def mean(self) -> float:
        """The mean over the scores that are defined; NaN where none is."""
        defined = [score for score in self.scores.values() if not np.isnan(score)]
        return float(np.mean(defined)) if defined else float("nan")

    def worst(self, count: int = 3) -> list[tuple[Key, float]]:
        """Return the columns, or pairs, with the lowest scores, the lowest first."""
        defined = [item for item in self.scores.items() if not np.isnan(item[1])]
        return sorted(defined, key=lambda item: item[1])[:count]


class ColumnScores(Scores[str]):
    """A score of each column."""

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON."""
        return {"mean": self.mean, **asdict(self)}


def column_shapes(real: Cells, synthetic: Cells) -> ColumnScores:
    r"""Compare the distribution of each column with the real one.

    One minus the largest distance of the distribution functions for numbers (Kolmogorov and Smirnov), one minus the total
    variation distance for categories; missing cells are left out:

    .. math:: 1 - \sup_x |F(x) - G(x)|, \qquad 1 - \tfrac12 \textstyle\sum_c |p_c - q_c|

    This is the "Column Shapes" of SDMetrics' quality report.

    Args:
        real: Real rows.
        synthetic: Synthetic ones, made comparable with them.

    Raises:
        ValueError: The tables are not comparable.
    """
    check_alike(real, synthetic)
    pairs = zip(real.names, real.levels, real.values, synthetic.values, strict=True)
    return ColumnScores({name: _shape(levels, x, y) for name, levels, x, y in pairs})


def missing_similarity(real: Cells, synthetic: Cells) -> ColumnScores:
    """Return one minus the difference of the shares of missing cells, for columns with missing cells on either side."""
    check_alike(real, synthetic)
    shares = real.missing().mean(0), synthetic.missing().mean(0)
    rows = zip(real.names, *(share.tolist() for share in shares), strict=True)
    return ColumnScores({name: 1 - abs(x - y) for name, x, y in rows if x or y})


def _shape(levels: int, real: Array, synthetic: Array) -> float:
    x, y = (part[part >= 0] if levels else part[~np.isnan(part)] for part in (real, synthetic))
    if not len(x) or not len(y):
        return float("nan")
    return 1 - (_total_variation(x, y, levels) if levels else _largest_gap(_rounded(x), _rounded(y)))


def _total_variation(x: Array, y: Array, levels: int) -> float:
    p, q = (np.bincount(part, minlength=levels) / len(part) for part in (x, y))
    return float(np.abs(p - q).sum() / 2)


def _largest_gap(x: Array, y: Array) -> float:
    x, y = np.sort(x), np.sort(y)
    values = np.concatenate([x, y])
    below = (np.searchsorted(part, values, side="right") / len(part) for part in (x, y))
    return float(np.abs(np.subtract(*below)).max())


def _rounded(x: Array) -> Array:
    small = np.abs(x) < _LARGE
    return np.where(small, np.round(np.where(small, x, 0.0), _DECIMALS), x)
