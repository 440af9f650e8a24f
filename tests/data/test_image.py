from __future__ import annotations

import gzip
import os
import subprocess
import sys

import numpy as np
import pytest

from vaekit.data import images_from_arrays, read_images

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 4, 5)).astype(np.uint8)
IDX = bytes([0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 4, 0, 0, 0, 5]) + PIXELS.tobytes()


def write_all(folder):
    np.save(folder / "a.npy", PIXELS)
    np.savez(folder / "a.npz", x=PIXELS)
    (folder / "images").write_bytes(IDX)
    (folder / "idx").mkdir()
    (folder / "idx" / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(IDX))


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "images", "idx"])
@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_every_reader_is_found(tmp_path, name, kind):
    write_all(tmp_path)
    dataset = read_images(kind(tmp_path / name))
    assert np.array_equal(dataset.values[..., 0].numpy(), PIXELS)
    assert dataset.source == str(tmp_path / name)
    assert dataset.fingerprint == images_from_arrays(PIXELS).fingerprint
    assert read_images(tmp_path / name, size=(3, 3)).values.shape == (9, 3, 3, 1)


def test_folders_of_image_files(tmp_path, draw):
    draw(tmp_path / "in", size=(6, 12))
    assert read_images(tmp_path / "in").values.shape == (6, 6, 12, 1)
    assert read_images(tmp_path / "in", size=(3, 4), fit="crop").values.shape == (6, 3, 4, 1)
    assert (tmp_path / "cache").is_dir()
    assert read_images(tmp_path / "in", size=[3, 4]).values.shape == (6, 3, 4, 1)
    assert read_images(tmp_path / "in", cache=tmp_path / "other").values.shape == (6, 6, 12, 1)
    assert (tmp_path / "other").is_dir()


def test_a_single_image_is_a_data_set_of_one(tmp_path, draw):
    (content,) = draw(tmp_path / "in", count=1, mode="RGB")
    dataset = read_images(tmp_path / "in" / "RGB0-000.png")
    assert np.array_equal(dataset.values[0].numpy(), content)
    assert (dataset.names, dataset.part("all").tolist()) == (("RGB0-000.png",), [0])
    (tmp_path / "bad.png").write_text("hello")
    with pytest.raises(ValueError, match=r"bad\.png must be an image, but cannot be decoded"):
        read_images(tmp_path / "bad.png")


def test_names_are_names_and_paths_are_paths(tmp_path, draw, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "digits", count=4)
    dataset = read_images("Digits")
    assert len(dataset) == 1797
    assert "write ./digits" in dataset.notes[-1]
    assert len(read_images("./digits")) == 4
    assert read_images("digits", size=(16, 16)).schema.levels == 17


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("fashon-mnist", "did you mean fashion-mnist"),
        ("/no/such/folder", "no '/no/such/folder'; check the path"),
        ("./mnits", "did you mean mnist"),
    ],
)
def test_what_is_not_there(source, said):
    with pytest.raises(FileNotFoundError, match=said):
        read_images(source)


def test_files_of_another_kind_and_empty_folders(tmp_path):
    (tmp_path / "a.csv").write_text("1,2")
    with pytest.raises(ValueError, match=r"a file of images must be \.npy, .* but a\.csv came"):
        read_images(tmp_path / "a.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds nothing"):
        read_images(tmp_path / "empty")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": (0, 4)}, "two positive"),
        ({"size": (4,)}, "two positive"),
        ({"size": 4}, "two positive"),
        ({"fit": "pad"}, "fit must be"),
    ],
)
def test_options_are_checked(options, said):
    with pytest.raises(ValueError, match=said):
        read_images("digits", **options)


def test_importing_the_floor_is_light():
    heavy = "{'PIL', 'sklearn', 'matplotlib', 'lightning_fabric'}"
    code = f"import sys, vaekit.data; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ))
