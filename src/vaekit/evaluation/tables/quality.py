"""Quality of a synthetic table: every measure, of the model's rows beside a floor and a ceiling.

No measure can be read by itself: columns drawn independently of each other have perfect shapes, good trends and pass a
logistic detector, and real rows have a recall of a half. So each stands between what asks for nothing (the floor) and what
no model can beat (the ceiling): other real rows, of a random split. A split by content would not do, in which equal rows
share a part: rows held out so are never copies of training, as some of any real sample are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vaekit.data.table.rules import Rule
from vaekit.evaluation.tables.cells import Cells, Kind, comparable, concatenate, resampled
from vaekit.evaluation.tables.closeness import Closeness, dcr
from vaekit.evaluation.tables.detection import Detection, detection
from vaekit.evaluation.tables.efficacy import Efficacy, ml_efficacy
from vaekit.evaluation.tables.rows import exact_copies
from vaekit.evaluation.tables.shapes import ColumnScores, column_shapes, missing_similarity
from vaekit.evaluation.tables.support import Support, support
from vaekit.evaluation.tables.trends import PairScores, pair_trends

__all__ = ["FLOOR_AND_CEILING", "TableMeasures", "TableQuality", "table_quality"]

_PLANE_ROWS = 10_000
"""Rows of a side for the logistic detector: it has few weights to learn."""

_EFFICACY_ROWS = 100_000

FLOOR_AND_CEILING = "floor: columns drawn independently; ceiling: other real rows, of a random split"
"""What stands beside the model's figures."""


@dataclass(frozen=True)
class TableMeasures:
    """What is measured of one table against the training rows.

    Args:
        shapes: Shapes of the columns.
        trends: Trends of pairs of columns.
        missing: Similarity of the shares of missing cells, of the columns that have any.
        tree: Detection by boosted trees.
        logistic: Detection by a plane.
        efficacy: Prediction of the target on the holdout; None without a target.
        support: Precision, recall and authenticity.
        closeness: Distance to training rows beside that to the holdout.
        copies: Share of the rows that are training rows.
    """

    shapes: ColumnScores
    trends: PairScores
    missing: ColumnScores
    tree: Detection
    logistic: Detection
    efficacy: Efficacy | None
    support: Support
    closeness: Closeness
    copies: float

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON."""
        return {name: value.summary() if hasattr(value, "summary") else value for name, value in vars(self).items()}


@dataclass(frozen=True)
class TableQuality:
    """How a synthetic table compares with the real one.

    Args:
        model: Of the synthetic rows.
        floor: Of training rows whose columns were drawn independently of each other, as many as there are synthetic ones.
        ceiling: Of real rows in their place: training rows and holdout, shuffled and split again, one against the other.
            Its efficacy is that of the training rows on the holdout, its closeness that of one random half of the training
            rows to the other half.
        target: The column that is predicted, if any.
        rows: Number of rows: `synthetic`, `train`, `holdout`.
        broken: Of each rule that all training rows keep, the share of synthetic rows and of the holdout that break it.
    """

    model: TableMeasures
    floor: TableMeasures
    ceiling: TableMeasures
    target: str | None
    rows: Mapping[str, int]
    broken: Mapping[str, tuple[float, float]]

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON."""
        tables = {name: getattr(self, name).summary() for name in ("model", "floor", "ceiling")}
        return {**tables, "target": self.target, "rows": dict(self.rows), "broken": dict(self.broken)}

    def compared(self) -> list[tuple[str, ...]]:
        """Return for each measure its name, the figures of model, floor and ceiling, and what is best."""
        efficacy = self.model.efficacy
        score = "AUC" if efficacy and efficacy.auc is not None else "R2"
        rows = [(name, best, [of(t) for t in (self.model, self.floor, self.ceiling)]) for name, best, of in _LINES]
        return [
            (name, *map(_number, figures), best.format(score=score, target=self.target))
            for name, best, figures in rows
            if any(figure is not None for figure in figures)
        ]

    def lines(self) -> list[str]:
        """Return a small table for the terminal, one line per measure, and what the floor and the ceiling are."""
        rows = [("", "model", "floor", "ceiling", "best"), *self.compared()]
        body = [
            f"{name:24}" + "".join(f"{figure:>9}" for figure in figures) + f"   {best}" for name, *figures, best in rows
        ]
        rules = [
            f"rule: {rule}; broken by {a:.2%} of synthetic, {b:.2%} of held-out rows"
            for rule, (a, b) in self.broken.items()
        ]
        return [*body, FLOOR_AND_CEILING, *rules]


