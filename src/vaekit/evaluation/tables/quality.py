"""Quality of a synthetic table: every measure, of the model's rows beside a floor and a ceiling.

No measure can be read by itself: columns drawn independently of each other have perfect shapes, good trends and pass a
logistic detector, and real rows have a recall of a half. So each stands between what asks for nothing (the floor) and what
no model can beat (the ceiling).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vaekit.evaluation.tables.cells import Cells, Kind, comparable, resampled
from vaekit.evaluation.tables.closeness import Closeness, dcr
from vaekit.evaluation.tables.detection import Detection, detection
from vaekit.evaluation.tables.efficacy import Efficacy, ml_efficacy
from vaekit.evaluation.tables.rows import exact_copies
from vaekit.evaluation.tables.shapes import ColumnScores, column_shapes, missing_similarity
from vaekit.evaluation.tables.support import Support, support
from vaekit.evaluation.tables.trends import PairScores, pair_trends

__all__ = ["TableMeasures", "TableQuality", "table_quality"]

_PLANE_ROWS = 10_000
"""Rows of a side for the logistic detector: it has few weights to learn."""

_EFFICACY_ROWS = 100_000


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
        closeness: Distance to training rows beside that to the holdout; None for the holdout itself.
        copies: Share of the rows that are training rows.
    """

    shapes: ColumnScores
    trends: PairScores
    missing: ColumnScores
    tree: Detection
    logistic: Detection
    efficacy: Efficacy | None
    support: Support
    closeness: Closeness | None
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
        ceiling: Of the holdout in their place; its efficacy is that of the training rows.
        target: The column that is predicted, if any.
        rows: Number of rows: `synthetic`, `train`, `holdout`.
    """

    model: TableMeasures
    floor: TableMeasures
    ceiling: TableMeasures
    target: str | None
    rows: Mapping[str, int]

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON."""
        tables = {name: getattr(self, name).summary() for name in ("model", "floor", "ceiling")}
        return {**tables, "target": self.target, "rows": dict(self.rows)}

    def lines(self) -> list[str]:
        """Return a small table for the terminal, one line per measure, and what the floor and the ceiling are."""
        head = f"{'':24}{'model':>9}{'floor':>9}{'ceiling':>9}   best"
        efficacy = self.model.efficacy
        score = "AUC" if efficacy and efficacy.auc is not None else "R2"
        rows = [
            (
                name,
                best.format(score=score, target=self.target),
                [of(t) for t in (self.model, self.floor, self.ceiling)],
            )
            for name, best, of in _LINES
        ]
        body = [
            f"{name:24}" + "".join(f"{_number(figure):>9}" for figure in figures) + f"   {best}"
            for name, best, figures in rows
            if any(figure is not None for figure in figures)
        ]
        return [head, *body, "floor: columns drawn independently; ceiling: held-out real rows"]


def table_quality(
    synthetic: Any,
    train: Any,
    holdout: Any,
    *,
    kinds: Mapping[str, Kind] | None = None,
    target: str | None = None,
    seed: int = 0,
    rows: int = 30_000,
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

    Raises:
        ValueError: A table lacks a column or has fewer than 10 rows, types differ, or the target cannot be predicted.
    """
    made, seen, held = comparable(synthetic, train, holdout, kinds=kinds)
    if target is not None:
        seen.without(target)  # raises before the work where it is no column, or the only one
    floor = resampled(seen, len(made), np.random.default_rng(seed))

    def measures(table: Cells) -> TableMeasures:
        real = table is held
        learned = seen if real else table
        return TableMeasures(
            shapes=column_shapes(seen, table),
            trends=pair_trends(seen, table),
            missing=missing_similarity(seen, table),
            tree=detection(seen, table, rows=rows, seed=seed),
            logistic=detection(seen, table, "logistic", rows=min(rows, _PLANE_ROWS), seed=seed),
            efficacy=None if target is None else _efficacy(learned, len(seen), held, target, seed),
            support=support(seen, table, seed=seed),
            closeness=None if real else dcr(table, seen, held, seed=seed),
            copies=exact_copies(table, seen),
        )

    counts = {"synthetic": len(made), "train": len(seen), "holdout": len(held)}
    return TableQuality(measures(made), measures(floor), measures(held), target, counts)


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
    ("nearer to training", ".5", lambda table: table.closeness.share if table.closeness else None),
    ("copies of training", "the ceiling's", lambda table: table.copies),
)
"""The measures on the terminal: the name, what is best, and the number that stands for it."""
