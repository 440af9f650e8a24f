"""What the observed cells of a constraint say where another of its cells is missing, so that no observed cell is left out.

A constraint puts other columns in the place of its own: the gap for the larger number, one combination for several columns. If one
cell is missing, that other column is missing too. Then the observed cells are *evidence* about it. They have slots of their own, and their
likelihood is the sum, or the integral, over all that the missing cells may be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias, cast

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from vaekit.data.arrow import pa, pc
from vaekit.data.table.axis import Line
from vaekit.data.table.cells import Cells, Mask, Numbers, Table, integer_cells, is_null, number_cells
from vaekit.data.table.column import AnyCodec, Column, Declared
from vaekit.data.table.constraints import AnyConstraint, FixedCombinations, Inequality, OneHot
from vaekit.data.table.fitting import fit_column
from vaekit.data.table.maps import Bounded, Quantile
from vaekit.data.table.numeric import Count, Numeric, Spiked
from vaekit.value import Value

__all__ = ["AnyEvidence", "OfCombination", "OfSum", "evidence_columns", "evidence_of", "partly_known"]

CODES = 2 * np.sinh(np.linspace(-3.7, 3.7, 385))
"""The codes at the ends of the cells of an integral: close where a density is, and far out where one without an end may have mass."""

ATOMS = 2000
"""The largest number of counts that are summed over."""


class OfCombination(Value):
    """Some columns of a combination are known: the sum over the combinations that have their values."""

    kind: Literal["combination"] = "combination"
    places: tuple[int, ...]
    """The slots of the columns, E of them."""
    slots: tuple[int]
    """The slot of the combination."""
    codes: tuple[float, ...] = Field(repr=False)
    """The codes of the K combinations."""
    log_shares: tuple[float, ...] = Field(repr=False)
    """The logarithm of the share that each has of its class."""
    values: tuple[tuple[float, ...], ...] = Field(repr=False)
    """For each column the codes of its values in the combinations; -1 for a value without one."""

    def completed(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the combinations `(N, K, 1)` and log-weights `(N, K)`, minus infinity for those with other values."""
        codes, shares, values = (part.to(x) for part in self._tensors)
        known = x[:, list(self.places)].unsqueeze(-1)
        fits = (~known.isfinite() | (known == values)).all(1)
        return codes.view(1, -1, 1).expand(len(x), -1, 1), torch.where(fits, shares, -torch.inf)

    @cached_property
    def _tensors(self) -> tuple[Tensor, ...]:
        return tuple(torch.tensor(part) for part in (self.codes, self.log_shares, self.values))


