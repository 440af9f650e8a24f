from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vaekit.data.cache import (
    cache_folder,
    content_key,
    load_entry,
    replace_file,
    writable_folder,
    write_facts,
    write_values,
)
from vaekit.data.dataset import Dataset, ImageSchema, Quarantined, observe_images

IMAGES = [np.full((2, 3, 1), shade, dtype=np.uint8) for shade in range(4)]


@pytest.fixture
def entry(tmp_path):
    values = write_values(tmp_path, "key", IMAGES, (2, 3, 1), np.uint8)
    split = torch.tensor([0, 0, 1, 2], dtype=torch.int8)
    dataset = Dataset(
        values=values,
        schema=observe_images(values, split, 256, ("a", "b")),
        split=split,
        labels=torch.tensor([0, 1, 0, 1]),
        classes=("a", "b"),
        names=("1.png", "2.png", "3.png", "\udc80.png"),
        quarantine=(Quarantined("bad.png", "the file is empty"),),
        notes=("seen",),
    )
    write_facts(tmp_path, "key", dataset)
    return dataset


def test_an_entry_comes_back_as_it_was(tmp_path, entry):
    found = load_entry(tmp_path, "key", ImageSchema)
    assert found.fingerprint == entry.fingerprint
    for name in ("schema", "classes", "names", "quarantine", "notes"):
        assert getattr(found, name) == getattr(entry, name)
    assert torch.equal(found.labels, entry.labels)
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {"key.values", "key.safetensors"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "key.safetensors").unlink(),
        lambda folder: (folder / "key.values").unlink(),
        lambda folder: os.truncate(folder / "key.values", 23),
        lambda folder: os.truncate(folder / "key.safetensors", 40),
        lambda folder: (folder / "key.safetensors").write_text("{}"),
        lambda folder: (folder / "key.safetensors").write_text("[1]"),
        lambda folder: (folder / "key.safetensors").write_bytes(b"\xff\xfe"),
        lambda folder: save_file({"split": torch.zeros(4)}, folder / "key.safetensors"),
        lambda folder: save_file({}, folder / "key.safetensors", metadata={"facts": "[1]"}),
    ],
)
def test_a_damaged_entry_is_none(tmp_path, entry, damage):
    damage(tmp_path)
    assert load_entry(tmp_path, "key", ImageSchema) is None


def test_mapped_pixels_can_be_written_to_without_reaching_the_file(tmp_path, entry):
    entry.values.fill_(9)
    assert load_entry(tmp_path, "key", ImageSchema).values.max() == 3


def test_an_entry_can_be_written_again_while_it_is_in_use(tmp_path, entry):
    fingerprint = entry.fingerprint
    write_values(tmp_path, "key", [image + 100 for image in IMAGES], (2, 3, 1), np.uint8)
    assert entry.values.max() == 3
    write_values(tmp_path, "key", IMAGES, (2, 3, 1), np.uint8)
    write_facts(tmp_path, "key", entry)
    assert load_entry(tmp_path, "key", ImageSchema).fingerprint == fingerprint


def test_an_error_while_writing_leaves_nothing(tmp_path):
    def broken():
        yield IMAGES[0]
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match=r"the disk of the cache folder .* is full; free some space"):
        write_values(tmp_path, "key", broken(), (2, 3, 1), np.uint8)
    assert not any(path.is_file() for path in tmp_path.iterdir())


def test_a_failed_replacement_keeps_the_old_file(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(RuntimeError), replace_file(tmp_path / "a") as path:
        path.write_text("new")
        raise RuntimeError
    assert (tmp_path / "a").read_text() == "old"


def test_the_key_is_that_of_names_content_and_options(tmp_path):
    def key(content, name="a", options="x"):
        path = tmp_path / name
        path.write_bytes(content)
        os.utime(path, (0, 0))
        return content_key(tmp_path, [name], options)

    keys = {key(b"1"), key(b"2"), key(b"1", name="b"), key(b"1", options="y")}
    assert len(keys) == 4
    assert key(b"1") in keys
    assert len(content_key(tmp_path, ["gone"], "x")) == 32


def test_where_the_cache_is(tmp_path, monkeypatch):
    assert cache_folder(tmp_path) == tmp_path
    monkeypatch.setenv("VAEKIT_CACHE", str(tmp_path / "v"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache_folder() == tmp_path / "v"
    monkeypatch.delenv("VAEKIT_CACHE")
    assert cache_folder() == tmp_path / "x" / "vaekit"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "vaekit"


def test_a_folder_that_is_not_writable_is_replaced_and_said(tmp_path):
    (tmp_path / "file").write_text("")
    with writable_folder(tmp_path / "file") as (place, notes):
        assert place.is_dir()
        values = write_values(place, "key", IMAGES, (2, 3, 1), np.uint8)
    assert not place.exists()
    assert values[3].max() == 3
    assert "not writable" in notes[0]
    with writable_folder(tmp_path / "new") as (place, notes):
        assert (place, notes) == (tmp_path / "new", ())
