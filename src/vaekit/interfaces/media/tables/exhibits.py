"""Tables in the report: synthetic rows, columns one by one, reconstructions and an interpolation."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaekit.data import TableSchema
from vaekit.data.table import Column
from vaekit.errors import NotApplicable
from vaekit.evaluation import Bounds, cell_likelihoods
from vaekit.evaluation.tables import FLOOR_AND_CEILING
from vaekit.interfaces.media.medium import Exhibit, HeldOut
from vaekit.interfaces.media.tables.files import described, plain_rows
from vaekit.interfaces.media.tables.marginals import Margins, margins_of
from vaekit.interfaces.media.tables.quality import table_quality_of
from vaekit.interfaces.report.page import exhibit, paragraph, table, verbatim
from vaekit.interfaces.report.walks import partners
from vaekit.interfaces.runs.run import Run
from vaekit.training.budget import Deadline

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["tables"]

_ROWS = 12  # synthetic ones that are shown
_MADE = 4000  # that histograms are of, at most
_COMPARED = 2000  # synthetic, training and held-out rows, at most, whose quality is measured
_COMPARING = 5.0  # seconds that this takes
_COMPARABLE = 60  # columns, whose pairs are compared too
_PAIRS = 6  # held-out rows beside reconstructions
_STEPS = 7
_WIDE = 40  # columns that a table of rows may have
_LOOKED = 256  # held-out rows whose cells are judged one by one
_LONGEST = 60  # characters of a cell
_EXTREMES = 2  # columns that are named as the hardest, and as the easiest


def tables(run: Run, result: Bounds, held_out: HeldOut | None, deadline: Deadline) -> Iterator[Exhibit]:
    """Yield every exhibit of a run of tables that the available data allow.

    Args:
        run: A run of tables.
        result: The bounds of its own held-out rows.
        held_out: The rows themselves, if they are available.
        deadline: The quality of synthetic rows is not measured where it would take longer.
    """
    schema = run.schema
    assert isinstance(schema, TableSchema)
    made = run.displayed.sample(_MADE)
    yield Exhibit(_samples(made.slice(0, _ROWS)))
    if held_out is None:
        yield Exhibit(_columns(schema, None, None))
        return
    yield from map(Exhibit, _quality(run, deadline))
    data, names = held_out.data, list(schema.kinds)
    margins = margins_of(schema, data.table.take(data.drawn("train", _MADE).numpy()), made)
    yield Exhibit(margins.picture.html(wide=True), (margins.picture,))
    yield Exhibit(_columns(schema, margins, _judged(run, schema, held_out)))
    yield Exhibit(_reconstructions(run, held_out, names))
    if run.latents.is_walkable and len(result.means) > 1:
        yield Exhibit(_walk(run, held_out, names, len(result.means)))


def _samples(made: pa.Table) -> str:
    caption = f"z from the prior at temperature 1, every cell drawn from p(x | z).{_cut(made.column_names)}"
    names = made.column_names[:_WIDE]
    return exhibit("Synthetic rows", caption, verbatim(names, _cells(made.select(names))))


def _quality(run: Run, deadline: Deadline) -> Iterator[str]:
    """Yield the quality of synthetic rows, where these are what the model is for."""
    schema = run.schema
    assert isinstance(schema, TableSchema)
    if getattr(run.description, "goal", None) != "synthesis":
        return
    title = "Quality of synthetic rows"
    try:
        if len(schema.kinds) > _COMPARABLE:
            raise NotApplicable(f"more than {_COMPARABLE} columns take long to compare; vaekit evaluate does")
        if deadline.left < _COMPARING:
            raise NotApplicable(
                f"the time limit leaves no time for it; vaekit report {shlex.quote(str(run.path))} measures it"
            )
        found = table_quality_of(run, most=_COMPARED)
    except ValueError as error:  # nothing that is measured for the report ends a run
        yield exhibit(title, f"Not measured: {error}.", "")
        return
    rows = found.rows
    caption = (
        f"{rows['synthetic']:,} synthetic, {rows['train']:,} training and {rows['holdout']:,} held-out rows; "
        f"{FLOOR_AND_CEILING}. vaekit evaluate compares more rows."
    )
    share = "{:.2%}".format
    rules = [(rule, *map(share, shares)) for rule, shares in found.broken.items()]
    yield exhibit(title, caption, table(("", "best", "model", "floor", "ceiling"), _last(found.compared()), numbers=3))
    if rules:
        said = "What all training rows keep, and the share of rows that break it. With constraints=auto new rows keep it too."
        yield exhibit("Rules", said, table(("Rule", "synthetic", "held out"), rules, numbers=2))


def _last(rows: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Yield each row with its numbers at the end."""
    for name, *figures, best in rows:
        yield name, best, *figures


