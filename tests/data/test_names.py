from __future__ import annotations

import gzip
from hashlib import md5

import numpy as np
import pytest
import torch

import vaekit.data.names
from vaekit.data.files import existing_path
from vaekit.data.names import CLASSES, DIGESTS, MIRRORS, NAMES, read_named


def test_digits():
    dataset = read_named("digits")
    assert (dataset.values.shape, dataset.values.dtype) == ((1797, 8, 8, 1), torch.uint8)
    assert (dataset.schema.levels, dataset.schema.high, len(dataset.classes)) == (17, 16, 10)
    assert len(dataset.labels) == 1797
    assert 1350 < len(dataset.part("train")) < 1500


@pytest.mark.parametrize(
    ("typed", "cure"),
    [
        ("fashon-mnist", "did you mean fashion-mnist"),
        ("MINST", "did you mean mnist"),
        ("digit", "did you mean digits"),
        ("celeba", "check the path"),
    ],
)
def test_the_nearest_name(typed, cure):
    with pytest.raises(FileNotFoundError, match=cure):
        existing_path(typed, "a sentence", NAMES)


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A mirror of a small MNIST, on this disk."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    digests = {}
    for part, count in (("train", 20), ("t10k", 10)):
        images = np.random.default_rng(count).integers(0, 256, (count, 2, 2)).astype(np.uint8)
        contents = {
            f"{part}-images-idx3-ubyte.gz": bytes([0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 2, 0, 0, 0, 2])
            + images.tobytes(),
            f"{part}-labels-idx1-ubyte.gz": bytes([0, 0, 8, 1, 0, 0, 0, count, *range(10), *range(count - 10)]),
        }
        for name, content in contents.items():
            (folder / name).write_bytes(gzip.compress(content))
            digests[name] = md5(content).hexdigest()
    for name in ("mnist", "fashion-mnist"):
        monkeypatch.setitem(MIRRORS, name, folder.as_uri() + "/")
        monkeypatch.setitem(DIGESTS, name, digests)
    return folder


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_mnists_are_downloaded_once(mirror, monkeypatch, tmp_path, cache, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"of another data set")
    monkeypatch.setattr(vaekit.data.names, "DEBIAN", {})
    dataset = read_named(name)
    assert (dataset.classes, dataset.source) == (CLASSES[name], name)
    assert len(dataset.part("test")) == 10
    assert len(list((cache / name).iterdir())) == 4
    for path in mirror.iterdir():
        path.unlink()
    assert read_named(name).fingerprint == dataset.fingerprint


def test_the_package_of_debian_is_used(mirror, monkeypatch, cache):
    monkeypatch.setattr(vaekit.data.names, "DEBIAN", {"fashion-mnist": mirror})
    assert len(read_named("fashion-mnist")) == 30
    assert not cache.exists()


def test_all_checksums_are_there():
    assert {len(digest) for files in DIGESTS.values() for digest in files.values()} == {32}
    assert all(len(files) == 4 for files in DIGESTS.values())
