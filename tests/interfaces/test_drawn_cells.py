"""What is expected of draws, and how sure that is, on draws that are planted."""

import numpy as np
import pyarrow as pa
import pytest

from vaekit.modalities.table.drawn_cells import DrawnLabels, DrawnNumbers


def cells(rows, kind=None):
    return [pa.chunked_array([pa.array(row, kind)]) for row in rows]


def test_a_category_is_the_likeliest_and_a_rank_the_median():
    rows = [["low"], ["low"], ["mid"], ["high"], ["high"], ["high"], ["mid"]]
    ranks = pa.array(["low", "mid", "high"])
    category, rank = DrawnLabels(cells(rows)), DrawnLabels(cells(rows), ranks)
    assert category.expected().to_pylist() == ["high"] and category.probability(category.expected()) == pytest.approx(
        [3 / 7]
    )
    assert rank.expected().to_pylist() == ["mid"] and rank.probability(rank.expected()) == pytest.approx([2 / 7])


def test_ranks_that_were_never_drawn_and_ties_are_no_trouble():
    ranks = pa.array([1, 2, 3, 4, 5])
    found = DrawnLabels(cells([[2, 5], [4, 5]]), ranks)
    assert found.expected().to_pylist() == [2, 5] and found.probability(found.expected()).tolist() == [0.5, 1.0]


@pytest.mark.parametrize("spikes", [False, True])
def test_intervals_hold_their_share_of_another_draw(spikes):
    rng = np.random.default_rng(0)
    draws, truth = rng.normal(size=(100, 3000)), rng.normal(size=3000)
    if spikes:
        draws, truth = (np.where(np.abs(x) < 1.5, 0.0, x) for x in (draws, truth))
    low, high = DrawnNumbers(cells(draws.tolist()), None).interval(0.9)
    held = ((low <= truth) & (truth <= high)).mean()
    assert (low <= high).all()
    assert held == pytest.approx(0.9, abs=0.015) if not spikes else 0.88 < held < 0.95


def test_means_of_whole_numbers_are_whole():
    assert DrawnNumbers(cells([[1, 4], [2, 4]], pa.int64()), None).expected().type == pa.int64()
