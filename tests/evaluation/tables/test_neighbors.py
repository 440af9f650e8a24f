"""Distances, support and closeness: oracles by hand, planted copies, the tables' own symmetries."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from tests.evaluation.tables.planted import cells, table

from vaekit.evaluation.tables import comparable, dcr, exact_copies, resampled, support
from vaekit.evaluation.tables.neighbors import Space
from vaekit.evaluation.tables.rows import row_groups

ROWS = {"n": [0.0, 10.0, None, 5.0], "m": [2.0, 2.0, 2.0, 2.0], "c": ["a", "b", None, "a"]}


@pytest.mark.parametrize("power", [1, 2])
def test_distances_are_those_of_scaled_numbers_and_one_hot_categories(power):
    (rows,) = comparable(pa.table(ROWS))
    space = Space(rows, power)
    points = space.place(rows)
    found = space.distances(points, points)
    half = 0.5**power
    expected = [
        [0, 3, half + 1 + 2, half],
        [3, 0, half + 1 + 2, half + 2],
        [half + 1 + 2, half + 1 + 2, 0, 1 + 2],
        [half, half + 2, 1 + 2, 0],
    ]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_the_center_of_one_hot_columns_is_their_shares():
    (rows,) = comparable(pa.table({"n": [0.0, 1.0, 2.0, 2.0], "c": ["a", "b", "b", "z"]}))
    space = Space(rows, 2)
    points = space.place(rows)
    dense = np.concatenate([rows["n"][:, None] / 2, np.eye(3)[rows["c"]]], 1)
    expected = ((dense - dense.mean(0)) ** 2).sum(1)
    np.testing.assert_allclose(space.from_center(points, points).numpy(), expected, rtol=1e-6)


def test_the_nearest_are_found_in_blocks_as_at_once(monkeypatch):
    a, b = comparable(table(60, 0), table(50, 1))
    space = Space(a, 1)
    x, y = space.place(a), space.place(b)
    monkeypatch.setattr("vaekit.evaluation.tables.neighbors._ENTRIES", 100)
    all_of = space.distances(x, y)
    values, which = space.nearest(x, y)
    torch.testing.assert_close(values, all_of.min(1).values, rtol=0, atol=0)
    torch.testing.assert_close(which, all_of.min(1).indices)
    apart, _ = space.nearest(x, x, apart=True)
    torch.testing.assert_close(apart, space.distances(x, x).fill_diagonal_(torch.inf).min(1).values, rtol=0, atol=0)


@pytest.mark.parametrize(
    "columns", [{"c": ["a", "b", "a"]}, {"n": [1.0, 1.0, None]}, {"n": pa.array([None] * 3, pa.float64())}]
)
def test_tables_of_one_kind_constants_and_gaps_have_distances(columns):
    (rows,) = comparable(pa.table(columns))
    space = Space(rows, 1)
    found = space.distances(space.place(rows), space.place(rows))
    assert found.isfinite().all()
    assert (found.diagonal() == 0).all()


def test_identical_tables_are_covered_and_not_authentic():
    real, same = comparable(table(300, 0), table(300, 0))
    result = support(real, same)
    assert result.alpha_precision == pytest.approx(1, abs=0.01)
    assert result.beta_recall == pytest.approx(1, abs=0.01)
    assert result.authenticity == 0


def test_two_samples_of_one_law_have_a_recall_of_a_half():
    real, other = comparable(table(2000, 0), table(2000, 1))
    result = support(real, other)
    assert result.alpha_precision > 0.95
    assert 0.4 < result.beta_recall < 0.6
    assert 0.33 < result.authenticity < 0.5


def test_in_one_dimension_a_third_of_one_law_is_authentic():
    """A new point and the real one nearest to it are nearest to each other in two of three cases."""
    rng = np.random.default_rng(0)
    real, other = comparable(pa.table({"x": rng.random(4000)}), pa.table({"x": rng.random(4000)}))
    assert support(real, other).authenticity == pytest.approx(1 / 3, abs=0.03)


def test_shuffled_columns_lose_recall_and_a_point_mass_loses_precision():
    real, same = comparable(table(1000, 0, noise=0.05), table(1000, 1, noise=0.05))
    floor = resampled(real, 1000, np.random.default_rng(0))
    assert support(real, floor).beta_recall < support(real, same).beta_recall - 0.15
    mass = real.take(np.zeros(1000, dtype=int))
    assert support(real, mass).beta_recall < 0.05
    assert support(real, mass).alpha_precision < 0.7


def test_planted_copies_are_flagged():
    train, holdout, fresh = comparable(table(400, 0), table(400, 1), table(400, 2))
    copies, honest = dcr(train, train, holdout), dcr(fresh, train, holdout)
    assert copies.share == 1
    assert copies.to_train == 0 < copies.to_holdout
    assert abs(honest.share - 0.5) < 4 * honest.se
    assert honest.to_train == pytest.approx(honest.to_holdout, rel=0.3)
    half = fresh.take(np.arange(400))
    half = type(half)(
        half.names,
        half.levels,
        tuple(np.where(np.arange(400) < 200, a, b) for a, b in zip(train.values, half.values, strict=True)),
    )
    assert 0.68 < dcr(half, train, holdout).share < 0.82
    assert exact_copies(half, train) == 0.5
    assert exact_copies(train, train) == 1
    assert exact_copies(holdout, train) == 0


def test_ties_count_half_and_training_rows_are_as_many_as_held_out():
    train, holdout = comparable(pa.table({"c": ["a", "b"] * 50}), pa.table({"c": ["a", "b"] * 10}))
    result = dcr(train, train, holdout)
    assert (result.share, result.reference, result.rows) == (0.5, 20, 100)
    assert exact_copies(holdout, train) == 1


def test_equal_rows_are_one_group_whatever_is_missing():
    rows = cells(a=[1.0, None, 1.0, None], b=["u", None, "u", "v"])
    assert row_groups(rows).tolist() == [0, 1, 0, 2]


def test_support_needs_neighbors():
    with pytest.raises(ValueError, match="two rows"):
        support(cells(a=[1.0]), cells(a=[1.0]))
