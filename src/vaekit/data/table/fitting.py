"""Codecs fitted to the training rows of a column. What a user declares is not doubted, only checked."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np

from vaekit.data.arrow import pa
from vaekit.data.table.axis import Grid, Line, fit_axis
from vaekit.data.table.cells import Cells, Label, Numbers, labels_of, numbers
from vaekit.data.table.codec import novel_share
from vaekit.data.table.column import AnyCodec, CodecName, Column, Declared, Kind
from vaekit.data.table.discrete import Categories, Constant, Levels, Ordinal, Text
from vaekit.data.table.inference import Decision, Profile, decide, find_spikes, profile_of
from vaekit.data.table.maps import Bounded, Log1p, MapName, MonotoneMap, Quantile, Standard, fit_map
from vaekit.data.table.numeric import Count, Numeric, Spiked
from vaekit.data.table.words import fit_identifier, natural_order

__all__ = ["Role", "fit_column"]

Role: TypeAlias = Literal["input", "target", "derived"]
"""What a column is for."""

Bounds: TypeAlias = tuple[Cells | None, Cells | None]

RARE = 10
"""A class of fewer rows is rare, in tables of a thousand rows and more."""

MANY = 50
"""Where there are more classes, one with less than 0.1 % of the rows is rare."""

CODECS: dict[Kind, tuple[CodecName, ...]] = {
    "continuous": ("quantile", "standard", "log1p", "logit", "levels", "spiked"),
    "spiked": ("spiked",),
    "count": ("count", "quantile", "levels"),
    "bounded": ("logit", "quantile", "levels", "spiked"),
    "binary": ("levels", "categories"),
    "categorical": ("categories", "levels"),
    "ordinal": ("ordinal",),
    "datetime": ("quantile", "standard", "log1p", "levels", "spiked"),
    "identifier": ("identifier",),
    "constant": ("constant",),
    "text": ("text",),
}
"""The codecs that a kind of column can have, the usual one first."""

NUMBERS: frozenset[CodecName] = frozenset({*get_args(MapName), "spiked", "count"})


def fit_column(
    name: str,
    cells: Cells,
    declared: Declared | None = None,
    role: Role = "input",
    bounds: Bounds = (None, None),
) -> Column:
    """Choose the kind of a column, unless it is declared, and fit its codec.

    Args:
        name: The column.
        cells: The cells of its training rows.
        declared: What is declared about it.
        role: Whether it is the target (its rare classes stay apart), or was derived by a constraint (it is never an
            identifier).
        bounds: The bounds of its numbers, as scalars of its type; None where there is none.

    Raises:
        ValueError: If a number is infinite, or what is declared does not fit the cells; the sentence names the column.
    """
    declared = declared or Declared(name=name)
    profile = profile_of(name, cells)
    chosen = _chosen(profile, declared, names_rows=role == "input")
    codec = _codec(profile, chosen.codec, declared, bounds, keep=role == "target")
    if codec.slots(name) and not isinstance(getattr(codec, "map", None), Quantile | Standard | Log1p):  # all numbers
        listed = isinstance(codec, Levels | Ordinal | Categories)
        codec = codec.replace(novel=novel_share(int((profile.counts == 1).sum()) if listed else 0, profile.rows))
    return Column(name=name, kind=chosen.kind, reason=chosen.reason, codec=codec, missing=profile.missing)


def _chosen(profile: Profile, declared: Declared, names_rows: bool) -> Decision:
    codec = declared.codec
    kind = declared.kind or ("ordinal" if declared.order is not None else _usual_kind(codec))
    if kind is None:
        return decide(profile, names_rows=names_rows)
    if not profile.rows:
        return Decision("constant", "constant", "every cell is missing")
    if codec is not None and codec not in CODECS[kind]:
        raise ValueError(
            f"column {profile.name!r}: a {kind} column is coded as {' or '.join(CODECS[kind])}, but codec is {codec};"
            " use one of these, or declare another kind"
        )
    codec = codec or CODECS[kind][0]
    if codec in NUMBERS and profile.type in ("string", "bool"):
        raise ValueError(
            f"column {profile.name!r} is declared {kind}, so it must hold numbers, but holds {profile.type};"
            " declare it categorical, or mend its cells"
        )
    if codec == "identifier" and profile.type not in ("string", "int64"):
        raise ValueError(
            f"column {profile.name!r} is declared identifier, so it must hold words or integers, but holds {profile.type};"
            " declare what it is, or drop it with use: drop"
        )
    return Decision(kind, codec, "declared")


def _usual_kind(codec: CodecName | None) -> Kind | None:
    return next((kind for kind, codecs in CODECS.items() if codec in codecs), None)


def _codec(profile: Profile, codec: CodecName, declared: Declared, bounds: Bounds, keep: bool) -> AnyCodec:
    kind = profile.type
    if codec == "count" and (bounds[1] is not None or (bounds[0] is not None and bounds[0].as_py() > 0)):
        codec = "quantile"  # counts have no other bound than 0
    match codec:
        case "levels":
            return Levels(type=kind, labels=tuple(labels_of(profile.values)))
        case "categories":
            return _categories(profile, keep)
        case "ordinal":
            return Ordinal(type=kind, labels=_order(profile, declared))
        case "identifier":
            return fit_identifier(profile.values, profile.name)
        case "constant":
            return Constant(type=kind, value=_only(profile))
        case "text":
            return Text(type=kind)
        case "count":
            return _count(profile)
        case "spiked":
            return _spiked(profile, bounds)
        case _:
            axis = fit_axis(profile.values, profile.name)
            return Numeric(type=kind, axis=axis, map=_map(codec, axis, axis.positions(profile.cells), bounds))


def _only(profile: Profile) -> Label | None:
    if profile.distinct > 1:
        raise ValueError(
            f"column {profile.name!r} is declared constant, but has {profile.distinct} different values;"
            " declare what it is, or drop it with use: drop"
        )
    return labels_of(profile.values)[0] if profile.distinct else None


def _categories(profile: Profile, keep: bool) -> Categories:
    """Pool the rare classes: of fewer than 10 rows (1 % in small tables), or 0.1 % if there are more than 50 classes."""
    least = min(RARE, int(np.ceil(profile.rows / 100)))
    if profile.distinct > MANY:
        least = max(least, int(np.ceil(profile.rows / 1000)))
    rare = (profile.counts < least) & (not keep)
    if rare.all():
        rare &= profile.counts < profile.counts.max()
    labels = np.array(labels_of(profile.values), dtype=object)
    return Categories(
        type=profile.type,
        labels=tuple(labels[~rare].tolist()),
        rare=tuple(labels[rare].tolist()),
        counts=tuple(profile.counts[rare].tolist()),
    )


def _order(profile: Profile, declared: Declared) -> tuple[Label, ...]:
    found = labels_of(profile.values)
    if declared.order is None:
        return tuple((natural_order(found) if profile.type == "string" else None) or found)
    order = _typed(declared.order, profile)
    if strange := [value for value in found if value not in set(order)]:
        raise ValueError(
            f"column {profile.name!r}: order must list all of its values, but {strange[0]!r} is not in it; add it"
        )
    return tuple(order)


def _typed(order: tuple[Label, ...], profile: Profile) -> list[Label]:
    """Return an order in the type of the column: of real numbers, 1 means 1.0."""
    kinds = {"string": str, "bool": bool, "float64": float}
    if profile.type == "float64":
        order = tuple(float(value) if isinstance(value, int) else value for value in order)
    if strange := [value for value in order if type(value) is not kinds.get(profile.type, int)]:
        raise ValueError(
            f"column {profile.name!r}: order must list values of type {profile.type}, but has {strange[0]!r}; correct it"
        )
    return list(order)


def _count(profile: Profile) -> Count:
    values = numbers(profile.values)
    bad = values[~((values >= 0) & (values == np.rint(values)) & np.isfinite(values))]
    if len(bad):
        raise ValueError(
            f"column {profile.name!r} is declared a count, so it must hold non-negative integers, but has {bad[0]:g};"
            " declare it continuous, or mend the cell"
        )
    return Count(type=profile.type, low=int(values.min()), high=int(values.max()))


def _spiked(profile: Profile, bounds: Bounds) -> Spiked:
    axis = fit_axis(profile.values, profile.name)
    positions = axis.positions(profile.values)
    spikes = find_spikes(profile.counts)
    if not len(spikes):
        spikes = np.array([profile.counts.argmax()])
    rest = np.delete(np.arange(profile.distinct), spikes)
    repeated: Numbers = np.repeat(positions[rest], profile.counts[rest]) if len(rest) else positions
    found = _map("quantile", axis, repeated, bounds)
    return Spiked(type=profile.type, axis=axis, spikes=tuple(positions[spikes].tolist()), map=found)


def _map(name: MapName, axis: Grid | Line, positions: Numbers, bounds: Bounds) -> MonotoneMap:
    """Return the map of positions, shape (n,), whose density lies within the bounds."""
    low, high = (None if one is None else float(axis.positions(pa.array([one.as_py()], one.type))[0]) for one in bounds)
    if name == "logit":
        return fit_map(name, positions, None if low is None or high is None else (low, high))
    found = fit_map(name, positions)
    if low is None and high is None:
        return found
    half = 0.5 * isinstance(axis, Grid)  # a number on a grid stands for all that are rounded to it
    return Bounded.fit(found, positions, None if low is None else low - half, None if high is None else high + half)