class OfSum(Value):
    r"""Larger numbers are known, and the smaller one is not: :math:`p(high) = \int p(low)\, p(gap = high - low)\, d\,low`.

    The integral is a sum over nodes that are dense where one of the densities is. Values with a probability of their own, such as
    spikes and counts, are among them. Where such values alone explain the numbers, densities have no weight beside them.
    """

    kind: Literal["sum"] = "sum"
    places: tuple[int, ...]
    """The slots of the larger numbers, E of them."""
    slots: tuple[int, ...]
    """The slots of the smaller number, and then those of the gaps, S in all."""
    low: AnyCodec = Field(repr=False)
    """The codec of the smaller number."""
    gaps: tuple[AnyCodec, ...] = Field(repr=False)
    """The codecs of the gaps."""
    highs: tuple[Numeric, ...] = Field(repr=False)
    """The codecs of the larger numbers."""
    decimals: int | None
    """The number of decimals of all of them; None if they have no last decimal."""

    def completed(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return codes of the smaller number and of the gaps `(N, K, S)`, and log-weights `(N, K)`."""
        known = x[:, list(self.places)].double().cpu().numpy()
        known[np.isinf(known)] = np.nan
        _, first, same = np.unique(np.nan_to_num(known, nan=1e300), axis=0, return_index=True, return_inverse=True)
        codes, weights = (torch.from_numpy(part[same.ravel()]).to(x) for part in self._completed(known[first]))
        return codes, weights

    def _completed(self, known: Numbers) -> tuple[Numbers, Numbers]:
        pairs = [(codec, known[:, [i]]) for i, codec in enumerate(self.highs)]
        highs = [_numbers(codec, codec.map.backward(codes[:, 0])) for codec, codes in pairs]
        lows, widths = self._nodes([self._rounded(high) for high in highs])
        parts = [_coded(self.low, lows)]
        parts += [
            _coded(gap, self._rounded(high[:, None] - lows, widths)) for gap, high in zip(self.gaps, highs, strict=True)
        ]
        codes, slopes, atoms, fits = zip(*parts, strict=True)
        # Densities are those of the codes of the larger numbers.
        unit = np.sum([_log_slope(codec, found) for codec, found in pairs], axis=0)
        measure = _measure(widths, np.sum(atoms, axis=0), np.all(fits, axis=0))
        return np.concatenate(codes, axis=-1), np.sum(slopes, axis=0) - unit[:, None] + measure

    def _nodes(self, highs: Sequence[Numbers]) -> tuple[Numbers, Numbers]:
        """Return values of the smaller number and their widths, both `(N, K)`: middles of cells, and single values of width 0."""
        size = len(highs[0])
        smooth, single = _support(self.low)
        edges, atoms = [np.tile(smooth, (size, 1))], [np.tile(single, (size, 1))]
        for gap, high in zip(self.gaps, highs, strict=True):
            smooth, single = _support(gap)
            edges.append(high[:, None] - smooth)
            atoms.append(high[:, None] - single)
        cells = np.sort(np.concatenate(edges, axis=1), axis=1)
        values = np.sort(self._rounded(np.concatenate(atoms, axis=1)), axis=1)
        values[:, 1:][values[:, 1:] == values[:, :-1]] = np.nan
        lows = np.concatenate([(cells[:, 1:] + cells[:, :-1]) / 2, values], axis=1)
        return lows, np.concatenate([np.diff(cells, axis=1), np.zeros(values.shape)], axis=1)

    def _rounded(self, values: Numbers, widths: Numbers | None = None) -> Numbers:
        """Return values to the last decimal, if there is one: those of width 0."""
        if self.decimals is None:
            return values
        rounded = np.round(values, self.decimals)
        return rounded if widths is None else np.where(widths == 0, rounded, values)


AnyEvidence: TypeAlias = Annotated[OfCombination | OfSum, Field(discriminator="kind")]
"""Any evidence; its `kind` says which."""


def _support(codec: AnyCodec) -> tuple[Numbers, Numbers]:
    """Return ends of cells that cover the numbers of a codec, and the numbers with a probability of their own."""
    if isinstance(codec, Numeric | Spiked):
        inner = codec.map.within if isinstance(codec.map, Bounded) else codec.map
        knots = np.array(inner.knots if isinstance(inner, Quantile) else ())  # where the slope changes
        smooth = np.concatenate([codec.map.backward(CODES), knots])
        spikes = np.array(codec.spikes if isinstance(codec, Spiked) else (), dtype=np.float64)
        return _numbers(codec, smooth), _numbers(codec, spikes)
    if isinstance(codec, Count):
        return np.array([]), np.arange(min(2 * codec.high + 10, ATOMS), dtype=np.float64)
    return np.array([]), np.array(getattr(codec, "labels", ()) + getattr(codec, "rare", ()), dtype=np.float64)


def _numbers(codec: Numeric | Spiked, positions: Numbers) -> Numbers:
    """Return the numbers at positions, beyond the observed range and between the steps of a grid too."""
    axis = codec.axis
    return positions if isinstance(axis, Line) else (axis.offset + axis.step * positions) / 10.0**axis.decimals


def _coded(codec: AnyCodec, values: Numbers) -> tuple[Numbers, Numbers, Mask, Mask]:
    """Return codes `(N, K, S)`, log-slopes, which values have a probability of their own, and which have a code `(N, K)`.

    A number that is not known, NaN, is left out: it has no slope and fits.
    """
    flat = values.ravel()
    if isinstance(codec, Numeric | Spiked):
        axis = codec.axis
        positions = flat if isinstance(axis, Line) else (flat * 10.0**axis.decimals - axis.offset) / axis.step
        nearest = np.rint(positions)
        codes = codec.encode_positions(np.where(np.abs(positions - nearest) < 1e-6, nearest, positions))
    else:
        whole = np.rint(flat)
        known = np.where(codec.type == "float64", flat, np.where(whole == flat, flat, np.nan))
        cells = number_cells(flat)
        if codec.type != "float64":
            cells = integer_cells(np.nan_to_num(known).astype(np.int64), np.isnan(known), codec.type)
        codes = codec.encode(cells)
        codes[np.isnan(codes[:, 0]) & ~np.isnan(flat)] = np.inf
    first = codes[:, 0]
    atom = (
        first < len(codec.spikes) if isinstance(codec, Spiked) else np.full(len(flat), not isinstance(codec, Numeric))
    )
    atom &= np.isfinite(first)
    slope, shape = _log_slope(codec, codes), values.shape
    return codes.reshape(*shape, -1), slope.reshape(shape), atom.reshape(shape), ~np.isinf(first).reshape(shape)


def _log_slope(codec: AnyCodec, codes: Numbers) -> Numbers:
    """Return the nats of a codec without those of unseen values, 0 for missing cells."""
    return np.where(np.isfinite(codes[:, 0]), codec.log_jacobian(codes) - np.log1p(-codec.novel), 0.0)


def _measure(widths: Numbers, atoms: Any, fits: Mask) -> Numbers:
    """Return the logarithm of what each node counts for, `(N, K)`: its width, or one if it has a probability of its own."""
    most = np.where(fits, atoms, 0).max(1, keepdims=True)
    single = (widths == 0) & (atoms == np.maximum(most, 1))
    smooth = np.where((atoms == 0) & (most < 2), widths, 0.0)
    with np.errstate(divide="ignore"):
        return np.log(np.where(fits, np.where(single, 1.0, smooth), 0.0))


def evidence_columns(table: Table, constraints: Sequence[AnyConstraint]) -> tuple[Column, ...]:
    """Return the columns that may be evidence, with a codec for that purpose.

    Args:
        table: The training rows, as the file has them.
        constraints: The constraints, fitted.
    """
    return tuple(
        fit_column(name, table.column(name), Declared(name=name, kind=kind, codec=codec), "derived")
        for constraint in constraints
        for name in _known(constraint)
        for kind, codec in [_kinds(constraint, table.column(name))]
        if len(table.column(name).drop_null().unique()) > 1
    )


def partly_known(name: str, table: Table, free: Table, constraints: Sequence[AnyConstraint]) -> Cells:
    """Return the cells of a column that are evidence: those that the freed table lacks; the others are missing."""
    made = next(constraint.makes[0] for constraint in constraints if name in _known(constraint))
    cells = table.column(name)
    return pc.if_else(pa.array(is_null(free.column(made))), cells, pa.scalar(None, cells.type))


def evidence_of(
    columns: Sequence[Column],
    known: Sequence[Column],
    places: dict[str, range],
    first: int,
    constraints: Sequence[AnyConstraint],
) -> tuple[AnyEvidence, ...]:
    """Return what the slots of known columns say about those of the others.

    Args:
        columns: The columns of the model.
        known: The columns that are evidence, whose slots follow.
        places: The slots of each column of the model.
        first: The first slot of the evidence.
        constraints: The constraints.
    """
    codecs = {column.name: column.codec for column in columns}
    at = {column.name: (first + i, column.codec) for i, column in enumerate(known)}
    return (*_combinations(codecs, at, places, constraints), *_sums(codecs, at, places, constraints))


def _combinations(
    codecs: dict[str, AnyCodec], at: dict[str, Any], places: dict[str, range], constraints: Sequence[AnyConstraint]
) -> Iterator[OfCombination]:
    for one in constraints:
        names = [name for name in _known(one) if name in at]
        if not isinstance(one, FixedCombinations | OneHot) or not names or not len(places[one.makes[0]]):
            continue
        codec = codecs[one.makes[0]]
        rows = one.combinations()
        codes = codec.encode(one.forward(rows).column(one.makes[0]))
        values = [np.nan_to_num(at[name][1].encode(rows.column(name))[:, 0], posinf=-1.0) for name in names]
        seen = np.isfinite(codes[:, 0])
        yield OfCombination(
            places=tuple(at[name][0] for name in names),
            slots=(places[one.makes[0]][0],),
            codes=tuple(codes[seen, 0].tolist()),
            log_shares=tuple(_log_slope(codec, codes)[seen].tolist()),
            values=tuple(tuple(column[seen].tolist()) for column in values),
        )


def _sums(
    codecs: dict[str, AnyCodec], at: dict[str, Any], places: dict[str, range], constraints: Sequence[AnyConstraint]
) -> Iterator[OfSum]:
    pairs = [
        one for one in constraints if isinstance(one, Inequality) and one.high in at and codecs[one.makes[0]].slots("")
    ]
    for low in dict.fromkeys(one.low for one in pairs):
        group = [one for one in pairs if one.low == low]
        if low not in codecs or not codecs[low].slots(low):
            continue
        gaps = [one.makes[0] for one in group]
        decimals = [0 if one.type != "float64" else one.decimals for one in group]
        # The codecs of a column and its mask are apart: the mask is no part of the integral.
        slots = [place for name in (low, *gaps) for place in places[name][: len(codecs[name].slots(name))]]
        yield OfSum(
            places=tuple(at[one.high][0] for one in group),
            slots=tuple(slots),
            low=codecs[low],
            gaps=tuple(codecs[name] for name in gaps),
            highs=tuple(at[one.high][1] for one in group),
            decimals=None if None in decimals else max(cast("list[int]", decimals)),
        )


def _known(constraint: AnyConstraint) -> tuple[str, ...]:
    """Return the columns of a constraint that may be evidence about another one."""
    return (constraint.high,) if isinstance(constraint, Inequality) else constraint.replaces


def _kinds(constraint: AnyConstraint, cells: Cells) -> tuple[Any, Any]:
    if not isinstance(constraint, Inequality):
        return "categorical", "levels"
    return ("datetime" if pa.types.is_timestamp(cells.type) else "continuous"), "quantile"
