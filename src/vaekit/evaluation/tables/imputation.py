"""Imputation: how far are filled cells from what was there, and do intervals of several imputations cover it?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from vaekit.evaluation.tables.cells import MISSING, Array, Cells, check_alike

__all__ = ["Coverage", "ImputationError", "center_filled", "imputation_error", "interval_coverage"]


@dataclass(frozen=True)
class ImputationError:
    """Errors of imputed cells, by column; columns without hidden cells are left out.

    Args:
        nrmse_range: Of numbers, the root of the mean squared error over the *range* of the true column (as HI-VAE reports).
        nrmse_deviation: The same over its *standard deviation*: 1 is what the mean achieves.
        error: Of categories, the share of wrong ones.
    """

    nrmse_range: Mapping[str, float]
    nrmse_deviation: Mapping[str, float]
    error: Mapping[str, float]

    def summary(self) -> dict[str, Any]:
        """Return means over columns (None without any), and the columns, ready for JSON."""
        parts = {name: dict(getattr(self, name)) for name in ("nrmse_range", "nrmse_deviation", "error")}
        means = {f"mean_{name}": _mean(values) for name, values in parts.items()}
        return {**means, **parts}


@dataclass(frozen=True)
class Coverage:
    """How often intervals of several imputations hold the true number.

    Args:
        shares: By column.
        level: What share they are meant to hold.
        expected: What share the intervals of perfect draws hold, which is less than the level for few draws.
        draws: Number of imputations.
    """

    shares: Mapping[str, float]
    level: float
    expected: float
    draws: int

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON."""
        return {"mean": _mean(self.shares), **asdict(self)}


def imputation_error(truth: Cells, imputed: Cells, hidden: Array) -> ImputationError:
    r"""Compare imputed cells with those that were hidden.

    .. math:: \text{NRMSE} = \frac1s \sqrt{\tfrac1n \textstyle\sum (\hat x - x)^2}

    with s the range, or the standard deviation, of the true column.

    References:
        Nazabal, Olmos, Ghahramani and Valera, 2020, "Handling incomplete heterogeneous data using VAEs" (by range).

    Args:
        truth: The table before cells were hidden.
        imputed: The table with the hidden cells filled, made comparable with it.
        hidden: Which cells were hidden, `(N, D)`, bool; cells that were missing before do not count.

    Raises:
        ValueError: The tables are not comparable, or a hidden cell is still missing; the column is named.
    """
    ranges, deviations, errors = {}, {}, {}
    for name, mask in _hidden_columns(truth, hidden, imputed):
        x, y = truth[name][mask], imputed[name][mask]
        if not truth.is_numeric(name):
            errors[name] = float((x != y).mean())
            continue
        rmse = float(np.sqrt(np.mean((x - y) ** 2)))
        spread, deviation = float(np.nanmax(truth[name]) - np.nanmin(truth[name])), float(np.nanstd(truth[name]))
        if spread > 0:  # the error of a constant has no scale
            ranges[name], deviations[name] = rmse / spread, rmse / deviation
    return ImputationError(ranges, deviations, errors)


def interval_coverage(truth: Cells, draws: Sequence[Cells], hidden: Array, *, level: float = 0.9) -> Coverage:
    """Return how often the middle of several imputations holds the true number.

    The interval of a cell is between quantiles of its imputations at positions p (m + 1) of the m ordered ones, so that
    perfect draws hold the truth at the stated level; with few draws, from the least to the greatest, at (m - 1) / (m + 1).

    Args:
        truth: The table before cells were hidden.
        draws: Imputed tables, each a draw, made comparable with it; two at least.
        hidden: Which cells were hidden, `(N, D)`, bool.
        level: Share of truths that the intervals are meant to hold, in (0, 1).

    Raises:
        ValueError: The tables are not comparable, there are fewer than two draws, the level is not in (0, 1), or a hidden
            cell is still missing.
    """
    if len(draws) < 2 or not 0 < level < 1:
        raise ValueError(f"an interval needs two draws and a level in (0, 1), got {len(draws)} and {level}")
    shares = {}
    for name, mask in _hidden_columns(truth, hidden, *draws):
        if truth.is_numeric(name):
            values = np.stack([draw[name][mask] for draw in draws])
            low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0, method="weibull")
            shares[name] = float(((low <= truth[name][mask]) & (truth[name][mask] <= high)).mean())
    return Coverage(shares, level, min(level, (len(draws) - 1) / (len(draws) + 1)), len(draws))


def center_filled(cells: Cells, like: Cells | None = None) -> Cells:
    """Fill missing numbers with the mean and missing categories with the most frequent one: what an imputation must beat.

    Args:
        cells: A table.
        like: The rows whose mean and mode are taken; those of the table itself by default.
    """
    columns = zip(cells.values, (like or cells).values, cells.levels, strict=True)
    return Cells(cells.names, cells.levels, tuple(_filled(*column) for column in columns))


def _filled(values: Array, like: Array, levels: int) -> Array:
    if levels:
        return np.where(values == MISSING, np.bincount(like[like != MISSING], minlength=levels).argmax(), values)
    known = like[~np.isnan(like)]
    return np.where(np.isnan(values), known.mean() if len(known) else 0.0, values)


def _hidden_columns(truth: Cells, hidden: Array, *imputed: Cells) -> Iterator[tuple[str, Array]]:
    """Yield each column with hidden cells that have a truth, and which they are."""
    check_alike(truth, *imputed)
    if hidden.shape != (len(truth), len(truth.names)) or any(len(table) != len(truth) for table in imputed):
        raise ValueError(
            f"a mask of {(len(truth), len(truth.names))} and as many imputed rows are needed, got {hidden.shape} and "
            f"{[len(table) for table in imputed]} rows"
        )
    asked = hidden & ~truth.missing()
    left = np.stack([table.missing() for table in imputed]).any(0)
    for i, name in enumerate(truth.names):
        if (asked & left)[:, i].any():
            raise ValueError(f"column {name!r} has hidden cells that were not imputed; fill every hidden cell")
        if asked[:, i].any():
            yield name, asked[:, i]


def _mean(values: Mapping[str, float]) -> float | None:
    return float(np.mean(list(values.values()))) if values else None
