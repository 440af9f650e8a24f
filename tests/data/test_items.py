from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset as TorchDataset, IterableDataset, TensorDataset

from vaekit.data.items import stack_items


class Endless(TorchDataset):
    """A map-style data set that never raises IndexError, which iteration past its end would need."""

    def __init__(self):
        self.reads = []

    def __len__(self):
        return 3

    def __getitem__(self, index):
        self.reads.append(index)
        return torch.full((1, 2, 2), float(index)), index % 2


class Stream(IterableDataset):
    def __iter__(self):
        yield from (np.full((2, 2), n, dtype=np.uint8) for n in range(4))


def test_a_data_set_is_read_once():
    source = Endless()
    images, labels = stack_items(source)
    assert source.reads == [0, 1, 2]
    assert images.shape == (3, 1, 2, 2)
    assert labels == [0, 1, 0]


def test_streams_pairs_and_pictures():
    images, labels = stack_items(Stream())
    assert (images.shape, labels) == ((4, 2, 2), None)
    images, labels = stack_items(TensorDataset(torch.zeros(2, 1, 3, 3), torch.tensor([1, 0])))
    assert (images.shape, labels) == ((2, 1, 3, 3), [1, 0])
    images, labels = stack_items([(Image.new("RGB", (5, 4)), "a"), (Image.new("P", (5, 4)), "b")])
    assert (images.shape, images.dtype, labels) == ((2, 4, 5, 3), np.uint8, ["a", "b"])


def test_labels_of_length_one_count_and_targets_that_are_no_class_do_not():
    assert stack_items([(torch.zeros(1, 2, 2), np.array([3]))])[1] == [3]
    assert stack_items([(torch.zeros(1, 2, 2), {"box": 1})])[1] is None


@pytest.mark.parametrize(
    ("items", "error", "said"),
    [
        ([], ValueError, "no image"),
        (5, TypeError, "int came"),
        ([{"image": 1}], TypeError, "dict came"),
        ([np.zeros((2, 2)), np.zeros((3, 2)), np.zeros((2, 2))], ValueError, r"have \(2, 2\) \(2\), \(3, 2\) \(1\)"),
    ],
)
def test_what_is_no_image_is_refused(items, error, said):
    with pytest.raises(error, match=said):
        stack_items(items)
