"""Real against synthetic columns, one by one: a sheet of small histograms and bars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vaekit.data import TableSchema
from vaekit.data.rows import Array
from vaekit.evaluation.tables import Cells, column_shapes, comparable
from vaekit.interfaces.report.figures import DATA, TRAIN, panels, printable
from vaekit.interfaces.report.page import Picture

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Margins", "margins_of"]

_SHOWN = 24
_BINS = 24
_FEW = 40  # distinct numbers that have a bin each
_NAMED = 7  # categories that have bars of their own
_OUTSIDE = 0.005  # share at either end that a histogram leaves out


@dataclass(frozen=True)
class Margins:
    """How similar each column of synthetic rows is to that of real rows.

    Args:
        shapes: The score of each compared column, 1 if both are alike; NaN if one of them has no cells.
        picture: The columns, or the least similar ones if there are many.
    """

    shapes: Mapping[str, float]
    picture: Picture


def margins_of(schema: TableSchema, real: pa.Table, made: pa.Table) -> Margins:
    """Return the scores and the picture of the columns of two tables.

    Args:
        schema: What the columns are.
        real: Rows that a model was trained on.
        made: Rows that it made.
    """
    cells = comparable(real, made, kinds=schema.kinds)
    shapes = column_shapes(*cells).scores
    worst = sorted(cells[0].names, key=lambda name: np.nan_to_num(shapes[name], nan=1.0))[:_SHOWN]
    names = [name for name in cells[0].names if name in worst]
    drawn = panels([_panel(name, shapes[name], cells, (real, made)) for name in names])
    fewer = f" Shown are the {len(names)} least similar of {len(cells[0].names)} columns."
    some = fewer if len(names) < len(shapes) else ""
    caption = (
        f"Each column by itself: {len(real):,} training rows (grey) and {len(made):,} synthetic rows (blue).{some} Below each "
        "column is its shape score, 1 at best: for numbers one minus the largest difference of the distribution functions, for "
        "categories one minus the total variation distance. Shares of missing cells follow, if there are any. Histograms omit "
        f"{2 * _OUTSIDE:.0%} of the training rows, half at each end. Columns drawn independently of each other would look "
        "perfect here; vaekit evaluate compares them together."
    )
    legend = ((TRAIN, "training rows"), (DATA, "synthetic rows"))
    return Margins(shapes, Picture("columns", "Columns, real and synthetic", caption, drawn, "chart", legend))


def _panel(
    name: str, score: float, cells: tuple[Cells, ...], tables: tuple[pa.Table, pa.Table]
) -> Callable[[Any], None]:
    missing = [part.missing()[:, part.place(name)].mean() for part in cells]
    times = str(tables[0].column(name).type).startswith("timestamp")

    def draw(axes: Any) -> None:
        if cells[0].is_numeric(name):
            _histogram(axes, *(part[name] for part in cells))
            _number_axis(axes, tables[0].column(name).type.unit if times else None)
        else:
            _bars(axes, *(Counter(table.column(name).drop_null().cast("string").to_pylist()) for table in tables))
        axes.set_title(printable(name, 28), loc="left", fontsize=8.5, parse_math=False)
        gaps = "; missing {:.1%}, {:.1%}".format(*missing) if any(missing) else ""
        axes.set_xlabel(f"shape {'-' if np.isnan(score) else f'{score:.3f}'}{gaps}", fontsize=7, labelpad=2)

    return draw


def _histogram(axes: Any, real: Array, made: Array) -> None:
    """Draw densities over the bins of the real numbers, as shares of all rows, also of those outside the bins."""
    real, made = real[~np.isnan(real)], made[~np.isnan(made)]
    if not len(real):
        return
    edges = _edges(real)
    for values, fill, color in ((real, True, TRAIN), (made, False, DATA)):
        density = np.histogram(values, edges)[0] / max(1, len(values)) / np.diff(edges)
        axes.stairs(density, edges, fill=fill, color=color, linewidth=1.2)
    axes.set_xlim(edges[0], edges[-1])


def _edges(real: Array) -> Array:
    distinct = np.unique(real)
    if 1 < len(distinct) <= _FEW:
        middle = (distinct[1:] + distinct[:-1]) / 2
        return np.concatenate([[2 * distinct[0] - middle[0]], middle, [2 * distinct[-1] - middle[-1]]])
    low, high = np.quantile(real, [_OUTSIDE, 1 - _OUTSIDE])
    if low == high:  # nearly always one number, and yet some others
        low, high = distinct[0], distinct[-1] + (len(distinct) == 1)
    if (distinct == np.rint(distinct)).all():  # bins of as many integers each
        width = np.ceil((high - low + 1) / _BINS)
        return np.arange(np.rint(low) - 0.5, high + width, width)
    return np.linspace(low, high, _BINS + 1)


def _number_axis(axes: Any, unit: str | None) -> None:
    axes.set_yticks([])
    if unit is None:
        axes.locator_params(axis="x", nbins=4)
        return
    left, right = axes.get_xlim()
    ticks = [left + share * (right - left) for share in (0.22, 0.78)]
    days = np.array(ticks, dtype=np.int64).astype(f"datetime64[{unit}]").astype("datetime64[D]")
    axes.set_xticks(ticks, days.astype(str))


def _bars(axes: Any, real: Counter[str], made: Counter[str]) -> None:
    """Draw the share of each category, and of all rarer categories together."""
    names = [name for name, _ in (real or made).most_common(_NAMED)]
    heights = []
    for counts in (real, made):
        shares = [counts[name] / max(1, counts.total()) for name in names]
        heights.append([*shares, 1 - sum(shares) if counts else 0.0])
    titles = [printable(name, 12) for name in names] + ["others"]
    shown = len(names) + (max(heights[0][-1], heights[1][-1]) > 1e-9)
    for values, color, offset in zip(heights, (TRAIN, DATA), (-0.2, 0.2), strict=True):
        axes.barh([i + offset for i in range(shown)], values[:shown], height=0.4, color=color)
    axes.set_yticks(range(shown), titles[:shown], fontsize=7, parse_math=False)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.locator_params(axis="x", nbins=4)
