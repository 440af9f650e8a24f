"""Draws of the cells of a column: their expected values, and how certain these are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vaekit.data.rows import Array
from vaekit.data.table.axis import Axis, fit_axis
from vaekit.data.table.cells import type_name

__all__ = ["DrawnLabels", "DrawnNumbers"]

_TIES = 0.1  # share of neighbouring draws that are equal, above which a column has spikes


class DrawnNumbers:
    """The draws of a column of numbers or of points in time, `(M, N)`.

    Args:
        cells: The draws.
        axis: The axis that the numbers of the column lie on; None fits it to the draws.
    """

    def __init__(self, cells: list[Any], axis: Axis | None) -> None:
        import pyarrow as pa

        self.type = cells[0].type
        together = pa.chunked_array([chunk for part in cells for chunk in part.chunks], self.type)
        self.axis = axis or fit_axis(together, "drawn")
        whole = [part.cast(pa.int64()) if pa.types.is_timestamp(self.type) else part for part in cells]
        self.values = np.stack([part.to_numpy().astype(np.float64) for part in whole])

    def expected(self) -> Any:
        """Return the means, rounded to values that the column could hold: whole days, or cents of a price."""
        import pyarrow as pa

        mean = pa.array(self.values.mean(0))
        if not pa.types.is_floating(self.type):
            mean = pa.array(np.rint(mean).astype(np.int64)).cast(self.type)
        return self.axis.cells(self.axis.positions(mean), type_name(mean))

    def interval(self, level: float) -> tuple[Array, Array]:
        """Return the ends of an interval that holds this share of the draws, each `(N,)`; times are seconds since 1970.

        The same share lies on either side of it. A column with spikes has quantiles far away from most of its values; its
        interval is the shortest one that holds the share.

        References:
            Chen and Shao, 1999, "Monte Carlo estimation of Bayesian credible and HPD intervals".
        """
        import pyarrow as pa

        unit = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[self.type.unit] if pa.types.is_timestamp(self.type) else 1.0
        draws = np.sort(self.values, 0) / unit
        if (np.diff(draws, axis=0) == 0).mean() < _TIES:
            # Weibull quantiles hold this share of a new draw; the default ones would be too narrow for few draws.
            bounds = [(1 - level) / 2, (1 + level) / 2]
            low, high = np.quantile(draws, bounds, axis=0, method="weibull")
            return low, high
        held = min(len(draws), math.ceil(level * (len(draws) + 1)))
        first = (draws[held - 1 :] - draws[: len(draws) - held + 1]).argmin(0)
        each = np.arange(draws.shape[1])
        return draws[first, each], draws[first + held - 1, each]


class DrawnLabels:
    """The draws of a column of categories or of ranks.

    Args:
        cells: The draws.
        ranks: The values from the lowest to the highest, if they have an order; None for categories.
    """

    def __init__(self, cells: list[Any], ranks: Any = None) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        together = pa.chunked_array([chunk for part in cells for chunk in part.chunks], cells[0].type).combine_chunks()
        self.names = pc.unique(together) if ranks is None else ranks
        self.is_ordered, count = ranks is not None, len(cells[0])
        codes = pc.index_in(together, value_set=self.names).to_numpy(zero_copy_only=False).reshape(len(cells), count)
        self.share = np.zeros((count, max(1, len(self.names))))
        for row in codes:
            self.share[np.arange(count), row] += 1 / len(cells)

    def expected(self) -> Any:
        """Return for each cell the category that was drawn most often, or the median rank."""
        return self.names.take(self._expected)

    def probability(self, cells: Any) -> Array:
        """Return the share of the draws that equal cells, `(N,)`."""
        import pyarrow.compute as pc

        places = pc.fill_null(pc.index_in(cells, value_set=self.names), -1).to_numpy()
        return np.where(places < 0, 0.0, self.share[np.arange(len(self.share)), places])

    @property
    def _expected(self) -> Array:
        return (self.share.cumsum(1) >= 0.5 - 1e-9).argmax(1) if self.is_ordered else self.share.argmax(1)
