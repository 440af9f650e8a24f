"""Tables on the page: synthetic rows, columns one by one, reconstructions and walks of a run of tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaekit.data import Dataset, TableSchema
from vaekit.data.table import Column
from vaekit.errors import NotApplicable
from vaekit.evaluation import Bounds, CellLikelihoods, cell_likelihoods
from vaekit.interfaces.report.marginals import Margins, margins_of
from vaekit.interfaces.report.page import Picture, exhibit, paragraph, table, verbatim
from vaekit.interfaces.report.walks import partners
from vaekit.interfaces.run import Run
from vaekit.interfaces.table_files import plain_rows

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["tables"]

_ROWS = 12  # synthetic ones that are shown
_MADE = 4000  # that histograms are of, at most
_PAIRS = 6  # held-out rows beside reconstructions
_STEPS = 7
_WIDE = 40  # columns that a table of rows may have
_LOOKED = 256  # held-out rows whose cells are judged one by one
_LONGEST = 60  # characters of a cell
_KEPT = 2  # columns that are named as the hardest, and as the easiest


class _HeldOut(NamedTuple):
    """The rows that the bounds belong to, and what the model is given of the first of them."""

    data: Dataset
    rows: Tensor

    def first(self, count: int) -> Dataset:
        return self.data.taken(self.rows[:count])

    def row(self, place: int) -> Dataset:
        return self.data.taken(self.rows[place : place + 1])


def tables(run: Run, result: Bounds, *, has_data: bool) -> tuple[list[Picture], list[str]]:
    """Return the pictures of a run of tables, and every exhibit that the data at hand allow, as HTML.

    Args:
        run: A run of tables.
        result: The bounds of its own held-out rows.
        has_data: Whether the data themselves are at hand.
    """
    schema = run.schema
    assert isinstance(schema, TableSchema)
    made = run.sample(_MADE)
    held_out = _HeldOut(*run.open()) if has_data else None
    margins = None if held_out is None else _margins(schema, held_out.data, made)
    parts = [
        _samples(made.slice(0, _ROWS)),
        "" if margins is None else margins.picture.html(wide=True),
        _columns(schema, margins, None if held_out is None else _judged(run, schema, held_out)),
    ]
    if held_out is not None:
        names = list(schema.kinds)
        parts.append(_reconstructions(run, held_out, names))
        if run.space.is_walkable and len(result.means) > 1:
            parts.append(_walk(run, held_out, names, len(result.means)))
    return [] if margins is None else [margins.picture], parts


def _margins(schema: TableSchema, data: Dataset, made: pa.Table) -> Margins:
    return margins_of(schema, data.table.take(data.drawn("train", _MADE).numpy()), made)


def _samples(made: pa.Table) -> str:
    caption = f"z from the prior at temperature 1, every cell drawn from p(x | z).{_cut(made.column_names)}"
    names = made.column_names[:_WIDE]
    return exhibit("Synthetic rows", caption, verbatim(names, _cells(made.select(names))))


def _reconstructions(run: Run, held_out: _HeldOut, names: Sequence[str]) -> str:
    """Return rows, each above what comes back of it."""
    shown, some = names[:_WIDE], held_out.first(_PAIRS)
    again = run.reconstruct(some)[1]
    pairs = zip(_cells(some.table.select(shown)), _cells(again.select(shown)), strict=True)
    rows = [(title, *cells) for pair in pairs for title, cells in zip(("held out", "comes back"), pair, strict=True)]
    caption = (
        "Each held-out row stands above what p(x | z) at the posterior's mean makes of it: a number by its mean, a category by "
        f"the likeliest one. A cell that was missing is filled.{_cut(names)}"
    )
    return exhibit("Held-out rows and their reconstructions", caption, verbatim(("", *shown), rows))


def _walk(run: Run, held_out: _HeldOut, names: Sequence[str], count: int) -> str:
    data, rows = held_out
    labels = None if data.labels is None else data.labels[rows[:count]]
    ((a, b),) = partners(count, labels, 1)
    start, end = held_out.row(a), held_out.row(b)
    shown = names[:_WIDE]
    between = run.interpolate(start, end, _STEPS)
    whole = [start.table.select(shown), between.select(shown), end.table.select(shown)]
    titles = ("a row", *(str(Fraction(i, _STEPS - 1)) for i in range(_STEPS)), "another")
    cells = (row for part in whole for row in _cells(part))
    caption = (
        "A straight line from the posterior mean of one held-out row to that of another; the rows themselves stand first and "
        f"last. A good model walks through rows that could be.{_cut(names)}"
    )
    body = ((title, *row) for title, row in zip(titles, cells, strict=True))
    return exhibit("Interpolation", caption, verbatim(("", *shown), body))


class _Judged(NamedTuple):
    """What the model makes of each column, by name: the likelihood of a cell, and how much of it the latents tell."""

    nats: dict[str, float]
    gain: dict[str, float]
    rows: int


def _judged(run: Run, schema: TableSchema, held_out: _HeldOut) -> _Judged | None:
    """Return the likelihoods of cells in the units of the table; None for a user's own likelihood, which has no cells."""
    names = [column.name for column in schema.columns if column.slots()]
    given = run.given(held_out.first(_LOOKED))
    groups = [list(schema.slots_of(name))[: len(schema.column(name).slots())] for name in names]
    try:
        found = cell_likelihoods(run.model, *given, groups=groups)
    except NotApplicable:
        return None
    units = [_unit(schema.column(name), given[0][:, group]) for name, group in zip(names, groups, strict=True)]
    nats = _mean(found, torch.stack(units, 1))
    return _Judged(
        dict(zip(names, nats, strict=True)), dict(zip(names, found.gain.tolist(), strict=True)), len(given[0])
    )


