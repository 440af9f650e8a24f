from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import vaekit.data.survey
from vaekit.data.folder import find_images, read_folder


@pytest.fixture
def decodes(monkeypatch):
    """The files that were decoded."""
    calls, real = [], vaekit.data.survey.decode

    def counted(path, *rest):
        calls.append(path.name)
        return real(path, *rest)

    monkeypatch.setattr(vaekit.data.survey, "decode", counted)
    return calls


def test_pixels_names_and_schema(tmp_path, draw):
    pixels = draw(tmp_path / "in", count=6, mode="RGB")
    dataset = read_folder(tmp_path / "in")
    assert np.array_equal(dataset.values.numpy(), np.stack(pixels))
    assert dataset.names == tuple(f"RGB0-{index:03d}.png" for index in range(6))
    assert dataset.schema.model_dump(exclude={"kind", "classes"}) == {
        "height": 8,
        "width": 10,
        "channels": 3,
        "levels": 256,
        "low": 0,
        "high": 255,
        "binary": False,
        "dtype": "uint8",
    }
    assert (dataset.labels, dataset.quarantine, dataset.notes) == (None, (), ())
    assert dataset.source == str(tmp_path / "in")


@pytest.mark.parametrize("suffix", ["png", "jpg", "JPEG", "webp", "bmp", "tiff", "gif"])
def test_every_kind_of_file(tmp_path, draw, suffix):
    draw(tmp_path / "in", suffix=suffix)
    assert read_folder(tmp_path / "in").values.shape[:3] == (6, 8, 10)


def test_nested_folders_are_classes_and_hidden_and_other_files_are_left_out(tmp_path, draw):
    root = tmp_path / "in"
    draw(root / "cat")
    draw(root / "dog" / "deep", seed=1)
    draw(root / ".hidden", seed=2)
    (root / "cat" / "._x.png").write_bytes(b"apple")
    (root / "notes.txt").write_text("hello")
    dataset = read_folder(root)
    assert dataset.classes == dataset.schema.classes == ("cat", "dog")
    assert dataset.labels.tolist() == [0] * 6 + [1] * 6
    assert dataset.names[6] == "dog/deep/L1-000.png"


def test_an_official_split_wins(tmp_path, draw):
    root = tmp_path / "in"
    for seed, place in enumerate(["train/cat", "train/dog", "test/cat"]):
        draw(root / place, count=20, seed=seed)
    draw(root, count=1, seed=9)
    dataset = read_folder(root)
    assert dataset.part("test").tolist() == list(range(20))
    assert {dataset.names[row].split("/")[0] for row in dataset.part("validation")} == {"train"}
    assert (dataset.classes, len(dataset)) == (("cat", "dog"), 60)
    assert "1 images beside the folders" in dataset.notes[0]


def test_the_split_follows_the_content_and_not_the_names(tmp_path, draw):
    pixels = draw(tmp_path / "a", count=40)
    split = {
        content.tobytes(): part
        for content, part in zip(pixels, read_folder(tmp_path / "a").split.tolist(), strict=True)
    }
    for index, content in enumerate(reversed([*pixels, *pixels])):
        (tmp_path / "b").mkdir(exist_ok=True)
        Image.fromarray(content).save(tmp_path / "b" / f"{index:03d}.bmp")
    other = read_folder(tmp_path / "b")
    assert [split[row.numpy().tobytes()] for row in other.values] == other.split.tolist()


def test_a_second_opening_decodes_nothing(tmp_path, draw, decodes):
    draw(tmp_path / "in", mode="RGBA", count=4)
    first = read_folder(tmp_path / "in")
    assert len(decodes) == 8
    decodes.clear()
    second = read_folder(tmp_path / "in")
    assert decodes == []
    assert second.fingerprint == first.fingerprint
    assert (second.schema, second.names, second.notes) == (first.schema, first.names, first.notes)


