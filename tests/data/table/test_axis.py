"""Nothing is lost between cells and positions on an axis."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from data.table.columns import INT64, cells, decimals, quick, reals, same, times
from vaekit.data.table.axis import Grid, Line, fit_axis
from vaekit.data.table.cells import type_name


def back(axis, column):
    return axis.cells(axis.positions(column), type_name(column))


@quick
@given(cells(INT64, pa.int64()))
def test_huge_integers_come_back(column):
    axis = fit_axis(column, "x")
    values = [value for value in column.to_pylist() if value is not None]
    found = back(axis, column)
    if axis.last <= 2**53:
        assert same(found, column)
    for before, after in zip(column.to_pylist(), found.to_pylist(), strict=True):
        assert (before is None) == (after is None)
        assert before is None or abs(before - after) <= axis.step * 2**11
        assert after is None or min(values) <= after <= max(values)


@quick
@given(cells(decimals(), pa.float64()))
def test_decimals_come_back_to_the_last_bit(column):
    axis = fit_axis(column, "x")
    assert isinstance(axis, Grid) and axis.decimals <= 6
    assert same(back(axis, column), column)


@quick
@given(cells(reals(), pa.float64()))
def test_reals_come_back(column):
    assert same(back(fit_axis(column, "x"), column), column)


@quick
@given(times())
def test_times_come_back_in_their_unit_and_zone(column):
    assert same(back(fit_axis(column, "x"), column), column)


@pytest.mark.parametrize(
    ("values", "decimals", "step"),
    [
        ([1000, 5000, 3000], 0, 2000),
        ([1.5, 2.25, 3.0], 2, 75),
        ([0.1, 0.2, 0.7], 1, 1),
        ([-2000, 0, 1_000_000], 0, 2000),
        ([4.0, 8.0], 0, 4),
    ],
)
def test_steps_and_decimals_are_found(values, decimals, step):
    axis = fit_axis(pa.array(values), "x")
    assert (axis.decimals, axis.step) == (decimals, step)
    assert axis.cells(axis.positions(pa.array(values)) + 0.3, type_name(pa.array(values))).to_pylist() == values


def test_noise_has_no_grid():
    values = np.random.default_rng(0).normal(size=50)
    axis = fit_axis(pa.array(values), "x")
    assert isinstance(axis, Line) and axis.range == (values.min(), values.max())


def test_what_lies_outside_is_brought_inside():
    axis = fit_axis(pa.array([10, 20, 30]), "x")
    assert axis.cells(np.array([-5.0, 1.2, 99.0, np.nan]), "int64").to_pylist() == [10, 20, 30, None]


def test_what_lies_outside_has_a_position_all_the_same():
    axis = fit_axis(pa.array([10, 20, 30]), "x")
    assert axis.positions(pa.array([0, 25, 100, None])).tolist()[:3] == [-1.0, 1.5, 9.0]


@pytest.mark.parametrize("bad", [math.inf, -math.inf, 1e200])
def test_infinities_are_refused_by_name(bad):
    with pytest.raises(ValueError, match="column 'price' must hold finite numbers, but has"):
        fit_axis(pa.array([1.0, bad, 2.0]), "price")


@quick
@given(cells(decimals(), pa.float64()))
def test_the_unit_is_the_slope_of_the_positions(column):
    axis = fit_axis(column, "x")
    number = pa.array([1.0, 2.0])
    slope = np.diff(axis.positions(number))[0]
    assert math.log(slope) == pytest.approx(axis.log_unit, rel=1e-6, abs=1e-6)
