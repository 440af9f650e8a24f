"""Masks that hide cells, so that imputations can be compared with what was there.

The names of the mechanisms are those of Rubin, 1976, "Inference and missing data". Cells that are missing already are never
hidden, as nothing is known to compare an imputation of them with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vaekit.errors import NotApplicable
from vaekit.evaluation.tables.cells import MISSING, Array, Cells

__all__ = ["hide", "mar", "mcar", "mnar"]

_SLOPE = 2.0
"""Log-odds of being hidden per standard deviation of what decides it."""

_DRIVERS = 0.3


def mcar(cells: Cells, share: float, *, seed: int = 0) -> Array:
    """Hide cells completely at random.

    Args:
        cells: A table.
        share: Share of the cells to hide, in (0, 1).
        seed: Seed of the draws.

    Returns:
        Which cells are hidden, `(N, D)`, bool.

    Raises:
        ValueError: The share is not in (0, 1).
    """
    observed = _observed(cells, share)
    return observed & (np.random.default_rng(seed).random(observed.shape) < share)


def mar(cells: Cells, share: float, *, seed: int = 0) -> Array:
    """Hide cells at random given others: whether one is hidden depends on columns that stay.

    About 30 % of the columns, drawn, are never hidden. A random combination of them decides by a logistic model on the
    others, each in its own way.

    References:
        Muzellec, Josse, Boyer and Cuturi, 2020, "Missing data imputation using optimal transport".

    Args:
        cells: A table of two columns at least.
        share: Share of the cells to hide in the columns that do not stay, in (0, 1).
        seed: Seed of the draws.

    Returns:
        Which cells are hidden, `(N, D)`, bool.

    Raises:
        NotApplicable: There is one column only.
        ValueError: The share is not in (0, 1).
    """
    observed, columns = _observed(cells, share), len(cells.names)
    if columns < 2:
        raise NotApplicable(f"column {cells.names[0]!r} cannot depend on another, as there is none; use mcar or mnar")
    rng = np.random.default_rng(seed)
    stay = rng.permutation(columns)[: max(1, round(_DRIVERS * columns))]
    drivers = np.stack([_score(cells, i, rng) for i in stay], 1)
    scores = drivers @ rng.standard_normal((len(stay), columns))
    hidden = _hidden(scores, observed, share, rng)
    hidden[:, stay] = False
    return hidden


def mnar(cells: Cells, share: float, *, seed: int = 0) -> Array:
    """Hide cells by their own value: great numbers, and some categories, are hidden more often.

    Args:
        cells: A table.
        share: Share of the cells to hide, in (0, 1).
        seed: Seed of the draws.

    Returns:
        Which cells are hidden, `(N, D)`, bool.

    Raises:
        ValueError: The share is not in (0, 1).
    """
    observed = _observed(cells, share)
    rng = np.random.default_rng(seed)
    scores = np.stack([_score(cells, i, rng) for i in range(len(cells.names))], 1)
    return _hidden(scores, observed, share, rng)


def hide(table: Any, names: Sequence[str], hidden: Array) -> Any:
    """Return an Arrow table with the hidden cells null.

    Args:
        table: The table.
        names: The columns of the mask.
        hidden: Which cells are hidden, `(N, len(names))`, bool.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    for name, mask in zip(names, hidden.T, strict=True):
        place = table.column_names.index(name)
        column = table.column(place)
        gone = pc.if_else(pa.array(mask), pa.scalar(None, type=column.type), column)
        table = table.set_column(place, table.schema.field(place), gone)
    return table


def _observed(cells: Cells, share: float) -> Array:
    if not 0 < share < 1:
        raise ValueError(f"the share of cells to hide is between 0 and 1, but is {share}; use 0.2 for a fifth")
    return ~cells.missing()


def _score(cells: Cells, place: int, rng: np.random.Generator) -> Array:
    """Return a standardised score of each cell of a column, `(N,)`: of numbers their ranks, of categories a drawn number."""
    values, levels = cells.values[place], cells.levels[place]
    known = values != MISSING if levels else ~np.isnan(values)
    score = np.zeros(len(values))
    if levels:
        score[known] = rng.standard_normal(levels)[values[known]]
    else:  # ranks: heavy tails would leave the choice to a few rows
        score[known] = np.unique(values[known], return_inverse=True)[1]
    deviation = score[known].std() if known.any() else 0.0
    return np.where(known, (score - score[known].mean()) / deviation, 0.0) if deviation else np.zeros(len(values))


def _hidden(scores: Array, observed: Array, share: float, rng: np.random.Generator) -> Array:
    """Draw what is hidden, the log-odds going with the scores and each column losing its share."""
    deviation = scores.std(0)
    scores = _SLOPE * scores / np.where(deviation > 0, deviation, 1.0)
    chances = [_chances(scores[:, i], observed[:, i], share) for i in range(scores.shape[1])]
    return observed & (rng.random(scores.shape) < np.stack(chances, 1))


def _chances(score: Array, observed: Array, share: float) -> Array:
    """Return logistic probabilities whose mean over observed cells is the share, the intercept found by bisection."""
    low, high = -50.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2
        chances = 1 / (1 + np.exp(-(score + middle)))
        if observed.any() and chances[observed].mean() < share:
            low = middle
        else:
            high = middle
    return chances
