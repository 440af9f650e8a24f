"""Pictures on disk, and a cache that belongs to one test."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("VAEKIT_CACHE", str(folder))
    return folder


@pytest.fixture
def draw():
    """Write `count` distinct pictures of a mode and size below a folder; return their pixels."""

    def write(root, count=6, mode="L", size=(8, 10), suffix="png", seed=0, **options):
        root.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(seed)
        bands = len(Image.new(mode, (1, 1)).getbands())
        shape = size if bands == 1 else (*size, bands)
        pixels = [random.integers(0, 256, shape, dtype=np.uint8) for _ in range(count)]
        for index, content in enumerate(pixels):
            Image.fromarray(content, mode if mode == "CMYK" else None).save(
                root / f"{mode}{seed}-{index:03d}.{suffix}", **options
            )
        return pixels

    return write
