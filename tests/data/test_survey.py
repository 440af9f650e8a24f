from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import vaekit.data.survey
from vaekit.data.dataset import Quarantined
from vaekit.data.survey import check_share, decode_all, describe_conversions, survey


def look(root, **options):
    names = sorted(path.name for path in root.iterdir())
    return survey(root, names, options.get("size"), options.get("fit", "resize"))


@pytest.mark.parametrize(
    ("modes", "channels"),
    [
        (["L"], 1),
        (["L", "RGB"], 3),
        (["L", "RGBA"], 4),
        (["LA"], 4),
        (["RGB"], 3),
    ],
)
def test_channels_follow_what_is_there(tmp_path, draw, modes, channels):
    for mode in modes:
        draw(tmp_path, mode=mode)
    found = look(tmp_path)
    assert found.target.channels == channels
    assert {pixels.shape for pixels in decode_all(tmp_path, found)} == {(8, 10, channels)}


def test_an_alpha_channel_that_is_opaque_everywhere_is_dropped(tmp_path, draw):
    draw(tmp_path, mode="L", size=(4, 4))
    Image.new("RGBA", (4, 4), (1, 2, 3, 255)).save(tmp_path / "opaque.png")
    found = look(tmp_path)
    assert found.target.channels == 3
    notes = describe_conversions(found, [header.name for header in found.headers])
    assert "6 of 7 images grey: expanded to RGB" in notes
    assert "1 of 7 images with an alpha channel that is opaque throughout: it was dropped" in notes


def test_conversions_are_said(tmp_path, draw):
    draw(tmp_path, mode="RGB", count=3)
    draw(tmp_path, mode="CMYK", count=1, suffix="jpg")
    Image.new("P", (10, 8)).save(tmp_path / "p.png")
    Image.fromarray(np.zeros((8, 10), np.uint16)).save(tmp_path / "deep.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 10)).save(tmp_path / "turned.png", exif=exif)
    found = look(tmp_path, size=(8, 8))
    assert describe_conversions(found, [header.name for header in found.headers]) == (
        "1 of 7 images grey: expanded to RGB",
        "1 of 7 images with a palette: expanded to RGB",
        "1 of 7 images in another color space: converted to RGB",
        "1 of 7 images of 16 bits: reduced to 8 bits",
        "1 of 7 images turned upright as their EXIF says",
        "7 of 7 images resized to 8x8",
    )


def test_large_images_are_decoded_few_at_a_time_and_in_order(tmp_path, draw, monkeypatch):
    pixels = draw(tmp_path, count=7)
    monkeypatch.setattr(vaekit.data.survey, "GROUP_BYTES", 200)
    decoded = list(decode_all(tmp_path, look(tmp_path)))
    assert np.array_equal(np.stack(decoded)[..., 0], np.stack(pixels))


def test_a_size_that_the_header_does_not_tell_is_refused(tmp_path, draw):
    draw(tmp_path, count=2)
    found = replace(look(tmp_path), size=(3, 3))
    assert [bad.reason for bad in decode_all(tmp_path, found)] == [
        "its header does not tell its size, which is 8x10"
    ] * 2


def test_mixed_sizes_are_listed_with_a_cure(tmp_path, draw):
    draw(tmp_path, count=4, size=(8, 10))
    draw(tmp_path, count=2, size=(9, 9), seed=1)
    with pytest.raises(ValueError, match=r"2 sizes came: 8x10 \(4\), 9x9 \(2\); use size=8x10"):
        look(tmp_path)
    assert look(tmp_path, size=(5, 5)).size == (5, 5)


def test_a_broken_file_decides_neither_size_nor_channels(tmp_path, draw):
    draw(tmp_path, count=5, size=(8, 10))
    draw(tmp_path / "other", count=1, mode="RGBA", size=(64, 64))
    whole = next((tmp_path / "other").iterdir())
    (tmp_path / "odd.png").write_bytes(whole.read_bytes()[:3000])
    whole.unlink()
    (tmp_path / "other").rmdir()
    found = look(tmp_path)
    assert (found.size, found.target.channels) == ((8, 10), 1)
    assert [bad.name for bad in found.quarantine] == ["odd.png"]


@pytest.mark.parametrize(
    ("count", "bad", "passes"),
    [(10, 5, True), (10, 6, False), (1, 1, False), (100, 5, True), (100, 6, False), (20, 2, False)],
)
def test_the_share_of_unusable_files(count, bad, passes):
    quarantine = [Quarantined(f"{index}.png", "the file is empty") for index in range(bad)]
    if passes:
        check_share(count, quarantine)
        return
    with pytest.raises(ValueError, match=r"0\.png: the file is empty.*repair or remove them"):
        check_share(count, quarantine)


def test_files_of_several_frames_are_told(tmp_path):
    pages = [Image.fromarray(np.full((8, 10), level, np.uint8)) for level in (10, 90)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "b.gif", save_all=True, append_images=pages[1:])
    pages[1].save(tmp_path / "c.png")
    found = survey(tmp_path, ["a.tif", "b.gif", "c.png"], None, "resize")
    notes = describe_conversions(found, ["a.tif", "b.gif", "c.png"])
    assert "2 of 3 images with several frames or pages: the first is read" in notes