def _reconstructions(run: Run, held_out: HeldOut, names: Sequence[str]) -> str:
    """Return rows, each above its reconstruction."""
    shown, some = names[:_WIDE], held_out.first(_PAIRS)
    again = run.displayed.reconstruct(some)[1]
    pairs = zip(_cells(some.table.select(shown)), _cells(again.select(shown)), strict=True)
    titles = ("held out", "reconstructed")
    rows = [(title, *cells) for pair in pairs for title, cells in zip(titles, pair, strict=True)]
    caption = (
        "Each held-out row is above its reconstruction from the posterior mean: the mean of a number, the most probable "
        f"category. Missing cells are filled.{_cut(names)}"
    )
    return exhibit("Held-out rows and their reconstructions", caption, verbatim(("", *shown), rows))


def _walk(run: Run, held_out: HeldOut, names: Sequence[str], count: int) -> str:
    data, rows = held_out
    labels = None if data.labels is None else data.labels[rows[:count]]
    ((a, b),) = partners(count, labels, 1)
    start, end = (data.taken(rows[place : place + 1]) for place in (a, b))
    shown = names[:_WIDE]
    between = run.displayed.interpolate(start, end, _STEPS)
    whole = [start.table.select(shown), between.select(shown), end.table.select(shown)]
    titles = ("a row", *(str(Fraction(i, _STEPS - 1)) for i in range(_STEPS)), "another")
    cells = (row for part in whole for row in _cells(part))
    caption = (
        "A straight line from the posterior mean of one held-out row to that of another; the two rows themselves are first and "
        f"last. With a good model every row in between is plausible.{_cut(names)}"
    )
    body = ((title, *row) for title, row in zip(titles, cells, strict=True))
    return exhibit("Interpolation", caption, verbatim(("", *shown), body))


class _Judged(NamedTuple):
    """How well the model predicts each column, by name: the likelihood of a cell, and the gain from the latents."""

    nats: dict[str, float]
    gain: dict[str, float]
    rows: int


def _judged(run: Run, schema: TableSchema, held_out: HeldOut) -> _Judged | None:
    """Return the likelihoods of cells in the units of the table; None for a user's own likelihood, without cells."""
    names = [column.name for column in schema.columns if column.slots()]
    given = run.given(held_out.first(_LOOKED))
    groups = [list(schema.slots_of(name))[: len(schema.column(name).slots())] for name in names]
    try:
        found = cell_likelihoods(run.model, *given, groups=groups)
    except NotApplicable:
        return None
    units = [_unit(schema.column(name), given[0][:, group]) for name, group in zip(names, groups, strict=True)]
    nats = found.mean + torch.stack(units, 1).sum(0) / found.observed.sum(0)
    by_name, gains = (dict(zip(names, values.tolist(), strict=True)) for values in (nats, found.gain))
    return _Judged(by_name, gains, len(given[0]))


def _unit(column: Column, codes: Tensor) -> Tensor:
    """Return the nats `(N,)` that turn a density of codes into one of cells."""
    return torch.from_numpy(np.asarray(column.codec.log_jacobian(codes.double().numpy())))


def _columns(schema: TableSchema, margins: Margins | None, judged: _Judged | None) -> str:
    """Return what each column is and why, and how well the model does on it."""
    head = ["Column", "Kind", "Codec", "Missing", "Why"]
    numbers: list[tuple[str, dict[str, float], int]] = []
    captions = ["How the model reads each column."]
    if margins is not None:
        numbers.append(("Shape", dict(margins.shapes), 3))
        captions.append("Shape: how similar the distributions of synthetic and training cells are; 1 is best.")
    if judged is not None:
        numbers += [("log p(x | z)", judged.nats, 2), ("Gain from z", judged.gain, 2)]
        captions.append(_explained(judged))
    rows = [
        (*described(column), *(_number(values.get(column.name), digits) for _, values, digits in numbers))
        for column in schema.columns
    ]
    listed = table([*head, *(name for name, _, _ in numbers)], rows, numbers=len(numbers))
    remarks = "".join(paragraph(remark, "soft") for remark in _remarks(schema))
    return exhibit("Columns", " ".join(captions), listed + remarks)


def _explained(judged: _Judged) -> str:
    gains = sorted((gain, name) for name, gain in judged.gain.items() if math.isfinite(gain))
    explained = (
        f"log p(x | z): nats of an observed cell given the latents of its row, averaged over {judged.rows} held-out rows; for a "
        "number it is a density in the unit of the column. Gain from z: how much of it comes from the latents and not from "
        "what holds for every row; it has no unit, and 0 means that the latents say nothing about the column."
    )
    if len(gains) <= 2 * _EXTREMES:
        return explained
    ends = (gains[:_EXTREMES], gains[: -_EXTREMES - 1 : -1])
    least, most = (", ".join(f"{name} ({gain:.2f})" for gain, name in end) for end in ends)
    return f"{explained} Hardest for the model: {least}; easiest: {most}."


def _remarks(schema: TableSchema) -> Iterator[str]:
    """Yield what is true of the table as a whole."""
    left = [name for name in schema.names if name not in {source.name for source in schema.sources}]
    if left:
        yield f"Left out, as declared: {', '.join(left)}."
    if schema.constraints:
        yield f"In every synthetic row: {'; '.join(map(str, schema.constraints))}."
    if schema.target is not None:
        yield f"The target is {schema.target}."


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
