"""Monotone maps from the positions of numbers on their axis to about standard normal codes.

quantile   piecewise linear through normal scores: the default, because it assumes no distribution
standard   (x - mean) / sd
log1p      the same of log(1 + x - low): amounts
logit      the same of log(u / (1 - u)), u = (x - low) / (high - low): proportions
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
import torch
from pydantic import Field

from vaekit.data.table.cells import Numbers
from vaekit.value import Value

__all__ = ["Log1p", "Logit", "Map", "MapName", "MonotoneMap", "Quantile", "Standard", "fit_map"]

MapName: TypeAlias = Literal["quantile", "standard", "log1p", "logit"]

SMALLEST = 1e-150
"""Knots that are closer count as one: a slope must be a number, and its inverse too."""


class MonotoneMap(Value, ABC):
    """A strictly increasing map from positions to codes."""

    @abstractmethod
    def forward(self, positions: Numbers) -> Numbers:
        """Return the codes of positions, shape (N,); NaN stays NaN."""

    @abstractmethod
    def backward(self, codes: Numbers) -> Numbers:
        """Return the positions of codes, shape (N,)."""

    @abstractmethod
    def log_slope(self, codes: Numbers) -> Numbers:
        """Return log d code / d position at codes, shape (N,)."""


class Quantile(MonotoneMap):
    """Piecewise linear through (x_k, Phi^-1(F(x_k))), with F the mid-rank of x_k; beyond the ends the slope continues.

    The normal scores of van der Waerden (1952); linear pieces, so that the map is invertible and its slope is known.
    """

    kind: Literal["quantile"] = "quantile"
    knots: tuple[float, ...] = Field(min_length=2, repr=False)
    """The positions x_k, ascending."""
    scores: tuple[float, ...] = Field(min_length=2, repr=False)
    """The codes at the knots, ascending."""

    @classmethod
    def fit(cls, positions: Numbers) -> Quantile:
        """Return the map of positions, shape (n,), at clip(n / 30, 10, 1000) knots."""
        values, counts = np.unique(positions, return_counts=True)
        ranks = (np.cumsum(counts) - counts / 2) / len(positions)
        size = int(np.clip(len(positions) // 30, 10, 1000))
        if len(values) > size:
            chosen = np.unique(np.searchsorted(ranks, np.linspace(0, 1, size)).clip(0, len(values) - 1))
            values, ranks = values[chosen], ranks[chosen]
        apart = np.append(True, np.diff(values) > SMALLEST)
        if apart.sum() == 1:
            return cls(knots=(values[0], values[0] + max(1, abs(values[0]))), scores=(0.0, 1.0))
        values, ranks = values[apart], ranks[apart]
        scores = torch.special.ndtri(torch.from_numpy(ranks)).numpy()
        return cls(knots=tuple(values.tolist()), scores=tuple(scores.tolist()))

    def forward(self, positions: Numbers) -> Numbers:
        """Return the codes of positions, shape (N,)."""
        x, y = self._points
        return _piecewise(positions, x, y, *self._ends)

    def backward(self, codes: Numbers) -> Numbers:
        """Return the positions of codes, shape (N,)."""
        x, y = self._points
        below, above = self._ends
        return _piecewise(codes, y, x, 1 / below, 1 / above)

    def log_slope(self, codes: Numbers) -> Numbers:
        """Return the logarithm of the slope of the piece that a code lies in, shape (N,)."""
        x, y = self._points
        below, above = self._ends
        slopes = np.log(np.concatenate([[below], np.diff(y) / np.diff(x), [above]]))
        return np.where(np.isnan(codes), np.nan, slopes[np.searchsorted(y, codes)])

    @property
    def _points(self) -> tuple[Numbers, Numbers]:
        return np.array(self.knots), np.array(self.scores)

    @property
    def _ends(self) -> tuple[float, float]:
        # The slope of the outer twentieth rather than of the last piece, which hangs on one row.
        x, y = self._points
        wide = max(1, len(x) // 20)
        return float((y[wide] - y[0]) / (x[wide] - x[0])), float((y[-1] - y[-1 - wide]) / (x[-1] - x[-1 - wide]))


class _Standardized(MonotoneMap, ABC):
    """(t(x) - mean) / sd with a transform t."""

    mean: float
    """The mean of the transformed positions."""
    sd: float = Field(gt=0)
    """Their standard deviation."""

    @classmethod
    def fit(cls, positions: Numbers, **fields: float) -> Any:
        """Return the map of positions, shape (n,), whose transform has these fields."""
        start = cls(mean=0, sd=1, **fields)
        transformed = start.forward(positions)
        return start.replace(mean=float(transformed.mean()), sd=float(transformed.std()) or 1.0)


class Standard(_Standardized):
    """(x - mean) / sd."""

    kind: Literal["standard"] = "standard"

    def forward(self, positions: Numbers) -> Numbers:
        """Return the codes of positions, shape (N,)."""
        return (positions - self.mean) / self.sd

    def backward(self, codes: Numbers) -> Numbers:
        """Return the positions of codes, shape (N,)."""
        return codes * self.sd + self.mean

    def log_slope(self, codes: Numbers) -> Numbers:
        """Return -log sd, shape (N,)."""
        return np.full(len(codes), -np.log(self.sd))


class Log1p(_Standardized):
    """(log(1 + x - low) - mean) / sd; below `low`, where new data may lie, log(1 + d) goes on as d."""

    kind: Literal["log1p"] = "log1p"
    low: float
    """The smallest position."""

    def forward(self, positions: Numbers) -> Numbers:
        """Return the codes of positions, shape (N,)."""
        above = positions - self.low
        return (np.where(above < 0, above, np.log1p(np.maximum(above, 0))) - self.mean) / self.sd

    def backward(self, codes: Numbers) -> Numbers:
        """Return the positions of codes, shape (N,)."""
        logs = codes * self.sd + self.mean
        return np.where(logs < 0, logs, np.expm1(np.clip(logs, 0, 700))) + self.low

    def log_slope(self, codes: Numbers) -> Numbers:
        """Return -log sd - log(1 + x - low), shape (N,)."""
        return -np.maximum(codes * self.sd + self.mean, 0) - np.log(self.sd)


class Logit(_Standardized):
    """(log(u / (1 - u)) - mean) / sd with u = (x - low) / (high - low), drawn in by 1 / 2n so that both ends are finite.

    The margin is that of Smithson and Verkuilen (2006), "A better lemon squeezer?". A position outside counts as the end.
    """

    kind: Literal["logit"] = "logit"
    low: float
    """The lower bound."""
    high: float
    """The upper bound."""
    margin: float = Field(gt=0, lt=0.5)
    """How far u stays from 0 and 1."""

    def forward(self, positions: Numbers) -> Numbers:
        """Return the codes of positions, shape (N,)."""
        u = np.clip((positions - self.low) / (self.high - self.low), 0, 1) * (1 - 2 * self.margin) + self.margin
        return (np.log(u) - np.log1p(-u) - self.mean) / self.sd

    def backward(self, codes: Numbers) -> Numbers:
        """Return the positions of codes, shape (N,)."""
        u = (self._share(codes) - self.margin) / (1 - 2 * self.margin)
        return np.clip(u, 0, 1) * (self.high - self.low) + self.low

    def log_slope(self, codes: Numbers) -> Numbers:
        """Return log((1 - 2 margin) / (sd (high - low) u (1 - u))), shape (N,)."""
        u = self._share(codes)
        return np.log((1 - 2 * self.margin) / (self.sd * (self.high - self.low))) - np.log(u) - np.log1p(-u)

    def _share(self, codes: Numbers) -> Numbers:
        return 0.5 * (1 + np.tanh((codes * self.sd + self.mean) / 2))


Map: TypeAlias = Annotated[Quantile | Standard | Log1p | Logit, Field(discriminator="kind")]
"""Any monotone map; its `kind` says which."""


def fit_map(name: MapName, positions: Numbers, bounds: tuple[float, float] | None = None) -> MonotoneMap:
    """Return the map called `name`, fitted to positions, shape (n,), n >= 1, without NaN.

    Args:
        name: The name of the map.
        positions: The positions.
        bounds: The bounds of a logit, as positions; by default the smallest and the largest.
    """
    if name == "quantile":
        return Quantile.fit(positions)
    if name == "standard":
        return Standard.fit(positions)
    low, high = float(positions.min()), float(positions.max())
    if name == "log1p":
        return Log1p.fit(positions, low=low)
    low, high = bounds or (low, high)
    return Logit.fit(positions, low=low, high=max(high, np.nextafter(low, np.inf)), margin=0.5 / (len(positions) + 1))


def _piecewise(x: Numbers, knots: Numbers, values: Numbers, below: float, above: float) -> Numbers:
    """Interpolate linearly; go on with the slopes `below` and `above` beyond the ends."""
    found = np.interp(x, knots, values)
    found += np.minimum(x - knots[0], 0) * below
    found += np.maximum(x - knots[-1], 0) * above
    return found
