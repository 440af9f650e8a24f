"""Folders of images with structure: coloured discs and squares, and what goes wrong in real folders."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def shape(seed: int, height: int, width: int, mode: str = "RGB") -> Image.Image:
    """A disc for an even seed, a square for an odd one."""
    rng = np.random.default_rng(seed)
    back, front = (tuple(int(v) for v in rng.integers(*span, 3)) for span in ((0, 90), (140, 255)))
    image = Image.new("RGB", (width, height), back)
    x, y, r = rng.uniform(0.3, 0.7) * width, rng.uniform(0.3, 0.7) * height, rng.uniform(0.15, 0.3) * min(height, width)
    draw = ImageDraw.Draw(image)
    (draw.rectangle if seed % 2 else draw.ellipse)((x - r, y - r, x + r, y + r), fill=front)
    if mode == "RGBA":
        image.putalpha(image.convert("L"))
    return image.convert(mode)


def odd_folder(root: Path, count: int = 62) -> Path:
    """Non-square RGB images of odd size, PNG and JPEG mixed, one file truncated, one a text."""
    root.mkdir(parents=True)
    for i in range(count):
        shape(i, 33, 50).save(root / (f"bild ü{i:02}.jpg" if i % 2 else f"image{i:02}.png"))
    whole = (root / "image00.png").read_bytes()
    (root / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (root / "text.png").write_text("this is no image")
    return root


def class_folder(root: Path, count: int = 40, size: tuple[int, int] = (8, 8)) -> Path:
    """Discs and squares, each in a folder of its own."""
    for i in range(count):
        path = root / ("square" if i % 2 else "disc") / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        shape(i, *size).save(path)
    return root


def plain_folder(root: Path, count: int, mode: str, size: tuple[int, int] = (9, 12)) -> Path:
    root.mkdir(parents=True)
    for i in range(count):
        shape(i, *size, mode).save(root / f"{i:02}.png")
    return root