def test_changed_content_and_options_decode_again(tmp_path, draw, decodes):
    draw(tmp_path / "in")
    before = read_folder(tmp_path / "in")
    draw(tmp_path / "in", seed=0, count=1, size=(8, 10))
    assert len(decodes) == 6
    Image.new("L", (10, 8), 7).save(tmp_path / "in" / "L0-003.png")
    assert read_folder(tmp_path / "in").fingerprint != before.fingerprint
    read_folder(tmp_path / "in", size=(4, 4))
    read_folder(tmp_path / "in", size=(4, 4), fit="crop")
    assert len(decodes) == 24


def test_a_damaged_cache_is_rebuilt(tmp_path, draw, decodes, cache):
    draw(tmp_path / "in")
    fingerprint = read_folder(tmp_path / "in").fingerprint
    for pattern in ("*.values", "*.safetensors"):
        path = next(cache.glob(pattern))
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content[:-5])
        decodes.clear()
        assert read_folder(tmp_path / "in").fingerprint == fingerprint
        assert len(decodes) == 6


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path, draw):
    pixels = draw(tmp_path / "in")
    (tmp_path / "file").write_text("")
    dataset = read_folder(tmp_path / "in", cache=tmp_path / "file")
    assert np.array_equal(dataset.values[..., 0].numpy(), np.stack(pixels))
    assert "not writable" in dataset.notes[-1]


def test_unusable_files_are_quarantined_with_reasons(tmp_path, draw):
    root = tmp_path / "in"
    draw(root, count=8, size=(64, 64))
    (root / "empty.png").write_bytes(b"")
    (root / "text.png").write_text("hello")
    (root / "short.png").write_bytes((root / "L0-000.png").read_bytes()[:3000])
    for dataset in (read_folder(root), read_folder(root)):
        assert len(dataset) == len(dataset.names) == 8
        assert [bad.name for bad in dataset.quarantine] == ["empty.png", "short.png", "text.png"]
        reasons = " ".join(bad.reason for bad in dataset.quarantine)
        for word in ("is empty", "truncated", "not that of an image"):
            assert word in reasons
        assert str(tmp_path) not in reasons


def test_too_many_unusable_files_are_an_error_and_leave_no_cache(tmp_path, draw, cache):
    root = tmp_path / "in"
    draw(root, count=2, size=(64, 64))
    for index in range(3):
        (root / f"short{index}.png").write_bytes((root / "L0-000.png").read_bytes()[:3000])
    with pytest.raises(ValueError, match=r"3 of 5 are \(short0.png: .*repair or remove them"):
        read_folder(root)
    assert list(cache.iterdir()) == []


def test_folders_without_images_are_refused(tmp_path):
    with pytest.raises(ValueError, match="holds nothing"):
        find_images(tmp_path)
    for name in ("a.txt", "b.txt", "c.csv", "d"):
        (tmp_path / name).write_text("")
    with pytest.raises(ValueError, match=r"holds 2 \.txt, 1 \.csv, 1 no suffix"):
        find_images(tmp_path)


def test_channels_last_batches_are_free(tmp_path, draw):
    draw(tmp_path / "in", mode="RGB")
    batch = read_folder(tmp_path / "in").values.permute(0, 3, 1, 2)
    assert batch.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_pixels_of_files_of_16_bits_keep_their_levels(tmp_path, cache, bits):
    deep = np.random.default_rng(0).integers(0, 2**bits, (40, 6, 5)).astype(np.uint16)
    deep[0, 0, :2] = 0, 2**bits - 1
    (tmp_path / "deep").mkdir()
    for place, pixels in enumerate(deep):
        Image.fromarray(pixels).save(tmp_path / "deep" / f"{place:02}.{'png' if place % 2 else 'tif'}")
    found = read_folder(tmp_path / "deep", cache=cache)
    assert (found.schema.levels, found.schema.dtype) == (2**bits, "uint16")
    np.testing.assert_array_equal(found.values.numpy()[..., 0], deep)
    assert found.notes == (f"the pixels of 16 bits have {2**bits:,} levels, which are kept",)
    again = read_folder(tmp_path / "deep", cache=cache)
    assert again.fingerprint == found.fingerprint and again.schema == found.schema
    small = read_folder(tmp_path / "deep", size=(3, 3), cache=cache)
    assert small.values.shape == (40, 3, 3, 1) and 255 < small.values.max() < 2**bits
