"""One image file: its header and its pixels, neither of which is trusted.

Pillow opens a truncated file without complaint and fails only when it loads the pixels, warns where it should refuse a
decompression bomb, clips 16-bit grey when it converts it, and by default offers a file to every decoder it has. So:
only the formats that are promised, a cap on the pixels before anything is decoded, and our own reduction to 8 bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vaekit.data.foreign import refuse_pipe
from vaekit.data.resize import Fit, crop_box
from vaekit.data.rows import Array

if TYPE_CHECKING:
    from PIL import Image as Pillow

__all__ = [
    *("OVERVIEW", "PIXEL_CAP", "SOFTWARE", "SUFFIXES"),
    *("Header", "Target", "as_array", "decode", "read_header", "software_of"),
]

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
"""The file name endings of images, in lower case."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")

PIXEL_CAP = 64_000_000
"""The largest number of pixels that is decoded."""

SOFTWARE, OVERVIEW = "Software", "vaekit overview"
"""The field of a PNG that says what wrote it, and what it says in a picture of many images, which is no datum itself."""

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}

WIDENED = 65535 // 255
"""What a level of 8 bits is multiplied by to be one of 16."""

TURN, TURNS = 0x0112, {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
"""The EXIF tag of the orientation, and Pillow's transposition that undoes each of its values."""


@dataclass(frozen=True)
class Header:
    """The facts in the header of an image file.

    Args:
        name: The file name relative to the root.
        height: The height in pixels, after it was turned upright.
        width: The width in pixels, after it was turned upright.
        mode: Pillow's mode, such as "RGB".
        deep: Whether it has 16 bits.
        alpha: Whether it has an alpha channel or a transparent color.
        turned: Whether EXIF says that it lies on its side or is mirrored.
        several: Whether it holds several images, of which the first is read.
    """

    name: str
    height: int
    width: int
    mode: str
    deep: bool
    alpha: bool
    turned: bool
    several: bool = False

    @property
    def is_deep_grey(self) -> bool:
        """Whether it is grey with 16 bits, which can be kept."""
        return self.deep and self.mode.startswith("I")

    @property
    def is_grey(self) -> bool:
        """Whether it has no color."""
        return self.mode in ("1", "L", "LA", "La", "I") or self.mode.startswith("I;16")


@dataclass(frozen=True)
class Target:
    """What all images of a folder are brought to.

    Args:
        channels: The number of channels.
        size: (height, width) if they are resized.
        fit: How images of another shape come to this size.
        deep: Whether grey pixels keep 16 bits.
    """

    channels: int
    size: tuple[int, int] | None = None
    fit: Fit = "resize"
    deep: bool = False


def read_header(root: Path, name: str) -> Header:
    """Read the header of the image `root / name`, without its pixels.

    Raises:
        ValueError: If the file is empty, is no image, or has too many pixels. Pillow raises other errors on hostile files.
    """
    with _opened(root / name) as image:
        turn = _orientation(image)
        height, width = image.size[::-1] if turn < 5 else image.size
        deep_grey = image.mode.startswith("I")
        return Header(
            name=name,
            height=height,
            width=width,
            mode=image.mode,
            deep=deep_grey or ";16" in str(getattr(image, "tile", "")),
            alpha=image.has_transparency_data and not deep_grey,
            turned=turn > 1,
            several=_holds_several(image),
        )


def software_of(path: Path) -> str:
    """Return what a PNG says of the software that wrote it; nothing if it says nothing, or is no whole PNG."""
    from PIL import Image

    try:
        with path.open("rb") as stream, Image.open(stream, formats=("PNG",)) as image:
            return str(image.info.get(SOFTWARE, ""))
    except Exception:  # hostile files make Pillow raise anything
        return ""


def decode(path: Path, target: Target | None = None) -> Array:
    """Decode an image file (the first frame), upright; to 8 bits unless the target says otherwise.

    Args:
        path: The file.
        target: The channels and size wanted; as they are in the file if it is None.

    Returns:
        The pixels, shape (H, W, C), uint8, or int32 where they keep 16 bits.

    Raises:
        ValueError: If the file is empty, is no image, or has too many pixels. Pillow raises other errors on hostile files.
    """
    from PIL import Image

    with _opened(path) as image:
        turn = _orientation(image)
        image.load()
        return as_array(image.transpose(Image.Transpose(TURNS[turn])) if turn > 1 else image, target)


def as_array(image: Pillow.Image, target: Target | None = None) -> Array:
    """Return the pixels of a Pillow image, shape (H, W, C); see `decode`."""
    if target is not None and target.deep:
        return _sixteen_bits(image, target)
    reduced = _eight_bits(image)
    if reduced.has_transparency_data and reduced.mode not in ("LA", "RGBA"):
        # Pillow applies a transparent color only on this way; going to RGB directly it warns, and drops it.
        reduced = reduced.convert("RGBA")
    mode = MODES[target.channels] if target else _natural_mode(reduced)
    pixels = np.asarray(_fitted(reduced if reduced.mode == mode else reduced.convert(mode), target))
    return pixels.reshape(*pixels.shape[:2], -1)


def _natural_mode(image: Pillow.Image) -> str:
    if image.mode in ("1", "L"):
        return "L"
    if image.mode not in ("LA", "La", "PA", "RGBA", "RGBa"):
        return "RGB"
    opaque = image.convert("RGBA").getchannel("A").getextrema() == (255, 255)
    if not opaque:
        return "RGBA"
    return "L" if image.mode in ("LA", "La") else "RGB"


@contextmanager
def _opened(path: Path) -> Iterator[Pillow.Image]:
    from PIL import Image, UnidentifiedImageError

    if refuse_pipe(path).stat().st_size == 0:
        raise ValueError("the file is empty")
    try:
        with path.open("rb") as stream, Image.open(stream, formats=FORMATS) as image:
            if image.width * image.height > PIXEL_CAP:
                raise ValueError(f"{image.height}x{image.width} pixels are more than {PIXEL_CAP // 10**6} million")
            yield image
    except UnidentifiedImageError:
        raise ValueError("the content is not that of an image") from None


def _holds_several(image: Pillow.Image) -> bool:
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # what follows the first image may be damaged, and is not read anyway
        return False


def _orientation(image: Pillow.Image) -> int:
    # Pillow turns TIFF by itself; a PNG may carry its EXIF behind the pixels, and all would be decoded to look for it.
    if image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info):
        return 1
    try:
        turn: Any = image.getexif().get(TURN, 1)
    except Exception:  # damaged metadata raise anything, and say nothing about the pixels
        return 1
    return turn if turn in TURNS else 1