def _unit(column: Column, codes: Tensor) -> Tensor:
    """Return the nats `(N,)` that turn a density of codes into one of cells."""
    return torch.from_numpy(np.asarray(column.codec.log_jacobian(codes.double().numpy())))


def _mean(found: CellLikelihoods, units: Tensor) -> list[float]:
    return (found.mean + units.sum(0) / found.observed.sum(0)).tolist()


def _columns(schema: TableSchema, margins: Margins | None, judged: _Judged | None) -> str:
    """Return what each column is and why, and how well the model does on it."""
    head = ["Column", "Kind", "Codec", "Missing", "Why"]
    numbers: list[tuple[str, dict[str, float], int]] = []
    said = ["What the model takes each column for."]
    if margins is not None:
        numbers.append(("Shape", dict(margins.shapes), 3))
        said.append("Shape: how alike synthetic and training cells are distributed, 1 is best.")
    if judged is not None:
        numbers += [("log p(x | z)", judged.nats, 2), ("Told by z", judged.gain, 2)]
        said.append(_explained(judged))
    rows = [
        (*_described(column), *(_number(values.get(column.name), digits) for _, values, digits in numbers))
        for column in schema.columns
    ]
    listed = table([*head, *(name for name, _, _ in numbers)], rows, numbers=len(numbers))
    return exhibit("Columns", " ".join(said), listed + "".join(map(_soft, _aside(schema))))


def _explained(judged: _Judged) -> str:
    told = sorted((gain, name) for name, gain in judged.gain.items() if math.isfinite(gain))
    explained = (
        f"log p(x | z): nats of an observed cell given its row's latents, the mean over {judged.rows} held-out rows; of a number "
        "a density in the column's own unit. Told by z: how much of that the latents bring, beyond what holds for any row; it "
        "has no unit, and 0 is a column that is guessed as if nothing were known of the row."
    )
    if len(told) <= 2 * _KEPT:
        return explained
    ends = (told[:_KEPT], told[: -_KEPT - 1 : -1])
    least, most = (", ".join(f"{name} ({gain:.2f})" for gain, name in end) for end in ends)
    return f"{explained} Hardest for the model: {least}; easiest: {most}."


def _described(column: Column) -> tuple[str, ...]:
    share = f"{column.missing:.1%}" if column.missing else "-"
    return column.name, column.kind, column.codec_name, share, column.reason


def _aside(schema: TableSchema) -> Iterator[str]:
    """Yield what is true of the table beside its columns."""
    left = [name for name in schema.names if name not in {source.name for source in schema.sources}]
    if left:
        yield f"Left out, as declared: {', '.join(left)}."
    if schema.constraints:
        yield f"In every synthetic row: {'; '.join(map(str, schema.constraints))}."
    if schema.target is not None:
        yield f"The target is {schema.target}."


def _soft(text: str) -> str:
    return paragraph(text, "soft")


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:,.{digits}f}"


def _cut(names: Sequence[str]) -> str:
    return f" The first {_WIDE} of {len(names)} columns are shown." if len(names) > _WIDE else ""


def _cells(rows: pa.Table) -> Iterable[tuple[str, ...]]:
    """Return the cells of rows as texts; a missing one is empty."""
    return [tuple(map(_cell, row.values())) for row in plain_rows(rows)]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else str(value).removesuffix("T00:00:00")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
