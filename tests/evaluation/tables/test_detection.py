"""Detection: identical tables give a half, broken dependence is seen by trees and not by planes."""

import math

import numpy as np
import pyarrow as pa
import pytest
from tests.evaluation.tables.planted import cells, table

from vaekit.evaluation.tables import comparable, detection, resampled
from vaekit.evaluation.tables.features import plane_features, pooled, tree_features
from vaekit.evaluation.tables.rows import folds, row_groups


@pytest.mark.parametrize("kind", ["tree", "logistic"])
def test_identical_tables_give_exactly_a_half(kind):
    """Their rows are twice in the data: split by group, no classifier can remember the twin."""
    real, same = comparable(table(400, 0), table(400, 0))
    result = detection(real, same, kind)
    assert result.auc == pytest.approx(0.5, abs=1e-12)
    assert (result.rows, result.folds, result.similarity) == (400, 5, 1)


def test_two_samples_of_one_law_cannot_be_told():
    real, other = comparable(table(2000, 0), table(2000, 1))
    for kind in ("tree", "logistic"):
        result = detection(real, other, kind)
        assert abs(result.auc - 0.5) < 0.04
        assert 0 < result.se < 0.03


def test_shuffled_columns_are_seen_by_trees_and_not_by_a_plane():
    (real,) = comparable(table(3000, 0, noise=0.05))
    floor = resampled(real, 3000, np.random.default_rng(0))
    assert detection(real, floor).auc > 0.95
    assert detection(real, floor, "logistic").auc < 0.6


def test_a_shift_is_seen_by_both():
    real, other = comparable(
        table(500, 0), pa.table({**table(500, 1).to_pydict(), "x": np.random.default_rng(2).normal(3, 1, 500)})
    )
    assert detection(real, other).auc > 0.95
    assert detection(real, other, "logistic").similarity < 0.1


def test_missing_cells_give_a_table_away():
    first, second = table(500, 0), table(500, 1)
    gaps = np.random.default_rng(0).random(500) < 0.5
    second = second.set_column(0, "x", pa.array(second["x"].to_numpy(), mask=gaps))
    real, other = comparable(first, second)
    assert detection(real, other).auc > 0.7
    assert detection(real, other, "logistic").auc > 0.7


def test_the_same_seed_gives_the_same_number_and_rows_bound_the_work():
    real, other = comparable(table(300, 0), table(200, 1))
    first, second = (detection(real, other, rows=100, seed=3) for _ in range(2))
    assert first == second
    assert first.rows == 100
    assert detection(real, other).rows == 200


def test_equal_rows_share_a_fold_and_the_order_of_rows_decides_nothing():
    (real,) = comparable(pa.table({"a": [1.0, None, 2.0] * 50, "b": ["u", "v", None] * 50}))
    fold = folds(real, 5, 0)
    groups = row_groups(real)
    assert len(set(groups)) == 3
    assert all(len(set(fold[groups == g])) == 1 for g in set(groups))
    order = np.random.default_rng(0).permutation(len(real))
    np.testing.assert_array_equal(folds(real.take(order), 5, 0), fold[order])


def test_rows_that_are_all_the_same_leave_no_fold_with_both_sides():
    real, other = comparable(pa.table({"a": [1.0] * 20}), pa.table({"a": [2.0] * 20}))
    result = detection(real, other)
    assert math.isnan(result.auc)
    assert result.folds == 0


def test_few_rows_are_refused():
    with pytest.raises(ValueError, match="at least 10 rows"):
        detection(cells(a=[1.0] * 9), cells(a=[1.0] * 50))


def test_more_categories_than_trees_take_are_pooled_from_the_rarest_on():
    counts = np.arange(300, 0, -1)
    codes = np.repeat(np.arange(300), counts)
    few = pooled(np.array([0, 253, 254, 299, -1]), codes, 300)
    assert few.tolist() == [0, 253, 254, 254, -1]
    names = np.array([f"c{code:03d}" for code in codes])
    real, other = comparable(pa.table({"a": names}), pa.table({"a": names[::-1].copy()}))
    assert tree_features(real, real).max() == 254
    assert plane_features(real).shape == (len(names), 256)
    assert detection(real, other, rows=500).rows == 500


def test_features_keep_gaps():
    (real,) = comparable(pa.table({"n": [1.0, None, 3.0], "c": ["u", None, "v"]}))
    np.testing.assert_array_equal(tree_features(real, real), [[1.0, 0.0], [np.nan, np.nan], [3.0, 1.0]])
    dense = plane_features(real).toarray()
    np.testing.assert_array_equal(dense[:, 1:], [[0, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 1]])
    assert dense[:, 0].tolist() == [-1, 0, 1]


@pytest.mark.filterwarnings("error")
def test_the_plane_converges_on_many_categories_with_heavy_tails():
    """It needs more than scikit-learn's 100 iterations here."""
    rng, rows = np.random.default_rng(0), 3000

    def drawn(power, numbers):
        names = {f"c{i}": rng.zipf(power, rows).clip(max=300).astype(str) for i in range(10)}
        return pa.table(names | {f"x{i}": numbers(size=rows) for i in range(6)})

    sides = comparable(drawn(1.5, rng.standard_cauchy), drawn(1.7, rng.normal))
    assert detection(*sides, "logistic", splits=2).auc > 0.6
