"""Monotone maps from the positions of numbers on their axis to about standard normal codes.

quantile   piecewise linear through normal scores: the default, because it assumes no distribution
standard   (x - mean) / sd
log1p      the same of log(1 + x - low): amounts
logit      the same of log(u / (1 - u)), u = (x - low) / (high - low): proportions
bounded    one of the others between bounds that were declared or follow from a constraint
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
import torch
from pydantic import Field

from vaekit.data.table.cells import Numbers
from vaekit.value import Value

__all__ = ["Bounded", "Log1p", "Logit", "Map", "MapName", "MonotoneMap", "Quantile", "Standard", "fit_map"]

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
    """(log(u / (1 - u)) - mean) / sd with u = (x - low) / (high - low): the open interval becomes the whole line.

    The ends themselves count as `margin` within, so that their codes are finite. A position outside has an infinite code.
    """

    kind: Literal["logit"] = "logit"
    low: float
    """The lower bound."""
    high: float
    """The upper bound."""
    margin: float = Field(gt=0, lt=0.5)
    """What u = 0 and 1 - u = 0 count as."""

    def forward(self, positions: Numbers) -> Numbers:
        """Return the codes of positions, shape (N,)."""
        u = (positions - self.low) / (self.high - self.low)
        u = np.select([u == 0, u == 1], [self.margin, 1 - self.margin], u)
        inside = (u > 0) & (u < 1)
        u = np.where(inside, u, 0.5)
        codes = (np.log(u) - np.log1p(-u) - self.mean) / self.sd
        return np.where(inside, codes, np.where(np.isnan(positions), np.nan, np.inf))

    def backward(self, codes: Numbers) -> Numbers:
        """Return the positions of codes, shape (N,)."""
        u = self._share(codes)
        near = self.margin * (1 + 1e-6)
        u = np.select([u <= near, u >= 1 - near], [0.0, 1.0], u)
        return u * (self.high - self.low) + self.low

    def log_slope(self, codes: Numbers) -> Numbers:
        """Return -log(sd (high - low) u (1 - u)), shape (N,)."""
        y = codes * self.sd + self.mean
        return np.logaddexp(0, y) + np.logaddexp(0, -y) - np.log(self.sd) - np.log(self.high - self.low)

    def _share(self, codes: Numbers) -> Numbers:
        return 0.5 * (1 + np.tanh((codes * self.sd + self.mean) / 2))


class Bounded(MonotoneMap):
    r"""Another map c(x), drawn out between bounds a = c(low) and b = c(high) so that they become the ends of the line.

    .. math:: y = c + \log(1 - e^{a - c}) - \log(1 - e^{c - b})

    Far from the bounds it is c. A position outside has an infinite code, so the density within the bounds has mass one.
    """

    kind: Literal["bounded"] = "bounded"
    within: Annotated[Quantile | Standard | Log1p, Field(discriminator="kind")]
    """The map c."""
    low: float | None = None
    """The lower bound; None if there is none."""
    high: float | None = None
    """The upper bound; None if there is none."""
    edge: float = Field(gt=0)
    """The distance from a bound, as a code, that a position on it counts as: its own code would be infinite."""

    @classmethod
    def fit(cls, within: MonotoneMap, positions: Numbers, low: float | None, high: float | None) -> Bounded:
        """Return the map of positions, shape (n,), within bounds."""
        draft = cls.model_validate({"within": within, "low": low, "high": high, "edge": 1.0})
        apart = np.concatenate([part[part > 0] for part in draft._apart(within.forward(positions))])
        return draft.replace(edge=max(float(min(0.05, apart.min(initial=0.1) / 2)), 1e-9))

    def forward(self, positions: Numbers) -> Numbers:
        """Return the codes of positions, shape (N,)."""
        codes = self.within.forward(positions)
        below, above = (np.where(part == 0, self.edge, part) for part in self._apart(codes))
        inside = (below > 0) & (above > 0)
        below, above = np.where(inside, below, 1.0), np.where(inside, above, 1.0)
        found = codes + np.log(-np.expm1(-below)) - np.log(-np.expm1(-above))
        return np.where(inside | np.isnan(codes), found, np.inf)

    def backward(self, codes: Numbers) -> Numbers:
        """Return the positions of codes, shape (N,)."""
        return np.clip(self.within.backward(self._inner(codes)), self.low, self.high)

    def log_slope(self, codes: Numbers) -> Numbers:
        """Return the logarithm of the slope, shape (N,)."""
        inner = self._inner(codes)
        below, above = (np.maximum(part, 1e-12) for part in self._apart(inner))
        return self.within.log_slope(inner) + np.log(-1 / np.expm1(-below) - 1 / np.expm1(-above) - 1)

    @property
    def _ends(self) -> tuple[float, float]:
        ends = np.array([self.low or 0.0, self.high or 0.0])
        low, high = self.within.forward(ends).tolist()
        return -np.inf if self.low is None else low, np.inf if self.high is None else high

    def _apart(self, inner: Numbers) -> tuple[Numbers, Numbers]:
        """Return the distances of codes of the inner map from those of both bounds."""
        low, high = self._ends
        return inner - low, high - inner

    def _inner(self, codes: Numbers) -> Numbers:
        low, high = self._ends
        return np.logaddexp(codes, low) - np.logaddexp(0, codes - high)


Map: TypeAlias = Annotated[Quantile | Standard | Log1p | Logit | Bounded, Field(discriminator="kind")]
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
    high = max(high, np.nextafter(low, np.inf))
    u = (positions - low) / (high - low)
    inner = np.minimum(u, 1 - u)
    margin = min(0.5 / (len(positions) + 1), float(inner[inner > 0].min(initial=1.0)) / 2)
    return Logit.fit(positions, low=low, high=high, margin=margin)


def _piecewise(x: Numbers, knots: Numbers, values: Numbers, below: float, above: float) -> Numbers:
    """Interpolate linearly; go on with the slopes `below` and `above` beyond the ends."""
    found = np.interp(x, knots, values)
    found += np.minimum(x - knots[0], 0) * below
    found += np.maximum(x - knots[-1], 0) * above
    return found
