"""Masks hide what they say they hide; errors and coverage against oracles."""

import numpy as np
import pyarrow as pa
import pytest
from tests.evaluation.tables.planted import cells, table

from vaekit.evaluation.tables import (
    center_filled,
    comparable,
    hide,
    imputation_error,
    interval_coverage,
    mar,
    mcar,
    mnar,
)

REAL = comparable(table(4000, 0))[0]
MECHANISMS = pytest.mark.parametrize("mask", [mcar, mar, mnar])


@MECHANISMS
def test_masks_hide_their_share_of_each_column_and_repeat(mask):
    hidden = mask(REAL, 0.2, seed=1)
    assert hidden.shape == (4000, 4)
    shares = hidden.mean(0)
    assert all(share == 0 or abs(share - 0.2) < 0.03 for share in shares)
    assert (shares > 0).sum() >= 3
    assert (hidden == mask(REAL, 0.2, seed=1)).all()
    assert (hidden != mask(REAL, 0.2, seed=2)).any()


@MECHANISMS
def test_what_is_missing_already_is_never_hidden(mask):
    gaps = mcar(REAL, 0.3, seed=5)
    assert not (mask(REAL.hide(gaps), 0.2, seed=1) & gaps).any()


def test_completely_at_random_knows_nothing_of_the_values():
    hidden = mcar(REAL, 0.3)
    assert abs(np.corrcoef(hidden[:, 0], REAL["x"])[0, 1]) < 0.06


def test_at_random_depends_on_columns_that_stay():
    x = np.random.default_rng(0).standard_normal((4000, 3))
    rows = cells(a=x[:, 0], b=x[:, 1], c=x[:, 2])
    hidden = mar(rows, 0.3, seed=0)
    (stays,) = np.flatnonzero(hidden.sum(0) == 0)
    for gone in set(range(3)) - {stays}:
        assert abs(np.corrcoef(hidden[:, gone], x[:, stays])[0, 1]) > 0.3
        assert abs(np.corrcoef(hidden[:, gone], x[:, gone])[0, 1]) < 0.06


def test_not_at_random_hides_great_numbers():
    hidden = mnar(REAL, 0.3)
    assert REAL["x"][hidden[:, 0]].mean() > REAL["x"][~hidden[:, 0]].mean() + 0.5
    by_category = [hidden[REAL["kind"] == code, 2].mean() for code in range(3)]
    assert np.ptp(by_category) > 0.1


def test_hidden_cells_of_an_arrow_table_are_null():
    source = table(50, 0)
    (rows,) = comparable(source)
    hidden = mcar(rows, 0.4)
    (holed,) = comparable(hide(source, rows.names, hidden))
    assert (holed.missing() == hidden).all()
    assert hide(source, rows.names, hidden).schema == source.schema


def test_errors_by_hand():
    truth, imputed = comparable(
        pa.table({"x": [0.0, 2.0, 4.0], "c": ["a", "b", "a"], "k": [7.0, 7.0, 7.0]}),
        pa.table({"x": [1.0, 5.0, 4.0], "c": ["b", "b", "a"], "k": [7.0, 8.0, 7.0]}),
    )
    hidden = np.array([[True, True, False], [True, False, True], [False, True, False]])
    result = imputation_error(truth, imputed, hidden)
    rmse = np.sqrt((1 + 9) / 2)
    assert result.nrmse_range == {"x": pytest.approx(rmse / 4)}
    assert result.nrmse_deviation == {"x": pytest.approx(rmse / np.std([0, 2, 4]))}
    assert result.error == {"c": 0.5}
    assert result.summary()["mean_nrmse_range"] == pytest.approx(rmse / 4)
    assert imputation_error(truth, imputed, np.zeros((3, 3), bool)).summary()["mean_error"] is None


def test_the_truth_has_no_error_and_the_mean_that_of_one_deviation():
    hidden = mcar(REAL, 0.2)
    exact = imputation_error(REAL, REAL, hidden)
    assert set(exact.nrmse_range.values()) | set(exact.error.values()) == {0.0}
    center = imputation_error(REAL, center_filled(REAL.hide(hidden)), hidden)
    assert list(center.nrmse_deviation.values()) == pytest.approx([1, 1], abs=0.08)
    assert center.error["kind"] == pytest.approx(1 - np.bincount(REAL["kind"]).max() / 4000, abs=0.04)


def test_a_center_comes_from_the_rows_that_are_named():
    holed, like = comparable(
        pa.table({"x": [None, 1.0], "c": [None, "a"]}), pa.table({"x": [4.0, 6.0], "c": ["b", "b"]})
    )
    filled = center_filled(holed, like)
    assert (filled["x"].tolist(), filled["c"].tolist()) == ([5.0, 1.0], [1, 0])


@pytest.mark.parametrize(("draws", "expected"), [(19, 0.9), (99, 0.9), (5, 4 / 6)])
def test_intervals_of_perfect_draws_cover_what_they_promise(draws, expected):
    rng = np.random.default_rng(0)
    truth = cells(x=rng.standard_normal(20_000))
    hidden = np.ones((20_000, 1), bool)
    result = interval_coverage(truth, [cells(x=rng.standard_normal(20_000)) for _ in range(draws)], hidden)
    assert result.expected == pytest.approx(expected)
    assert result.shares["x"] == pytest.approx(expected, abs=0.012)
    assert result.summary()["mean"] == result.shares["x"]


def test_draws_too_sure_of_themselves_cover_less():
    rng = np.random.default_rng(0)
    truth = cells(x=rng.standard_normal(2000))
    sure = [cells(x=0.1 * rng.standard_normal(2000)) for _ in range(19)]
    assert interval_coverage(truth, sure, np.ones((2000, 1), bool)).shares["x"] < 0.2


def test_what_cannot_be_compared_is_refused():
    truth, hidden = cells(x=[1.0, 2.0]), np.ones((2, 1), bool)
    with pytest.raises(ValueError, match="column 'x' has hidden cells that were not imputed"):
        imputation_error(truth, cells(x=[1.0, None]), hidden)
    with pytest.raises(ValueError, match="mask"):
        imputation_error(truth, truth, hidden[:1])
    with pytest.raises(ValueError, match="two draws"):
        interval_coverage(truth, [truth], hidden)
    with pytest.raises(ValueError, match="between 0 and 1"):
        mcar(truth, 1.5)
    with pytest.raises(ValueError, match="cannot depend on another"):
        mar(truth, 0.5)
