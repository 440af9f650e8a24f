from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from vaekit.data.array_files import is_idx, is_idx_folder, read_idx, read_idx_file, read_idx_folder

CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def write(path, array):
    code = CODES[array.dtype.str[1:]]
    content = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    content += array.astype(array.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def pixels(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 4, 5)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "train-images-idx3-ubyte.gz", pixels(30))
    write(tmp_path / "train-labels-idx1-ubyte.gz", np.arange(30, dtype=np.uint8) % 3)
    write(tmp_path / "t10k-images-idx3-ubyte", pixels(10, seed=1))
    write(tmp_path / "t10k-labels-idx1-ubyte", np.zeros(10, dtype=np.uint8))
    (tmp_path / "SOURCE.txt").write_text("from afar")
    return tmp_path


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_arrays_of_every_type(tmp_path, kind, name):
    array = np.arange(24).reshape(2, 3, 4).astype(kind)
    path = write(tmp_path / name, array)
    assert is_idx(path)
    assert np.array_equal(read_idx(path), array)
    assert read_idx_file(path).values.shape == (2, 3, 4, 1)


def test_official_parts_and_labels(folder):
    dataset = read_idx_folder(folder)
    assert is_idx_folder(folder)
    assert dataset.part("test").tolist() == list(range(30, 40))
    assert len(dataset.part("validation")) >= 1
    assert dataset.labels.tolist() == [0, 1, 2] * 10 + [0] * 10
    assert (dataset.classes, dataset.schema.levels) == (("0", "1", "2"), 256)
    assert np.array_equal(dataset.values[30:, ..., 0].numpy(), pixels(10, seed=1))


def test_both_forms_of_one_file_are_one_file(folder):
    write(folder / "train-images-idx3-ubyte", pixels(30))
    assert len(read_idx_folder(folder)) == 40


def test_one_part_alone_is_split_by_content_and_labels_may_lack(folder):
    for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "train-labels-idx1-ubyte.gz"):
        (folder / name).unlink()
    dataset = read_idx_folder(folder)
    assert (len(dataset), dataset.labels) == (30, None)
    assert set(dataset.split.tolist()) == {0, 1, 2}


def test_two_data_sets_in_one_folder_are_refused(folder):
    write(folder / "emnist-train-images-idx3-ubyte", pixels(3))
    with pytest.raises(ValueError, match="fit the same part; keep one data set in a folder"):
        read_idx_folder(folder)
    (folder / "emnist-train-images-idx3-ubyte").unlink()
    write(folder / "t10k-images-idx3-ubyte", np.zeros((10, 6, 6), np.uint8))
    with pytest.raises(ValueError, match="images of one size"):
        read_idx_folder(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0",
        bytes([0, 0, 8, 3]) + b"\xff" * 12,
        bytes([0, 0, 8, 3]) + struct.pack(">3I", 2, 2, 2) + b"1234567",
        bytes([0, 0, 7, 1]) + struct.pack(">I", 1) + b"1",
        bytes([0, 0, 8, 200]),
    ],
)
@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_damaged_files_are_refused(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name == "a.gz" else content)
    with pytest.raises(ValueError, match=f"{name} must be an IDX file, but it is damaged"):
        read_idx(path)


def test_damaged_compression_is_refused(tmp_path):
    path = write(tmp_path / "a.gz", pixels(50))
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ValueError, match="damaged"):
        read_idx(path)
    path.write_bytes(b"no gzip")
    assert not is_idx(path)