def _eight_bits(image: Pillow.Image) -> Pillow.Image:
    from PIL import Image

    if image.mode == "F":
        raise ValueError("floating-point pixels cannot be reduced to 8 bits without loss; give them as .npy")
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("32-bit pixels cannot be reduced to 8 bits without loss; give them as .npy")
    return Image.fromarray((values >> 8).astype(np.uint8))


def _sixteen_bits(image: Pillow.Image, target: Target) -> Array:
    """Return grey pixels of 16 bits, shape (H, W, 1), int32; those of 8 bits are spread over 16."""
    from PIL import Image

    is_deep = image.mode.startswith("I")
    if is_deep:
        _eight_bits(image)  # refuses what does not fit into 16 bits
    pixels = np.asarray(image if is_deep else image.convert("L"), dtype=np.int32) * (1 if is_deep else WIDENED)
    return np.asarray(_fitted(Image.fromarray(pixels), target)).clip(0, pixels.max())[..., None]


def _fitted(image: Pillow.Image, target: Target | None) -> Pillow.Image:
    from PIL import Image

    if target is None or target.size is None or image.size == target.size[::-1]:
        return image
    if target.fit == "crop":
        top, left, bottom, right = crop_box(image.height, image.width, target.size)
        # Not as the box of `resize`, which lets what lies outside bleed in.
        image = image.crop((left, top, right, bottom))
    return image.resize(target.size[::-1], Image.Resampling.LANCZOS)
