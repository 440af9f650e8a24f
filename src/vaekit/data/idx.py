"""The IDX format of MNIST and its relatives, plain or compressed, one file or a folder with official parts."""

from __future__ import annotations

import re
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from vaekit.data.arrays import images_from_arrays
from vaekit.data.dataset import TEST, TRAIN, Dataset
from vaekit.data.delimited.encoding import opened
from vaekit.data.rows import Array

__all__ = ["is_idx", "is_idx_folder", "read_idx", "read_idx_file", "read_idx_folder"]

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

IMAGES = re.compile(r"(train|t10k|test)\b.*images[-.]idx\d-ubyte(\.gz)?$")


def is_idx(path: Path) -> bool:
    """Return whether a file begins like an IDX file."""
    try:
        with opened(path) as stream:
            magic = stream.read(4)
    except (OSError, ValueError):  # no gzip
        return False
    return len(magic) == 4 and magic[:2] == b"\0\0" and magic[2] in TYPES and magic[3] > 0


def read_idx(path: Path) -> Array:
    """Read an IDX file, .gz or not, as an array in the byte order of the file.

    Raises:
        ValueError: If the file is not whole.
    """
    try:
        with opened(path) as stream:
            _, _, code, axes = stream.read(4)
            shape = np.frombuffer(stream.read(4 * axes), dtype=">u4").tolist()
            kind = np.dtype(TYPES[code])
            return np.frombuffer(_read(stream, prod(shape) * kind.itemsize), dtype=kind).reshape(shape)
    except (OSError, KeyError, ValueError) as error:
        raise ValueError(f"{path.name} must be an IDX file, but it is damaged ({error}); get it again") from error


def read_idx_file(path: Path) -> Dataset:
    """Read a single IDX file of images.

    Raises:
        ValueError: If the file is not whole, or holds no images.
    """
    return images_from_arrays(read_idx(path), source=str(path))


def is_idx_folder(folder: Path) -> bool:
    """Return whether a folder holds IDX files of images."""
    return any(IMAGES.search(path.name) for path in folder.iterdir())


def read_idx_folder(folder: Path, *, classes: tuple[str, ...] = (), source: str = "") -> Dataset:
    """Read a folder of IDX files; files train-* and t10k-* (or test-*) are official parts.

    Args:
        folder: The folder, with names such as train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz.
        classes: The names of the classes, if they are known.
        source: The name of the data.

    Raises:
        ValueError: If a file is not whole, several fit one part, or images and labels do not agree.
    """
    parts = (_images_file(folder, ("train",)), _images_file(folder, ("t10k", "test")))
    found = [path for path in parts if path is not None]
    images = [read_idx(path) for path in found]
    if len({part.shape[1:] for part in images}) > 1:
        raise ValueError(
            f"all IDX files must hold images of one size, but have {', '.join(str(part.shape) for part in images)};"
            " keep one data set in a folder"
        )
    official = torch.cat([torch.full((len(part),), code) for part, code in zip(images, (TRAIN, TEST), strict=False)])
    labels = [part for path in found if (part := _labels(path)) is not None]
    return images_from_arrays(
        np.concatenate(images) if len(images) > 1 else images[0],
        np.concatenate(labels) if len(labels) == len(images) else None,
        split=official if len(images) > 1 else None,
        classes=classes,
        source=source or str(folder),
    )


def _images_file(folder: Path, names: tuple[str, ...]) -> Path | None:
    fitting = {
        path.name.removesuffix(".gz"): path
        for path in sorted(folder.iterdir(), reverse=True)
        if (match := IMAGES.search(path.name)) and match[1] in names
    }
    if len(fitting) > 1:
        raise ValueError(
            f"a folder of IDX files must hold one data set, but {', '.join(sorted(fitting))} fit the same part;"
            " keep one data set in a folder"
        )
    return next(iter(fitting.values()), None)


def _labels(images: Path) -> Array | None:
    name = images.name.removesuffix(".gz").replace("images", "labels")
    for path in images.parent.iterdir():
        if re.sub(r"idx\d", "idx", path.name.removesuffix(".gz")) == re.sub(r"idx\d", "idx", name):
            return read_idx(path)
    return None


def _read(stream: BinaryIO, count: int) -> bytearray:
    # Piece by piece, because a forged shape must not ask for more memory than the file can fill.
    content = bytearray()
    while len(content) < count and (piece := stream.read(min(count - len(content), 2**24))):
        content += piece
    return content
