"""Laws of stored data: a tensor, a tensor mapped from a file, data with a context, and data of unequal sizes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vaekit.data import Batches, Conditioned, Dataset, TensorRows, as_stored, sequential, unpacked
from vaekit.training import Step

COUNT = 24
VALUES = torch.arange(COUNT * 6, dtype=torch.int32).view(COUNT, 2, 3)


@dataclass(frozen=True, eq=False)
class Ragged:
    """Sequences of unequal lengths, one after another: what sounds and graphs will look like."""

    flat: Tensor
    sizes: Tensor

    def __len__(self):
        return len(self.sizes)

    def take(self, rows):
        parts = self.flat.split(self.sizes.tolist())
        return Ragged(torch.cat([self.flat[:0], *(parts[row] for row in rows.tolist())]), self.sizes[rows])

    def to(self, device):
        return Ragged(self.flat.to(device), self.sizes)

    @property
    def columns(self):
        return self.flat, self.sizes


def mapped(folder):
    path = folder / "rows"
    path.write_bytes(VALUES.numpy().tobytes())
    return path, TensorRows(torch.from_numpy(np.memmap(path, np.int32, "c", shape=tuple(VALUES.shape))))


def ragged():
    sizes = torch.arange(COUNT) % 5
    return Ragged(torch.arange(int(sizes.sum())), sizes)


MEMBERS = {
    "tensor": lambda _: TensorRows(VALUES),
    "permuted tensor": lambda _: TensorRows(VALUES.permute(0, 2, 1)),
    "bfloat16": lambda _: TensorRows(VALUES.bfloat16()),
    "mapped": lambda folder: mapped(folder)[1],
    "conditioned": lambda _: as_stored(VALUES, torch.rand(COUNT, 2), torch.rand(COUNT, 1)),
    "ragged": lambda _: ragged(),
    "conditioned ragged": lambda _: as_stored(ragged(), torch.rand(COUNT, 2)),
}


@pytest.fixture(params=MEMBERS)
def stored(request, tmp_path):
    return MEMBERS[request.param](tmp_path)


def content(stored):
    """Return what each datum is made of, one after another: written out without `take`."""
    data, context = unpacked(stored)
    parts = data.flat.split(data.sizes.tolist()) if isinstance(data, Ragged) else data
    return [tuple(part.flatten().tolist() for part in datum) for datum in zip(parts, *context, strict=True)]


def test_rows_are_taken_in_their_order_and_as_often_as_they_are_asked_for(stored):
    whole = content(stored)
    for rows in (torch.tensor([5, 0, 23, 5]), torch.arange(COUNT), torch.arange(0)):
        taken = stored.take(rows)
        assert len(taken) == len(rows) and type(taken) is type(stored)
        assert content(taken) == [whole[row] for row in rows.tolist()]
        assert taken.sizes.equal(stored.sizes[rows]) and taken.sizes.dtype == torch.int64
        assert content(taken.take(torch.arange(len(rows)))) == content(taken)


def test_types_are_kept_and_the_source_is_left_alone(stored):
    before, taken = content(stored), stored.take(torch.arange(3))
    assert [column.dtype for column in taken.columns] == [column.dtype for column in stored.columns]
    for column in taken.columns:
        column.zero_()
    assert content(stored) == before


def test_a_device(stored):
    moved = stored.to(torch.device("meta"))
    assert len(moved) == COUNT and moved.columns[0].device.type == "meta"
    assert content(stored.to(torch.device("cpu"))) == content(stored)


def test_sizes_count_the_entries_of_each_datum(stored):
    assert stored.sizes.tolist() == [len(datum[0]) for datum in content(stored)]


def test_batches_and_sequences_are_those_of_the_rows(stored):
    rows = torch.arange(2, 21)
    order = Batches(torch.arange(COUNT), rows, batch=4, seed=3)
    batches = Batches(stored, rows, batch=4, seed=3)
    whole = content(stored)
    for step in (0, 3, 9):
        assert content(batches.at(step)) == [whole[row] for row in order.at(step).values.tolist()]
    assert [datum for batch in sequential(stored, rows, 8) for datum in content(batch)] == whole[2:21]


def test_a_data_set_of_them(stored):
    data, context = unpacked(stored)
    if len(context) > 1:
        context = (torch.cat(context, 1),)
    split = (torch.arange(COUNT) % 3).to(torch.int8)
    whole = Dataset(data, None, split, context=context[0] if context else None)
    part = whole.taken(whole.part("train"))
    assert len(part) == 8
    assert content(part.stored) == [content(whole.stored)[row] for row in whole.part("train").tolist()]
    assert part.fingerprint != whole.fingerprint == Dataset(data, None, split, context=whole.context).fingerprint


def test_a_step_is_given_the_data_and_their_context(stored):
    seen = []

    class Model(nn.Module):
        def forward(self, x, *context, samples):
            seen.extend([x, *context])
            return torch.zeros(())

    data, context = unpacked(stored)
    Step(Model(), lambda trace, step: trace, lambda data: data)(stored, 0)
    assert seen[0] is data and all(a is b for a, b in zip(seen[1:], context, strict=True))


def test_the_share_of_each_process_makes_the_batch_together(stored):
    whole, shares = (
        Batches(stored, torch.arange(21), 6, 0),
        [Batches(stored, torch.arange(21), 6, 0, None, (i, 3)) for i in range(3)],
    )
    for step in (0, 2, 5):
        parts = [content(share.at(step)) for share in shares]
        assert [len(part) for part in parts] == [2, 2, 2]
        assert [datum for row in zip(*parts, strict=True) for datum in row] == content(whole.at(step))


def test_a_batch_that_cannot_be_shared_equally_is_refused():
    with pytest.raises(
        ValueError, match="a batch of 5 rows cannot be shared equally by 2 processes; give batch= a multiple"
    ):
        Batches(torch.arange(9), torch.arange(5), 8, 0, None, (0, 2))


def test_nothing_of_a_mapped_file_is_read_before_it_is_taken(tmp_path):
    """The file changes after all is set up: what is taken then is new, and what had been taken before stays old."""
    path, stored = mapped(tmp_path)
    batches = Batches(Conditioned(stored, (torch.rand(COUNT, 1),)), torch.arange(COUNT), 4, 0)
    assert (len(stored), stored.sizes.sum(), batches.steps_per_epoch) == (COUNT, COUNT * 6, 6)
    before = stored.take(torch.tensor([2]))
    with path.open("r+b") as file:
        file.write((-VALUES).numpy().tobytes())
    assert before.values.equal(VALUES[2:3])
    assert stored.take(torch.tensor([2, 1])).values.equal(-VALUES[[2, 1]])
    assert unpacked(batches.at(0))[0].le(0).all()
