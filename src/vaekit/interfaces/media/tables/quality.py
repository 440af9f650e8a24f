"""The quality of synthetic rows, and how well scores find rows that are known to be anomalous."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor

from vaekit.data import Dataset, TableSchema
from vaekit.evaluation.tables import TableQuality, auroc, table_quality
from vaekit.trained import Source, TrainedModel

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Anomalies", "anomalies", "judged_by", "table_quality_of"]

_MOST = 30_000  # rows that are made, and training rows that they are compared with
_CLASSES = 100  # of a column that can be predicted


def table_quality_of(
    run: TrainedModel, source: Source | None = None, count: int | None = None, seed: int = 0, most: int = _MOST
) -> TableQuality:
    """Compare rows that a run makes with those it was trained on, between a floor and a ceiling.

    Args:
        run: A model of tables whose own data are at hand.
        source: The holdout; by default the run's own test part.
        count: How many rows are made; by default as many as it was trained on, `most` at most.
        seed: Seed of all that is drawn.
        most: Most training rows, and rows of the holdout, that they are compared with.

    Raises:
        ValueError: The run is none of tables, its own data are not at hand, or a part has fewer than 10 rows.
    """
    schema, own = cast(TableSchema, run.schema), run.data
    train = own.table.take(own.drawn("train", most).numpy())
    data, rows = run.open(source)
    if len(rows) > most:  # other data may have an order
        rows = torch.from_numpy(np.random.default_rng(seed).permutation(rows.numpy())[:most])
    holdout = data.table.take(rows.numpy())
    made = run.displayed.sample(len(train) if count is None else count, seed=seed)
    target = judged_by(schema, train, holdout)
    return table_quality(made, train, holdout, kinds=schema.kinds, target=target, seed=seed, rules=schema.rules)


def judged_by(schema: TableSchema, *tables: pa.Table) -> str | None:
    """Return the column whose prediction judges the rows: the target, or else the last column of classes.

    Args:
        schema: What the columns are.
        tables: Tables in each of which the column must have at least two values.

    Returns:
        None where there is no such column, or no other that it could be predicted from.
    """
    if len(schema.kinds) < 2:
        return None
    classes = [name for name, kind in schema.kinds.items() if kind == "categorical"]
    wanted = classes[::-1] if schema.target is None else [schema.target]
    return next((name for name in wanted if all(_is_predictable(table, name, classes) for table in tables)), None)


def _is_predictable(table: pa.Table, name: str, classes: list[str]) -> bool:
    import pyarrow.compute as pc

    distinct = int(pc.count_distinct(table.column(name)).as_py())
    return distinct >= 2 and (name not in classes or distinct <= _CLASSES)


@dataclass(frozen=True)
class Anomalies:
    """How well scores find the rarer one of two classes.

    Args:
        auroc: The chance that a row of it is less likely to the model than one of the other; .5 is a guess.
        target: The column of the classes.
        anomalous: The rarer class.
        count: Rows of it.
        rows: Rows of both.
        scored: Whether the class is itself part of what is scored, so that a rare one is unlikely for being rare.
    """

    auroc: float
    target: str
    anomalous: str
    count: int
    rows: int
    scored: bool

    def line(self) -> str:
        """Return it as a sentence."""
        part = f" (the score includes {self.target!r} itself, which alone makes the rarer class unlikely)"
        rows = f"{self.target} = {self.anomalous} ({self.count:,} of {self.rows:,} rows)"
        return f"AUROC {self.auroc:.4f}: {rows} scores below the rest{part if self.scored else ''}"

    def summary(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return dict(vars(self))


def anomalies(data: Dataset, rows: Tensor, score: Tensor) -> Anomalies | None:
    """Return how well a score finds the rarer of two classes; None where the rows are no table or have no two classes.

    Args:
        data: The data.
        rows: Those that were scored.
        score: Their log-likelihoods or bounds of them, `(N,)`.
    """
    schema = data.schema
    if not isinstance(schema, TableSchema) or data.labels is None or schema.target is None or len(data.classes) != 2:
        return None
    labels, scores = data.labels[rows].numpy(), score.double().numpy()
    counts = np.bincount(labels, minlength=2)
    if not counts.all() or not np.isfinite(scores).all():
        return None
    rare = int(counts.argmin())
    found = auroc(-scores, labels == rare)
    known = schema.target in schema.kinds
    return Anomalies(found, schema.target, data.classes[rare], int(counts[rare]), len(labels), known)
