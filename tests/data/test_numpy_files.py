from __future__ import annotations

import numpy as np
import pytest

import vaekit.data.array_files
from vaekit.data import unpacked
from vaekit.data.array_files import read_npy, read_npz

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 4, 5, 3)).astype(np.uint8)
LABELS = np.arange(12) % 2


def test_npy(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", IMAGES)
    assert np.array_equal(read_npy(tmp_path / "a.npy").values.numpy(), IMAGES)
    monkeypatch.setattr(vaekit.data.array_files, "LARGE", 10)
    assert np.array_equal(read_npy(tmp_path / "a.npy").values.numpy(), IMAGES)


@pytest.mark.parametrize("images", ["x", "images", "data", "arr_0"])
@pytest.mark.parametrize("labels", ["y", "labels", None])
def test_npz(tmp_path, images, labels):
    np.savez(tmp_path / "a.npz", **{images: IMAGES, "other": LABELS}, **({labels: LABELS} if labels else {}))
    dataset = read_npz(tmp_path / "a.npz")
    assert np.array_equal(dataset.values.numpy(), IMAGES)
    assert (None if dataset.labels is None else dataset.labels.tolist()) == (LABELS.tolist() if labels else None)


@pytest.mark.parametrize("pattern", ["{}_{}", "{1}_{0}"])
def test_npz_with_official_parts(tmp_path, pattern):
    x, y = ("x", "y") if pattern == "{}_{}" else ("images", "labels")
    parts = {"train": slice(0, 6), "val": slice(6, 9), "test": slice(9, 12)}
    arrays = {pattern.format(x, part): IMAGES[rows] for part, rows in parts.items()}
    arrays |= {pattern.format(y, part): LABELS[rows, None] for part, rows in parts.items()}
    np.savez(tmp_path / "a.npz", **arrays)
    dataset = read_npz(tmp_path / "a.npz")
    assert dataset.split.tolist() == [0] * 6 + [1] * 3 + [2] * 3
    assert dataset.labels.tolist() == LABELS.tolist()


def test_npz_without_training_part_is_split_by_content(tmp_path):
    np.savez(tmp_path / "a.npz", x_test=IMAGES)
    assert set(read_npz(tmp_path / "a.npz").split.tolist()) == {0, 1, 2}


def test_npz_that_does_not_say_where_the_images_are(tmp_path):
    np.savez(tmp_path / "a.npz", pictures=IMAGES)
    with pytest.raises(ValueError, match=r"holds pictures; rename the array"):
        read_npz(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", x_train=IMAGES, x_test=IMAGES[:, :2])
    with pytest.raises(ValueError, match="one size and type"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 no archive"])
@pytest.mark.parametrize("read", [read_npy, read_npz])
def test_damaged_files_are_refused(tmp_path, content, read):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.npz"):
        read(tmp_path / "a.npz")


def test_pickles_are_never_opened(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="must be a numpy file of numbers"):
        read_npy(tmp_path / "a.npy")
    np.savez(tmp_path / "a.npz", x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="must be a numpy file of numbers"):
        read_npz(tmp_path / "a.npz")


def test_npz_with_a_context(tmp_path):
    context = np.arange(24).reshape(12, 2)
    np.savez(tmp_path / "a.npz", x=IMAGES, context=context)
    found = read_npz(tmp_path / "a.npz").context
    assert found is not None and found.dtype.is_floating_point and np.array_equal(found.numpy(), context)
    assert unpacked(read_npz(tmp_path / "a.npz").stored)[1][0].equal(found)
    np.savez(tmp_path / "a.npz", x=IMAGES, context=context[:, 0])
    with pytest.raises(ValueError, match="context must be a vector of numbers for each of the 12 data"):
        read_npz(tmp_path / "a.npz")


def test_npz_with_a_context_for_each_part(tmp_path):
    context = np.arange(24, dtype=np.int16).reshape(12, 2)
    arrays = {"x_train": IMAGES[:8], "x_test": IMAGES[8:], "context_train": context[:8]}
    with pytest.raises(ValueError, match="must have a context of one length with each image, or none"):
        np.savez(tmp_path / "a.npz", **arrays)
        read_npz(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="must have a context of one length with each image, or none"):
        np.savez(tmp_path / "a.npz", **arrays, context_test=context[9:])
        read_npz(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", **arrays, context_test=context[8:])
    assert np.array_equal(read_npz(tmp_path / "a.npz").context, context)
