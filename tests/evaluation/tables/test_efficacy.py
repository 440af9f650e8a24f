"""Efficacy: real rows teach the task, shuffled ones teach nothing."""

import numpy as np
import pyarrow as pa
import pytest
from tests.evaluation.tables.planted import cells, table

from vaekit.evaluation.tables import comparable, ml_efficacy, resampled


def parts():
    return comparable(table(1500, 0), table(1000, 1))


def test_a_class_is_learned_from_real_rows_and_not_from_shuffled_ones():
    train, test = parts()
    real = ml_efficacy(train, test, "sign")
    # Each draw leans one way or the other; on average there is nothing.
    shuffled = [ml_efficacy(resampled(train, 500, np.random.default_rng(i)), test, "sign").auc for i in range(6)]
    assert real.auc > max(0.85, *shuffled)
    assert real.f1 > 0.8
    assert abs(np.mean(shuffled) - 0.5) < 0.2
    assert (real.task, real.train, real.test, real.r2, real.rmse) == ("classification", 1500, 1000, None, None)
    assert real.headline == real.auc


def test_several_classes_are_each_told_from_the_rest():
    train, test = parts()
    result = ml_efficacy(train, test, "kind")
    assert result.auc > 0.98
    assert result.f1 > 0.9


def test_a_number_is_predicted_in_its_units():
    train, test = parts()
    result = ml_efficacy(train, test, "y")
    assert result.task == "regression"
    assert 0.8 < result.r2 < 1 - 0.3**2 / 1.09 + 0.02
    assert 0.3 < result.rmse < 0.4
    assert result.headline == result.r2
    floor = resampled(train, 1500, np.random.default_rng(0))
    assert ml_efficacy(floor, test, "y").r2 < 0.1


def test_the_f1_of_two_classes_is_that_of_the_rarer_one():
    """Who never names it has 0, though right in nine of ten cases."""
    train = {"x": [0.0] * 40, "c": ["a"] * 40}
    test = {"x": [0.0] * 40, "c": ["a"] * 36 + ["b"] * 4}
    result = ml_efficacy(*comparable(pa.table(train), pa.table(test)), "c")
    assert (result.auc, result.f1) == (0.5, 0)


def test_rows_without_a_target_and_classes_of_one_row_are_left_out():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(12_000)
    names = np.where(x > 0, "a", "b").astype(object)
    names[0], names[1] = "once", None
    train, test = comparable(
        pa.table({"x": x, "c": pa.array(names.tolist())}), pa.table({"x": x[:500], "c": pa.array(names[:500].tolist())})
    )
    result = ml_efficacy(train, test, "c")
    assert (result.train, result.test) == (11_998, 499)
    assert result.auc > 0.8  # two of three classes are told; of the third nothing is known


@pytest.mark.parametrize(
    ("columns", "target", "sentence"),
    [
        ({"x": [1.0, 2.0], "c": ["a", "a"]}, "c", "'c' needs two values"),
        ({"x": [1.0, 2.0], "c": ["a", "b"]}, "z", "no column 'z'"),
        ({"c": ["a", "b"]}, "c", "no column is left"),
        ({"x": np.arange(200.0), "c": [str(i) for i in range(200)]}, "c", "200 classes"),
        ({"x": [1.0, 2.0], "c": pa.array([None, None], pa.string())}, "c", "'c' needs two values"),
    ],
    ids=["one class", "unknown", "alone", "many", "missing"],
)
def test_what_cannot_be_predicted_is_refused_by_name(columns, target, sentence):
    rows = cells(**columns)
    with pytest.raises(ValueError, match=sentence):
        ml_efficacy(rows, rows, target)
