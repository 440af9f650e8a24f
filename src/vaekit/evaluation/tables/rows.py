"""Which rows are the same, and how often a synthetic row is a training row."""

from __future__ import annotations

import numpy as np

from vaekit.evaluation.tables.cells import Array, Cells, check_alike, concatenate

__all__ = ["exact_copies", "folds", "row_groups"]


def row_groups(cells: Cells) -> Array:
    """Return the group of each row, `(N,)` int64: equal rows share one; missing cells equal each other.

    The groups are numbered from 0 by the rows' content, whatever their order.

    Examples:
        >>> row_groups(Cells(("a",), (0,), (np.array([2.0, np.nan, 2.0]),))).tolist()
        [0, 1, 0]
    """
    groups = np.zeros(len(cells), dtype=np.int64)
    for values in cells.values:
        found, codes = np.unique(values, return_inverse=True)
        # Numbered anew after each column, so that the product never overflows.
        groups = np.unique(groups * len(found) + codes, return_inverse=True)[1]
    return groups


def exact_copies(synthetic: Cells, train: Cells) -> float:
    """Return the share of synthetic rows that are training rows, cell by cell.

    A table of few categories repeats itself: the share of other real rows that are training rows says how much. They must
    be others of a random split, as those of a split by content never are.

    Raises:
        ValueError: The tables are not comparable.
    """
    check_alike(synthetic, train)
    made, seen = np.split(row_groups(concatenate(synthetic, train)), [len(synthetic)])
    return float(np.isin(made, seen).mean())


def folds(cells: Cells, count: int, seed: int) -> Array:
    """Return the fold of each row, `(N,)`, drawn at random; equal rows are in one fold.

    A row that is in two folds could be remembered by a classifier that is asked whether it is real: with its label where
    it is the same, and wrongly where it is not.
    """
    groups = row_groups(cells)
    order = np.random.default_rng(seed).permutation(int(groups.max()) + 1)
    return (order % count)[groups]
