"""Tables become comparable: shared codes, NaN and -1, types that fit, columns that are named when they do not."""

import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from tests.evaluation.tables.planted import cells, table

from vaekit.evaluation.tables import comparable, resampled
from vaekit.evaluation.tables.cells import check_alike, concatenate


def test_categories_share_their_codes_in_the_order_of_their_names():
    a, b = comparable(pa.table({"c": ["y", None, "x"]}), pa.table({"c": ["z", "y"]}))
    assert a["c"].tolist() == [1, -1, 0]
    assert b["c"].tolist() == [2, 1]
    assert a.levels == b.levels == (3,)


def test_numbers_are_float64_and_missing_ones_nan():
    a, b = comparable(pa.table({"n": [1, None]}), pa.table({"n": [0.5]}))
    np.testing.assert_array_equal(a["n"], [1.0, np.nan])
    assert b["n"].tolist() == [0.5]
    assert a.levels == (0,)
    assert a.missing().tolist() == [[False], [True]]


def test_times_are_numbers_in_the_unit_of_the_first_table_whatever_their_zones():
    when = [datetime(2024, 1, 1, tzinfo=UTC), None]
    a, b = comparable(
        pa.table({"t": pa.array(when, pa.timestamp("s", "UTC"))}),
        pa.table({"t": pa.array(when, pa.timestamp("us", "Europe/Paris"))}),
    )
    np.testing.assert_array_equal(a["t"], b["t"])
    assert a["t"][0] == when[0].timestamp()


def test_kinds_decide_how_and_which_columns_are_compared():
    first, second = (
        pa.table({"a": [3, 1, 1], "b": [True, None, False], "id": ["p", "q", "r"]}),
        pa.table({"b": [True], "a": [2.0]}),
    )
    a, b = comparable(first, second, kinds={"a": "categorical", "b": "numeric"})
    assert (a.names, a.levels) == (("a", "b"), (3, 0))
    assert (a["a"].tolist(), b["a"].tolist()) == ([2, 0, 0], [1])
    np.testing.assert_array_equal(a["b"], [1.0, np.nan, 0.0])


def test_booleans_dictionaries_and_nan_in_categories():
    parts = pa.table(
        {"b": [True, False, None], "d": pa.array(["u", "v", "u"]).dictionary_encode(), "f": [1.0, float("nan"), 2.0]}
    )
    (a,) = comparable(parts, kinds={"b": "categorical", "d": "categorical", "f": "categorical"})
    assert [values.tolist() for values in a.values] == [[1, 0, -1], [0, 1, 0], [0, -1, 1]]


def test_the_order_of_columns_and_of_other_tables_changes_nothing():
    first, second = table(50, 0), table(40, 1)
    a, b = comparable(first, second)
    d, c = comparable(second.select(["sign", "y", "x", "kind"]), first)
    for name in a.names:
        np.testing.assert_array_equal(a[name], c[name])
        np.testing.assert_array_equal(b[name], d[name])


def test_columns_resampled_keep_their_values_and_lose_each_other():
    real = cells(a=np.arange(2000.0), b=np.arange(2000.0))
    drawn = resampled(real, 5000, np.random.default_rng(0))
    assert len(drawn) == 5000
    assert set(drawn["a"]) <= set(real["a"])
    assert abs(np.corrcoef(drawn["a"], drawn["b"])[0, 1]) < 0.06


def test_rows_are_taken_hidden_and_put_together():
    real = cells(a=[1.0, 2.0, 3.0], b=["u", "v", "w"])
    assert concatenate(real.take(np.array([2])), real)["a"].tolist() == [3.0, 1.0, 2.0, 3.0]
    hidden = real.hide(np.array([[True, False], [False, True], [False, False]]))
    assert hidden.missing().tolist() == [[True, False], [False, True], [False, False]]
    assert real.without("a").names == ("b",)
    assert real.some(5, np.random.default_rng(0)) is real
    assert len(real.some(2, np.random.default_rng(0))) == 2


@pytest.mark.parametrize(
    ("first", "second", "kinds", "sentence"),
    [
        ({"a": [1]}, {"b": [1]}, None, "lacks the column 'a'"),
        ({"a": [1]}, {"a": ["x"]}, None, "column 'a' is compared as numbers"),
        ({"a": ["x"]}, {"a": [1]}, None, "column 'a' is of different types"),
        ({"a": ["x"]}, {"a": ["x"]}, {"a": "numeric"}, "column 'a' is compared as numbers"),
        ({"a": [1.0]}, {"a": [float("inf")]}, None, "'a' has infinite values"),
        ({"a": [datetime(2024, 1, 1)]}, {"a": [1]}, None, "column 'a' is compared as numbers"),
        ({"a": [1]}, {"a": pa.array([], pa.int64())}, None, "one has none"),
        ({}, {}, None, "there is none"),
    ],
    ids=["lacking", "words", "numbers", "kind", "infinite", "times", "empty", "no columns"],
)
def test_what_cannot_be_compared_is_refused_by_name(first, second, kinds, sentence):
    with pytest.raises(ValueError, match=sentence):
        comparable(pa.table(first), pa.table(second), kinds=kinds)


def test_tables_of_different_columns_or_codes_are_refused():
    with pytest.raises(ValueError, match="'b'"):
        check_alike(cells(a=[1.0]), cells(b=[1.0]))
    with pytest.raises(ValueError, match="their categories"):
        check_alike(cells(a=["x"]), cells(a=["x", "y"]))
    with pytest.raises(ValueError, match="no column 'z'"):
        cells(a=[1.0])["z"]
    with pytest.raises(ValueError, match="no column is left"):
        cells(a=[1.0]).without("a")


def test_the_package_is_imported_without_pyarrow_and_scikit_learn():
    heavy = {"pyarrow", "sklearn", "scipy", "pandas"}
    code = f"import sys, vaekit.evaluation.tables; print(*sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
