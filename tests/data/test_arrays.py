from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from vaekit.data.arrays import images_from_arrays


@pytest.mark.parametrize(
    ("shape", "library", "found"),
    [
        ((5, 8, 9), np, (8, 9, 1)),
        ((5, 8, 9), torch, (8, 9, 1)),
        ((5, 8, 9, 3), np, (8, 9, 3)),
        ((5, 3, 8, 9), np, (8, 9, 3)),
        ((5, 3, 8, 9), torch, (8, 9, 3)),
        ((5, 8, 9, 3), torch, (8, 9, 3)),
        ((5, 3, 9, 3), np, (3, 9, 3)),
        ((5, 3, 9, 3), torch, (9, 3, 3)),
        ((5, 12, 8, 9), np, (12, 8, 9)),
        ((5, 12, 8, 9), torch, (8, 9, 12)),
    ],
)
def test_layouts(shape, library, found):
    dataset = images_from_arrays(library.zeros(shape))
    assert dataset.values.shape == (5, *found)
    assert dataset.values.is_contiguous()
    assert (dataset.schema.height, dataset.schema.width, dataset.schema.channels) == found


def test_channels_first_pixels_go_where_they_belong():
    x = torch.arange(24, dtype=torch.uint8).reshape(1, 2, 3, 4)
    assert torch.equal(images_from_arrays(x).values, x.permute(0, 2, 3, 1))


@pytest.mark.parametrize(
    ("x", "dtype", "levels"),
    [
        (np.array([0, 9], dtype=np.uint8), torch.uint8, 256),
        (np.array([False, True]), torch.uint8, 2),
        (np.array([0, 16], dtype=np.int64), torch.uint8, 17),
        (np.array([0, 255], dtype=np.int64), torch.uint8, 256),
        (np.array([0, 4095], dtype=">u2"), torch.int32, 4096),
        (np.array([0, 0], dtype=np.int64), torch.uint8, 2),
        (np.array([0.0, 9.0]), torch.float32, None),
        (np.array([0.0, 9.0], dtype=np.float16), torch.float32, None),
        (torch.tensor([0.0, 9.0], dtype=torch.bfloat16), torch.float32, None),
        (torch.tensor([0, 9]), torch.uint8, 10),
    ],
)
def test_what_one_pixel_can_be(x, dtype, levels):
    dataset = images_from_arrays(x.reshape(2, 1, 1))
    assert (dataset.values.dtype, dataset.schema.levels) == (dtype, levels)
    assert dataset.values.flatten().tolist() == x.tolist()
    if levels:
        # Two values are binary, whatever they are: then it is they that count.
        expected = (x.min().item(), x.max().item()) if dataset.schema.binary else (0, levels - 1)
        assert (dataset.schema.low, dataset.schema.high) == expected


@pytest.mark.parametrize("x", [np.zeros(4), np.zeros((4, 9)), torch.zeros(2, 2, 2, 2, 2), np.zeros((0, 2, 2))])
def test_other_shapes_are_refused(x):
    with pytest.raises(ValueError, match=r"images must have shape \(N, H, W\) or \(N, H, W, C\)"):
        images_from_arrays(x)


def test_rows_that_are_not_finite_are_named():
    x = np.zeros((9, 2, 2))
    x[3, 1, 1], x[7, 0, 0] = np.nan, np.inf
    with pytest.raises(ValueError, match=r"2 of 9 images hold NaN or infinite values \(rows 3, 7\)"):
        images_from_arrays(x)
    with pytest.raises(ValueError, match=r"rows 0, 1, 2, 3, 4, \.\.\."):
        images_from_arrays(np.full((9, 2, 2), 1e300))


def test_integers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="the smallest is -3; add 3 or give floats"):
        images_from_arrays(np.full((2, 2, 2), -3))
    with pytest.raises(ValueError, match=r"below 2\*\*31"):
        images_from_arrays(np.full((2, 2, 2), 2**31))
    with pytest.raises(ValueError, match="integers below levels=17"):
        images_from_arrays(np.full((2, 2, 2), 17, dtype=np.uint8), levels=17)
    with pytest.raises(TypeError, match="pixels must be integers or floats"):
        images_from_arrays(np.zeros((2, 2, 2), dtype=complex))


def test_read_only_arrays_are_taken_without_a_warning():
    x = np.zeros((2, 2, 2), dtype=np.uint8)
    x.flags.writeable = False
    assert images_from_arrays(x).values.shape == (2, 2, 2, 1)


def test_labels_split_and_source():
    x = np.arange(40, dtype=np.uint8).reshape(10, 2, 2)
    dataset = images_from_arrays(x, list("ab" * 5), split=torch.tensor([0] * 7 + [2] * 3), source="mine")
    assert (dataset.classes, dataset.schema.classes, dataset.source) == (("a", "b"), ("a", "b"), "mine")
    assert dataset.labels.tolist() == [0, 1] * 5
    assert dataset.part("test").tolist() == [7, 8, 9]
    assert len(dataset.part("validation")) >= 1


def test_a_torch_data_set_brings_its_labels():
    dataset = images_from_arrays(TensorDataset(torch.rand(6, 3, 4, 5), torch.tensor([0, 1] * 3)))
    assert dataset.values.shape == (6, 4, 5, 3)
    assert dataset.labels.tolist() == [0, 1] * 3


def test_floats_that_look_like_bytes_are_noted():
    grid = np.arange(0, 256, 8).reshape(2, 4, 4) / 255
    assert "multiples of 1/255" in images_from_arrays(grid).notes[0]
    assert images_from_arrays(grid + 0.001).notes == ()
    assert images_from_arrays(np.zeros((2, 2, 2))).notes == ()
