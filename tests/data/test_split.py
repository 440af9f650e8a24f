from __future__ import annotations

import pytest
import torch

from vaekit.data.dataset import TEST, VALIDATION
from vaekit.data.split import complete_split, hold_out, split_by_content


def data(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 16), dtype=torch.uint8, generator=generator)


def shares(split):
    return (torch.bincount(split.long(), minlength=3) / len(split)).tolist()


def test_shares_of_small_and_large_data():
    assert shares(split_by_content(data(5000))) == pytest.approx([0.8, 0.1, 0.1], abs=0.02)
    assert shares(split_by_content(data(20_000))) == pytest.approx([0.9, 0.05, 0.05], abs=0.01)
    assert split_by_content(data(10)).dtype == torch.int8


def test_duplicates_share_a_part():
    values = data(300)
    split = split_by_content(values.repeat(3, 1))
    assert torch.equal(split[:300], split[300:600])
    assert torch.equal(split[:300], split[600:])


def test_order_and_new_data_move_nothing():
    values, order = data(500), torch.randperm(500, generator=torch.Generator().manual_seed(1))
    split = split_by_content(values)
    assert torch.equal(split_by_content(values[order]), split[order])
    assert torch.equal(split_by_content(torch.cat([values, data(400, seed=2)]))[:500], split)


def test_growing_past_the_limit_only_frees_held_out_data():
    values = data(20_000)
    before, after = split_by_content(values[:19_999]), split_by_content(values)[:19_999]
    moved = before != after
    assert moved.any()
    assert (after[moved] == 0).all()


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("count", [3, 4, 7])
def test_three_distinct_data_are_enough_for_three_parts(count, seed):
    split = split_by_content(data(count, seed).repeat(2, 1))
    assert set(split.tolist()) == {0, 1, 2}
    assert torch.equal(split[:count], split[count:])


def test_fewer_than_three_distinct_data_are_for_training():
    assert split_by_content(data(2)).tolist() == [0, 0]
    assert split_by_content(data(1).repeat(9, 1)).tolist() == [0] * 9


def test_validation_is_held_out_of_the_training_part_alone():
    official = torch.tensor([0] * 2000 + [2] * 500, dtype=torch.int8)
    split = hold_out(data(2500), official, VALIDATION)
    assert (split[2000:] == 2).all()
    assert shares(split[:2000]) == pytest.approx([0.9, 0.1, 0], abs=0.02)
    assert (official[:2000] == 0).all()


def test_test_is_held_out_of_the_training_part_alone():
    split = hold_out(data(2500), torch.tensor([0] * 2000 + [1] * 500, dtype=torch.int8), TEST)
    assert (split[2000:] == 1).all()
    assert shares(split[:2000]) == pytest.approx([0.9, 0, 0.1], abs=0.02)


@pytest.mark.parametrize("official", [None, [0] * 30, [0] * 20 + [2] * 10, [0] * 20 + [1] * 10])
def test_every_missing_part_is_completed(official):
    split = complete_split(data(30), None if official is None else torch.tensor(official))
    assert set(split.tolist()) == {0, 1, 2}
    assert split.dtype == torch.int8


def test_a_complete_official_split_is_kept():
    official = torch.tensor([0, 2, 1, 0, 2])
    assert complete_split(data(5), official).tolist() == official.tolist()


@pytest.mark.parametrize("official", [[0, 1], [0, 1, 2, 3]])
def test_a_split_that_does_not_fit_is_refused(official):
    with pytest.raises(ValueError, match="split must hold 0, 1 or 2 for each of the 4 data"):
        complete_split(data(4), torch.tensor(official))
