"""Shapes and trends: as SDMetrics defines them, and what they see and do not see."""

import math

import numpy as np
import pyarrow as pa
import pytest
from tests.evaluation.tables.planted import cells, table

from vaekit.evaluation.tables import column_shapes, comparable, missing_similarity, pair_trends, resampled

NAN = None
REAL = {
    "x": [0.0, 1, 2, 3, 4, 5, 6, 7, 8, 10],
    "y": [1.0, 1, 2, NAN, 3, 5, 8, NAN, 9, 9],
    "c": list("aabbabbbab"),
    "d": ["u", "v", None, "u", "v", "w", "w", "u", "u", None],
}
SYNTHETIC = {
    "x": [0.0, 2, 2, 3, 5, 5, 9, 20],
    "y": [2.0, 1, 1, NAN, NAN, 5, 7, -3],
    "c": list("abbcaabb"),
    "d": ["u", None, "z", "u", "v", "v", "u", None],
}


def small():
    return comparable(pa.table(REAL), pa.table(SYNTHETIC))


def test_shapes_are_those_of_sdmetrics():
    """Computed by SDMetrics 0.32.0, which counts a category that a side lacks as 1e-6."""
    theirs = {"x": 0.85, "y": 0.625, "c": 0.87500009999999, "d": 0.7500000312499961}
    result = column_shapes(*small())
    assert dict(result.scores) == pytest.approx(theirs, abs=1e-6)
    assert result.mean == pytest.approx(0.7750000328124966, abs=1e-6)
    assert [name for name, _ in result.worst(2)] == ["y", "d"]


def test_trends_are_those_of_sdmetrics_without_thresholds():
    """Computed by SDMetrics 0.32.0 with missing cells and a synthetic outlier, which moves its bins."""
    theirs = {
        ("x", "y"): 0.326937189625634,
        ("x", "c"): 0.2,
        ("x", "d"): 0.2,
        ("y", "c"): 0.225,
        ("y", "d"): 0.25,
        ("c", "d"): 0.65,
    }
    result = pair_trends(*small())
    assert dict(result.scores) == pytest.approx(theirs, abs=1e-12)
    assert result.mean == pytest.approx(0.308656198270939, abs=1e-12)


def test_associations_are_those_of_sdmetrics():
    """Cramer's V of y and c is .8292, of c and d .7638."""
    above = pair_trends(*small(), min_association=0.829)
    below = pair_trends(*small(), min_association=0.8292)
    assert not math.isnan(above.scores["y", "c"])
    assert math.isnan(below.scores["y", "c"])
    assert math.isnan(above.scores["c", "d"])
    assert below.summary()["counted"] == 3
    assert not math.isnan(pair_trends(*small(), min_correlation=0.5).scores["x", "y"])
    assert math.isnan(pair_trends(*small(), min_correlation=0.99).scores["x", "y"])


def test_identical_tables_score_one():
    real, same = comparable(table(200, 0), table(200, 0))
    assert column_shapes(real, same).mean == 1
    assert pair_trends(real, same).mean == pytest.approx(1, abs=1e-12)
    assert missing_similarity(real, same).scores == {}


def test_scores_lie_between_0_and_1_and_disjoint_tables_score_0():
    real, other = comparable(pa.table({"x": [0.0, 1.0], "c": ["a", "b"]}), pa.table({"x": [5.0, 6.0], "c": ["y", "z"]}))
    assert list(column_shapes(real, other).scores.values()) == [0, 0]
    assert pair_trends(real, other).mean == 0


def test_shapes_do_not_see_what_shuffling_breaks_and_trends_see_it_mildly():
    real, other = comparable(table(3000, 0), table(3000, 1))
    floor = resampled(real, 3000, np.random.default_rng(0))
    assert column_shapes(real, floor).mean > 0.97
    assert pair_trends(real, floor).mean < pair_trends(real, other).mean - 0.1


def test_a_table_that_goes_the_other_way_scores_0():
    x = np.arange(20.0)
    real, other = comparable(pa.table({"x": x, "y": x}), pa.table({"x": x, "y": -x}))
    assert pair_trends(real, other).scores["x", "y"] == pytest.approx(0)


def test_constants_and_empty_columns_are_left_out():
    columns = {
        "x": [1.0, 2.0, 3.0],
        "k": [5.0, 5.0, 5.0],
        "e": pa.array([None] * 3, pa.float64()),
        "c": ["a", "b", "b"],
    }
    real, other = comparable(pa.table(columns), pa.table(columns))
    shapes, trends = column_shapes(real, other), pair_trends(real, other)
    assert math.isnan(shapes.scores["e"])
    assert math.isnan(trends.scores["x", "k"])
    assert math.isnan(trends.scores["x", "e"])
    assert (shapes.mean, trends.mean) == (1, 1)
    assert math.isnan(pair_trends(cells(x=[1.0, 2.0]), cells(x=[1.0, 2.0])).mean)


def test_rounding_makes_no_difference_and_units_make_none():
    real, other = comparable(pa.table({"x": [0.3] * 9 + [1.0]}), pa.table({"x": [0.1 + 0.2] * 9 + [1.0]}))
    assert column_shapes(real, other).mean == 1
    for scale in (1e-150, 1e150):
        x, y = np.arange(9.0) * scale, np.arange(9.0) ** 2 * scale
        real, other = comparable(pa.table({"x": x, "y": y}), pa.table({"x": x, "y": y}))
        assert pair_trends(real, other).mean == pytest.approx(1)


def test_many_categories_are_counted_without_a_dense_table():
    names = [f"c{i:05d}" for i in range(5000)]
    real, other = comparable(pa.table({"a": names, "b": names}), pa.table({"a": names, "b": names[::-1]}))
    assert pair_trends(real, real).mean == pytest.approx(1)
    assert pair_trends(real, other).mean == pytest.approx(0)


def test_shares_of_missing_cells_are_compared_where_there_are_any():
    real, synthetic = small()
    assert dict(missing_similarity(real, synthetic).scores) == pytest.approx({"y": 0.95, "d": 0.95})