def table_quality(
    synthetic: Any,
    train: Any,
    holdout: Any,
    *,
    kinds: Mapping[str, Kind] | None = None,
    target: str | None = None,
    seed: int = 0,
    rows: int = 30_000,
    rules: Sequence[Rule] = (),
) -> TableQuality:
    """Measure a synthetic table, and beside it a floor and a ceiling.

    Args:
        synthetic: Synthetic rows, an Arrow table.
        train: The real rows that the model was trained on.
        holdout: Real rows that it was not trained on.
        kinds: How each column is compared; columns it does not name are left out. By default numbers and times are numeric
            and everything else is categorical.
        target: A column to predict from the others.
        seed: Seed of all that is drawn.
        rows: Most rows of a side for the detection by trees; other measures take fewer where they suffice.
        rules: What all training rows keep; see `vaekit.data.table.rules`.

    Raises:
        ValueError: A table lacks a column or has fewer than 10 rows, types differ, or the target cannot be predicted.
    """
    made, seen, held = comparable(synthetic, train, holdout, kinds=kinds)
    if target is not None:
        seen.without(target)  # raises before the work where it is no column, or the only one
    rng = np.random.default_rng(seed)
    floor, (known, others) = resampled(seen, len(made), rng), _parted(concatenate(seen, held), len(seen), rng)

    def measures(table: Cells, known: Cells = seen) -> TableMeasures:
        real = table is others
        learned = seen if real else table
        made_and_known = _parted(seen, len(seen) // 2, rng) if real else (table, seen)
        return TableMeasures(
            shapes=column_shapes(known, table),
            trends=pair_trends(known, table),
            missing=missing_similarity(known, table),
            tree=detection(known, table, rows=rows, seed=seed),
            logistic=detection(known, table, "logistic", rows=min(rows, _PLANE_ROWS), seed=seed),
            efficacy=None if target is None else _efficacy(learned, len(seen), held, target, seed),
            support=support(known, table, seed=seed),
            closeness=dcr(*made_and_known, held, seed=seed),
            copies=exact_copies(table, known),
        )

    counts = {"synthetic": len(made), "train": len(seen), "holdout": len(held)}
    broken = {str(rule): tuple(float(rule.broken(table).mean()) for table in (synthetic, holdout)) for rule in rules}
    return TableQuality(measures(made), measures(floor), measures(others, known), target, counts, broken)  # type: ignore[arg-type]


def _parted(cells: Cells, count: int, rng: np.random.Generator) -> tuple[Cells, Cells]:
    """Return a table in two random parts, the first of `count` rows."""
    rows = rng.permutation(len(cells))
    return cells.take(rows[:count]), cells.take(rows[count:])


def _efficacy(table: Cells, count: int, holdout: Cells, target: str, seed: int) -> Efficacy:
    """Train on no more rows than there are real ones: more synthetic rows are no better data."""
    some = table.some(min(count, _EFFICACY_ROWS), np.random.default_rng(seed))
    return ml_efficacy(some, holdout, target, seed=seed)


def _number(value: float | None) -> str:
    return "-" if value is None or np.isnan(value) else f"{value:.4f}"


_LINES: tuple[tuple[str, str, Callable[[TableMeasures], float | None]], ...] = (
    ("column shapes", "1", lambda table: table.shapes.mean),
    ("pair trends", "1", lambda table: table.trends.mean),
    ("missing cells", "1", lambda table: table.missing.mean if table.missing.scores else None),
    ("detection, trees", ".5 (AUC)", lambda table: table.tree.auc),
    ("detection, logistic", ".5 (AUC)", lambda table: table.logistic.auc),
    (
        "efficacy",
        "high: {score} of {target!r}, trained on these",
        lambda table: table.efficacy.headline if table.efficacy else None,
    ),
    ("alpha-precision", "1", lambda table: table.support.alpha_precision),
    ("beta-recall", "high", lambda table: table.support.beta_recall),
    ("authenticity", "the ceiling's", lambda table: table.support.authenticity),
    ("nearer to training", "the ceiling's", lambda table: table.closeness.share),
    ("copies of training", "the ceiling's", lambda table: table.copies),
)
"""The measures on the terminal: the name, what is best, and the number that stands for it."""
