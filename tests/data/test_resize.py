from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from vaekit.data.arrays import images_from_arrays
from vaekit.data.dataset import Dataset
from vaekit.data.folder import read_folder
from vaekit.data.resize import crop_box, resize_dataset


def test_integers_stay_integers_of_as_many_levels():
    images = np.random.default_rng(0).integers(0, 17, (5, 8, 8)).astype(np.uint8)
    found = resize_dataset(images_from_arrays(images, levels=17), (16, 12))
    assert found.values.shape == (5, 16, 12, 1)
    assert (found.values.dtype, found.schema.levels) == (torch.uint8, 17)
    assert int(found.values.max()) <= 16
    assert (found.schema.height, found.schema.width) == (16, 12)
    assert "resized from 8x8 to 16x12" in found.notes[-1]


def test_floats_stay_in_their_range():
    found = resize_dataset(images_from_arrays(np.eye(8)[None].repeat(3, 0) * 2.5), (5, 5))
    assert found.values.dtype == torch.float32
    assert float(found.values.min()) >= 0
    assert float(found.values.max()) <= 2.5


def test_constant_images_stay_constant():
    images = np.full((2, 9, 7, 3), 77, dtype=np.uint8)
    assert (resize_dataset(images_from_arrays(images), (4, 4)).values == 77).all()


def test_cropping_cuts_around_the_center():
    images = np.zeros((1, 4, 8), dtype=np.uint8)
    images[:, :, 2:6] = 200
    assert (resize_dataset(images_from_arrays(images), (4, 4), "crop").values == 200).all()
    assert not (resize_dataset(images_from_arrays(images), (4, 4), "resize").values == 200).all()


def test_the_same_size_changes_nothing():
    dataset = images_from_arrays(np.zeros((2, 4, 4), dtype=np.uint8))
    assert resize_dataset(dataset, (4, 4)) is dataset


@pytest.mark.parametrize(
    ("height", "width", "size"), [(1, 100, (8, 8)), (100, 1, (8, 8)), (7, 5, (3, 2)), (5, 5, (1, 9))]
)
def test_a_crop_is_never_empty_and_never_outside(height, width, size):
    top, left, bottom, right = crop_box(height, width, size)
    assert 0 <= top < bottom <= height
    assert 0 <= left < right <= width


def test_only_images_can_be_resized():
    with pytest.raises(ValueError, match="only images"):
        resize_dataset(Dataset(torch.zeros(2, 3), None, torch.zeros(2)), (4, 4))


def test_images_of_two_values_that_become_grey_are_named_with_the_cure(tmp_path, cache):
    ink = (np.random.default_rng(0).random((30, 8, 8)) < 0.5).astype(np.uint8) * 255
    assert any(
        "two values and are grey after resizing" in note
        for note in resize_dataset(images_from_arrays(ink), (5, 5)).notes
    )
    grey = images_from_arrays(np.random.default_rng(0).integers(0, 256, (30, 8, 8)).astype(np.uint8))
    assert not any("two values" in note for note in resize_dataset(grey, (5, 5)).notes)
    (tmp_path / "ink").mkdir()
    for place, pixels in enumerate(ink):
        Image.fromarray(pixels).save(tmp_path / "ink" / f"{place:02}.png")
    assert any(
        "likelihood.binarize=threshold" in note
        for note in read_folder(tmp_path / "ink", size=(5, 5), cache=cache).notes
    )
    assert not any("two values" in note for note in read_folder(tmp_path / "ink", cache=cache).notes)
