from __future__ import annotations

import pytest
import torch

from vaekit.data.batches import Batches, sequential


def make(seed=0, count=10, batch=3):
    return Batches(torch.arange(20) * 10, torch.arange(count), batch=batch, seed=seed)


def test_the_order_is_a_pure_function_of_seed_and_step():
    first, second = make(), make()
    forward = [first.at(step).values.tolist() for step in range(9)]
    backward = [second.at(step).values.tolist() for step in reversed(range(9))]
    assert forward == backward[::-1]


def test_epochs_and_seeds_differ_even_where_their_sums_agree():
    orders = {
        tuple(make(seed, count=10, batch=10).at(epoch).values.tolist()) for seed in range(4) for epoch in range(4)
    }
    assert len(orders) == 16


def test_an_epoch_draws_each_row_at_most_once_and_only_from_its_rows():
    rows = torch.tensor([3, 5, 7, 11, 13])
    batches = Batches(torch.arange(20), rows, batch=2, seed=1)
    drawn = torch.cat([batches.at(step).values for step in range(batches.steps_per_epoch)])
    assert len(drawn) == len(set(drawn.tolist())) == 4
    assert set(drawn.tolist()) <= set(rows.tolist())


def test_few_rows_are_one_whole_batch():
    batches = make(count=4, batch=100)
    assert batches.steps_per_epoch == 1
    assert sorted(batches.at(5).values.tolist()) == [0, 10, 20, 30]


def test_the_global_random_numbers_are_left_alone():
    state = torch.random.get_rng_state()
    make().at(12)
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("permuted", [False, True])
def test_rows_keep_shape_and_type(dtype, permuted):
    values = torch.arange(48).reshape(4, 3, 2, 2).to(dtype)
    values = values.permute(0, 2, 3, 1) if permuted else values
    rows = torch.tensor([2, 0, 3])
    assert torch.equal(next(sequential(values, rows, 3)).values, values[rows])


def test_sequential_is_in_order_with_a_ragged_end():
    found = [batch.values.tolist() for batch in sequential(torch.arange(9), torch.tensor([8, 1, 2, 3, 0]), 2)]
    assert found == [[8, 1], [2, 3], [0]]
    assert list(sequential(torch.arange(9), torch.empty(0, dtype=torch.int64), 2)) == []


@pytest.mark.parametrize(("count", "batch", "said"), [(0, 3, "no datum"), (5, 0, "batch must be")])
def test_what_cannot_be_drawn_is_refused(count, batch, said):
    with pytest.raises(ValueError, match=said):
        make(count=count, batch=batch)


def test_negative_steps_and_batches_are_refused():
    with pytest.raises(ValueError, match="count from 0"):
        make().at(-1)
    with pytest.raises(ValueError, match="batch must be"):
        list(sequential(torch.arange(3), torch.arange(3), 0))
