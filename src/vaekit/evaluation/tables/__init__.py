"""Synthetic tables: do they look like the real one, do they serve as it does, do they give its rows away?

    cells      tables as numbers that can be compared: `comparable` is the door
    shapes     single columns;  trends  pairs of columns
    detection  a classifier tells real from synthetic;  efficacy  a classifier learns the task from synthetic rows
    support    precision, recall, authenticity;  closeness  distance to training rows;  rows  copies of them
    quality    all of them, between a floor and a ceiling
    masks      cells to hide;  imputation  how well they were filled;  ranking  how well a score ranks

scikit-learn and pyarrow are imported where they are used.
"""

from vaekit.evaluation.tables.cells import Cells, Kind, comparable, resampled
from vaekit.evaluation.tables.closeness import Closeness, dcr
from vaekit.evaluation.tables.detection import Detection, detection
from vaekit.evaluation.tables.efficacy import Efficacy, ml_efficacy
from vaekit.evaluation.tables.imputation import (
    Coverage,
    ImputationError,
    center_filled,
    imputation_error,
    interval_coverage,
)
from vaekit.evaluation.tables.masks import hide, mar, mcar, mnar
from vaekit.evaluation.tables.quality import TableMeasures, TableQuality, table_quality
from vaekit.evaluation.tables.ranking import auroc
from vaekit.evaluation.tables.rows import exact_copies
from vaekit.evaluation.tables.shapes import ColumnScores, column_shapes, missing_similarity
from vaekit.evaluation.tables.support import Support, support
from vaekit.evaluation.tables.trends import PairScores, pair_trends

__all__ = [
    "Cells",
    "Closeness",
    "ColumnScores",
    "Coverage",
    "Detection",
    "Efficacy",
    "ImputationError",
    "Kind",
    "PairScores",
    "Support",
    "TableMeasures",
    "TableQuality",
    "auroc",
    "center_filled",
    "column_shapes",
    "comparable",
    "dcr",
    "detection",
    "exact_copies",
    "hide",
    "imputation_error",
    "interval_coverage",
    "mar",
    "mcar",
    "missing_similarity",
    "ml_efficacy",
    "mnar",
    "pair_trends",
    "resampled",
    "support",
    "table_quality",
]
