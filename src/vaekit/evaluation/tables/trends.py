"""Trends of pairs of columns: do two columns go together as they do in the real table?

Defined as in the quality report of SDMetrics, quirks included, so that the numbers compare with published ones. They are
mild: columns resampled independently of each other score .93 on census data, so read them beside that floor.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from vaekit.evaluation.tables.cells import Array, Cells, check_alike
from vaekit.evaluation.tables.shapes import Scores

__all__ = ["PairScores", "pair_trends"]

_BINS = 10

_DENSE = 2**22
"""Cells of a joint table that is counted without sorting."""


@dataclass(frozen=True)
class PairScores(Scores[tuple[str, str]]):
    """A score of each pair of columns; NaN where a column is constant, or the real association is too small to count.

    Args:
        scores: By pair.
        min_correlation: Least absolute correlation of the real pairs of numbers that count.
        min_association: Least association (Cramer's V) of the other real pairs that count.
    """

    min_correlation: float
    min_association: float

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON; a pair is a list of two names and its score."""
        return {
            "mean": self.mean,
            "counted": int(sum(not np.isnan(score) for score in self.scores.values())),
            "min_correlation": self.min_correlation,
            "min_association": self.min_association,
            "worst": [[*pair, score] for pair, score in self.worst()],
        }


def pair_trends(
    real: Cells, synthetic: Cells, *, min_correlation: float = 0.0, min_association: float = 0.0
) -> PairScores:
    r"""Compare what pairs of columns have to do with each other.

    With Pearson correlations for two columns of numbers, over rows that have both, and the total variation distance of
    the joint tables for any other pair:

    .. math:: 1 - \tfrac12 |r_\text{real} - r_\text{syn}|, \qquad 1 - \tfrac12 \textstyle\sum_{ab} |p_{ab} - q_{ab}|

    Numbers are cut into 10 bins of equal width *between the least and the greatest value of each table's own column*, and
    the greatest value shares a bin of its own with the missing ones, as in the quality report of SDMetrics 0.32. So a
    synthetic outlier moves all bins. A missing category is a category.

    Published numbers count every pair. From version 0.27 on SDMetrics counts only those with a real correlation above .5 or
    a real association above .3; set `min_correlation` and `min_association` to have that.

    Args:
        real: Real rows.
        synthetic: Synthetic ones, made comparable with them.
        min_correlation: Pairs of numbers count if their real correlation is greater in absolute value; 0 counts all.
        min_association: Other pairs count if their real association (Cramer's V) is greater; 0 counts all.

    Raises:
        ValueError: The tables are not comparable.
    """
    check_alike(real, synthetic)
    binned = [_codes(cells) for cells in (real, synthetic)]

    def score(i: int, j: int) -> float:
        if not (real.levels[i] or real.levels[j]):
            x, y = ((cells.values[i], cells.values[j]) for cells in (real, synthetic))
            return _correlation_score(x, y, min_correlation)
        x, y = ((codes[i], codes[j]) for codes in binned)
        return _contingency_score(x, y, min_association)

    pairs = combinations(range(len(real.names)), 2)
    scores = {(real.names[i], real.names[j]): score(i, j) for i, j in pairs}
    return PairScores(scores, min_correlation, min_association)


def _codes(cells: Cells) -> list[Array]:
    """Return each column as codes from 0 on, missing cells among them."""
    return [_bin(v) if not levels else v + 1 for v, levels in zip(cells.values, cells.levels, strict=True)]


def _bin(values: Array) -> Array:
    observed = values[~np.isnan(values)]
    if not len(observed):
        return np.full(len(values), _BINS + 1)
    # NaN sorts last, so it falls where the greatest value does.
    return np.digitize(values, np.histogram_bin_edges(observed, _BINS))


def _correlation_score(real: tuple[Array, Array], synthetic: tuple[Array, Array], least: float) -> float:
    r = _correlation(*real)
    return float("nan") if least and not abs(r) > least else 1 - abs(r - _correlation(*synthetic)) / 2


def _correlation(x: Array, y: Array) -> float:
    both = ~(np.isnan(x) | np.isnan(y))
    x, y = x[both], y[both]
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    # Each to unit length before the product, which would overflow or vanish for extreme units.
    x, y = x / np.abs(x).max(), y / np.abs(y).max()
    return float(np.clip(x / np.linalg.norm(x) @ (y / np.linalg.norm(y)), -1, 1))


def _contingency_score(real: tuple[Array, Array], synthetic: tuple[Array, Array], least: float) -> float:
    p, q = _joint_counts(real, synthetic)
    if least and not _association(*real) > least:
        return float("nan")
    return 1 - float(np.abs(p / p.sum() - q / q.sum()).sum()) / 2


def _joint_counts(*pairs: tuple[Array, Array]) -> tuple[Array, ...]:
    """Return how often each combination occurs, in the same order for all tables."""
    sizes = [max(int(pair[k].max()) for pair in pairs) + 1 for k in (0, 1)]
    joint = [a * sizes[1] + b for a, b in pairs]
    cells = sizes[0] * sizes[1]
    if cells > _DENSE:
        found, places = np.unique(np.concatenate(joint), return_inverse=True)
        joint, cells = np.split(places, np.cumsum([len(part) for part in joint])[:-1]), len(found)
    return tuple(np.bincount(part, minlength=cells) for part in joint)


def _association(a: Array, b: Array) -> float:
    r"""Return Cramer's V: the root of :math:`\chi^2 / n` over the least number of categories less one."""
    (a, rows), (b, columns) = (np.unique(codes, return_inverse=True) for codes in (a, b))
    least = min(len(a), len(b)) - 1
    if not least:
        return float("nan")
    # chi^2 / n = sum p_ab^2 / (p_a p_b) - 1 needs the combinations that occur alone.
    found, counts = np.unique(rows * len(b) + columns, return_counts=True)
    share, across, down = counts / len(rows), np.bincount(rows) / len(rows), np.bincount(columns) / len(rows)
    phi = (share**2 / (across[found // len(b)] * down[found % len(b)])).sum() - 1
    return float(np.sqrt(max(phi, 0.0) / least))
