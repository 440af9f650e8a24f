"""Pictures of images: grids, saved as PNG."""

from __future__ import annotations

import io
import math
from collections.abc import Collection
from pathlib import Path

import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from vaekit.data.decode import SOFTWARE, software_of
from vaekit.training.checkpoint import write_atomically

__all__ = ["grid", "picture", "png", "remove_others", "save_images", "save_png"]

_SMALLEST = 48  # pixels that a cell of a grid should at least have on a screen
_GAP = 2


def picture(image: Tensor) -> Image.Image:
    """Return one image from intensities in [0, 1], `(C, H, W)` with any number of channels.

    One channel is grey, three are RGB, four RGBA; as many as no picture has are shown in grey, side by side.
    """
    if image.shape[0] not in (1, 3, 4):
        image = torch.cat([*image], -1).unsqueeze(0)
    pixels = (image.detach().float().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(pixels[..., 0] if len(image) == 1 else pixels)


def grid(images: Tensor, columns: int | None = None) -> Image.Image:
    """Return a grid of images, small ones enlarged pixel by pixel.

    Args:
        images: Intensities in [0, 1], `(N, C, H, W)`.
        columns: Images in a row; by default a square.
    """
    if images.shape[1] not in (1, 3, 4):
        images = torch.cat([*images.unbind(1)], -1).unsqueeze(1)
    count, channels, height, width = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    zoom = max(1, math.ceil(_SMALLEST / min(height, width)))
    rows = math.ceil(count / columns)
    high, wide = height * zoom + _GAP, width * zoom + _GAP
    canvas = torch.ones(channels, rows * high + _GAP, columns * wide + _GAP)
    for i, image in enumerate(images.detach().float().cpu()):
        top, left = _GAP + i // columns * high, _GAP + i % columns * wide
        large = image.repeat_interleave(zoom, 1).repeat_interleave(zoom, 2)
        canvas[:, top : top + height * zoom, left : left + width * zoom] = large
    return picture(canvas)


def png(image: Image.Image, software: str = "vaekit") -> bytes:
    """Return the bytes of a PNG file, which says what software wrote it."""
    buffer, info = io.BytesIO(), PngInfo()
    info.add_text(SOFTWARE, software)
    image.save(buffer, format="PNG", pnginfo=info)
    return buffer.getvalue()


def save_png(image: Image.Image, path: Path, software: str = "vaekit") -> Path:
    """Write a PNG file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, png(image, software))
    return path


def save_images(images: Tensor, folder: Path, names: list[str], software: str = "vaekit") -> list[Path]:
    """Write one PNG file per image.

    Args:
        images: Intensities in [0, 1], `(N, C, H, W)`.
        folder: Where to; made when missing.
        names: File names without suffix.
        software: What writes them.
    """
    pairs = zip(images, names, strict=True)
    return [save_png(picture(image), folder / f"{name}.png", software) for image, name in pairs]


def remove_others(folder: Path, software: str, kept: Collection[Path]) -> list[Path]:
    """Remove the PNG files below a folder that the same software wrote at another time; return their paths.

    Args:
        folder: The folder.
        software: What wrote them; files of any other origin stay.
        kept: The files to keep.
    """
    others = [path for path in folder.rglob("*.png") if path not in kept and software_of(path) == software]
    for path in others:
        path.unlink()
    return others
