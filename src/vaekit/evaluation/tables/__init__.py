"""Synthetic tables: do they look like the real one, do they serve as it does, do they give its rows away?

    cells      tables as numbers that can be compared: `comparable` is the door
    shapes     single columns;  trends  pairs of columns
    detection  a classifier tells real from synthetic;  efficacy  a classifier learns the task from synthetic rows
    support    precision, recall, authenticity;  closeness  distance to training rows;  rows  copies of them
    quality    all of them, between a floor and a ceiling
    masks      cells to hide;  imputation  how well they were filled;  ranking  how well a score ranks

scikit-learn and pyarrow are imported where they are used.
"""

from vaekit.evaluation.tables.cells import Cells as Cells, comparable as comparable, resampled as resampled
from vaekit.evaluation.tables.closeness import dcr as dcr
from vaekit.evaluation.tables.detection import detection as detection
from vaekit.evaluation.tables.efficacy import ml_efficacy as ml_efficacy
from vaekit.evaluation.tables.imputation import (
    center_filled as center_filled,
    imputation_error as imputation_error,
    interval_coverage as interval_coverage,
)
from vaekit.evaluation.tables.masks import hide as hide, mar as mar, mcar as mcar, mnar as mnar
from vaekit.evaluation.tables.quality import (
    FLOOR_AND_CEILING as FLOOR_AND_CEILING,
    TableQuality as TableQuality,
    table_quality as table_quality,
)
from vaekit.evaluation.tables.ranking import auroc as auroc
from vaekit.evaluation.tables.rows import exact_copies as exact_copies
from vaekit.evaluation.tables.shapes import column_shapes as column_shapes, missing_similarity as missing_similarity
from vaekit.evaluation.tables.support import support as support
from vaekit.evaluation.tables.trends import pair_trends as pair_trends
