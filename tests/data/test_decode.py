from __future__ import annotations

import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

import vaekit.data.decode
from vaekit.data import read_images
from vaekit.data.decode import PIXEL_CAP, Target, as_array, decode, read_header


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def forged_png(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


def save(path, pixels, **options):
    Image.fromarray(np.asarray(pixels)).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("mode", "channels"), [("1", 1), ("L", 1), ("RGB", 3), ("RGBA", 4), ("LA", 4), ("P", 3), ("CMYK", 3), ("YCbCr", 3)]
)
def test_every_mode_becomes_bytes(mode, channels):
    image = Image.linear_gradient("L").resize((6, 4)).convert("RGBA" if "A" in mode else "RGB")
    if "A" in mode:
        image.putalpha(7)
    pixels = as_array(image.convert(mode))
    assert (pixels.shape, pixels.dtype) == ((4, 6, channels), np.uint8)


def test_an_opaque_alpha_channel_goes():
    assert as_array(Image.new("RGBA", (3, 2), (1, 2, 3, 255))).tolist() == [[[1, 2, 3]] * 3] * 2
    assert as_array(Image.new("LA", (3, 2), (9, 255))).shape == (2, 3, 1)


def test_a_transparent_palette_color_becomes_alpha(tmp_path):
    image = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), "P")
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.save(tmp_path / "p.png", transparency=b"\x00\xff")
    assert read_header(tmp_path, "p.png").alpha
    assert decode(tmp_path / "p.png").tolist() == [[[10, 20, 30, 0], [40, 50, 60, 255]]]
    assert decode(tmp_path / "p.png", Target(3)).tolist() == [[[10, 20, 30], [40, 50, 60]]]


def test_16_bits_are_reduced_and_not_clipped(tmp_path):
    pixels = np.array([[0, 255, 256, 32768, 65535]], dtype=np.uint16)
    path = save(tmp_path / "deep.png", pixels)
    assert read_header(tmp_path, "deep.png").deep
    assert decode(path)[..., 0].tolist() == [[0, 0, 1, 128, 255]]
    assert decode(save(tmp_path / "deep.tif", pixels), Target(3))[0, :, 2].tolist() == [0, 0, 1, 128, 255]


@pytest.mark.parametrize("pixels", [np.ones((2, 2), np.float32), np.full((2, 2), 70_000, np.int32)])
def test_pixels_without_an_8_bit_form_are_refused(tmp_path, pixels):
    with pytest.raises(ValueError, match=r"cannot be reduced to 8 bits without loss; give them as \.npy"):
        decode(save(tmp_path / "a.tif", pixels))


UPRIGHT = {
    1: lambda pixels: pixels,
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).T,
    8: np.rot90,
}


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@pytest.mark.parametrize("turn", UPRIGHT)
def test_images_are_turned_upright(tmp_path, turn, suffix):
    exif = Image.Exif()
    exif[0x0112] = turn
    pixels = np.arange(0, 240, 4, dtype=np.uint8).reshape(6, 10)
    path = save(tmp_path / f"a.{suffix}", pixels, exif=exif)
    upright = UPRIGHT[turn](decode(save(tmp_path / f"b.{suffix}", pixels))[..., 0])
    header = read_header(tmp_path, path.name)
    assert (header.height, header.width) == upright.shape
    assert np.array_equal(decode(path)[..., 0], upright)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_damaged_exif_does_not_cost_the_image(tmp_path, suffix):
    path = save(tmp_path / f"a.{suffix}", np.zeros((4, 5), np.uint8), exif=b"Exif\0\0rubbish")
    assert decode(path).shape[:2] == (4, 5)
    assert not read_header(tmp_path, path.name).turned


def test_the_first_frame_counts(tmp_path):
    frames = [Image.new("L", (4, 4), shade) for shade in (10, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert int(decode(tmp_path / "a.gif", Target(1)).max()) == 10


def test_sizes(tmp_path):
    pixels = np.zeros((4, 8), np.uint8)
    pixels[:, 2:6] = 200
    path = save(tmp_path / "a.png", pixels)
    assert decode(path, Target(1, (2, 2), "crop")).flatten().tolist() == [200] * 4
    assert decode(path, Target(3, (5, 7), "resize")).shape == (5, 7, 3)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"this is text", "not that of an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not that of an image"),
        (forged_png(9000, 9000), f"more than {PIXEL_CAP // 10**6} million"),
        (forged_png(100_000, 100_000), "bomb"),
    ],
)
def test_hostile_files_are_refused_by_their_header(tmp_path, content, said):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises((ValueError, Image.DecompressionBombError), match=said):
        read_header(tmp_path, "a.png")


def test_truncated_files_are_refused(tmp_path, draw):
    draw(tmp_path, count=1, size=(64, 64))
    path = next(tmp_path.glob("*.png"))
    path.write_bytes(path.read_bytes()[:2000])
    read_header(tmp_path, path.name)
    with pytest.raises(OSError, match="truncated"):
        decode(path)


def test_text_that_unpacks_to_gigabytes_is_refused(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("bomb", "a" * 70_000_000, zip=True)
    path = save(tmp_path / "a.png", np.zeros((2, 2), np.uint8), pnginfo=info)
    assert path.stat().st_size < 100_000
    with pytest.raises(ValueError, match="too large"):
        decode(path)


@pytest.mark.filterwarnings("default")
def test_a_bomb_of_which_pillow_only_warns_is_refused_too(tmp_path):
    (tmp_path / "a.png").write_bytes(forged_png(9600, 9600))
    with pytest.warns(Image.DecompressionBombWarning), pytest.raises(ValueError, match="more than 64 million"):
        read_header(tmp_path, "a.png")


def test_the_filters_of_warnings_stay_as_they_are(tmp_path, draw, monkeypatch):
    """They belong to all threads: set for a moment by two that overlap, they would stay so."""
    draw(tmp_path, count=3)
    before, seen = list(warnings.filters), []
    monkeypatch.setattr(
        vaekit.data.decode, "as_array", lambda *given: seen.append(list(warnings.filters)) or as_array(*given)
    )
    read_images(tmp_path)
    read_images(next(tmp_path.glob("*.png")))
    assert seen == [before] * 4
