"""Pictures of images: grids, saved as PNG."""

from __future__ import annotations

import io
import math
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from vaekit.training.checkpoint import write_atomically

__all__ = ["grid", "picture", "png", "save_images", "save_png"]

_SMALLEST = 48  # pixels that a cell of a grid should at least have on a screen
_GAP = 2


def picture(image: Tensor) -> Image.Image:
    """Return one image from intensities in [0, 1], `(C, H, W)` with any number of channels.

    Two channels are shown as grey and alpha; more than four by their first three.
    """
    channels = image.shape[0] if image.shape[0] <= 4 else 3
    pixels = (image[:channels].detach().float().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels)


def grid(images: Tensor, columns: int | None = None) -> Image.Image:
    """Return a grid of images, small ones enlarged pixel by pixel.

    Args:
        images: Intensities in [0, 1], `(N, C, H, W)`.
        columns: Images in a row; by default a square.
    """
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


def png(image: Image.Image) -> bytes:
    """Return the bytes of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def save_png(image: Image.Image, path: Path) -> Path:
    """Write a PNG file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, png(image))
    return path


def save_images(images: Tensor, folder: Path, names: list[str]) -> list[Path]:
    """Write one PNG file per image.

    Args:
        images: Intensities in [0, 1], `(N, C, H, W)`.
        folder: Where to; made when missing.
        names: File names without suffix.
    """
    return [save_png(picture(image), folder / f"{name}.png") for image, name in zip(images, names, strict=True)]
