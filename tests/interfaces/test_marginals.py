"""The sheet of columns: scores, bins and bars, and names that matplotlib would take for formulas."""

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from vaekit.data import table_to_dataset
from vaekit.interfaces.media.tables import marginals
from vaekit.interfaces.media.tables.marginals import margins_of


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    gaps = np.where(rng.random(300) < 0.2, None, rng.normal(size=300))
    days = [datetime(2020, 1, 1) + timedelta(days=int(n)) for n in rng.integers(0, 900, 300)]
    words = rng.choice([f"word {i}" for i in range(12)], 300)
    columns = {
        "$x^2_{": list(gaps),
        "when": days,
        "什么": list(words),
        "yes": list(rng.random(300) < 0.3),
        "same": [1.5] * 300,
    }
    return pa.table(columns)


@pytest.fixture
def schema(rows):
    return table_to_dataset(rows).schema


def test_equal_tables_have_perfect_shapes(schema, rows):
    found = margins_of(schema, rows, rows)
    assert found.shapes == dict.fromkeys(("$x^2_{", "when", "什么", "yes"), 1.0)
    assert found.picture.image.width > 1600
    assert [name for _, name in found.picture.legend] == ["training rows", "synthetic rows"]


def test_a_column_that_is_missing_throughout_is_drawn_without_a_score(schema, rows):
    gone = pa.nulls(len(rows), pa.float64())
    found = margins_of(schema, rows, rows.set_column(0, "$x^2_{", gone))
    assert np.isnan(found.shapes["$x^2_{"])


def test_the_least_alike_columns_are_drawn_where_there_are_many(rows, schema, monkeypatch):
    monkeypatch.setattr(marginals, "_SHOWN", 2)
    drawn = []
    monkeypatch.setattr(marginals, "panels", lambda panels: drawn.extend(panels))
    other = rows.set_column(3, "yes", pa.array([True] * 300)).set_column(2, "什么", pa.array(["word 1"] * 300))
    assert "Shown are the 2 least similar of 4 columns." in margins_of(schema, rows, other).picture.caption
    assert len(drawn) == 2


def test_few_numbers_have_a_bin_each_and_integers_bins_of_equally_many():
    assert marginals._edges(np.array([1.0, 2.0, 4.0])).tolist() == [0.5, 1.5, 3.0, 5.0]
    edges = marginals._edges(np.arange(100.0))
    assert set(np.diff(edges)) == {5.0}
    assert edges[0] % 1 == 0.5
    assert len(marginals._edges(np.random.default_rng(0).normal(size=500))) == 25


def test_a_number_that_is_nearly_always_the_same_has_bins():
    for values in (np.r_[np.zeros(10_000), np.linspace(1, 2, 41)], np.full(5, 2.5)):
        edges = marginals._edges(values)
        assert (np.diff(edges) > 0).all()
