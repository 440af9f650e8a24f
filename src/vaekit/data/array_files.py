"""Images in files of arrays: .npy, .npz, and the IDX format of MNIST and its relatives.

IDX files are plain or compressed, one by itself or a folder with official parts.
"""

from __future__ import annotations

import re
import tokenize
import zipfile
import zlib
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from vaekit.data.arrays import images_from_arrays
from vaekit.data.dataset import TEST, TRAIN, VALIDATION, Dataset
from vaekit.data.delimited.encoding import opened
from vaekit.data.foreign import refuse_inflation
from vaekit.data.rows import Array
from vaekit.errors import names_file

__all__ = [
    "is_idx",
    "is_idx_folder",
    "read_array",
    "read_idx",
    "read_idx_file",
    "read_idx_folder",
    "read_npy",
    "read_npz",
]

LARGE = 256 * 2**20
"""From this size on, a file is mapped into memory instead of read."""

IMAGES, LABELS, CONTEXT = ("x", "images", "data", "arr_0"), ("y", "labels"), ("context",)

PARTS = (
    (TRAIN, ("x_train", "train_images"), ("y_train", "train_labels"), ("context_train", "train_context")),
    (VALIDATION, ("x_val", "val_images"), ("y_val", "val_labels"), ("context_val", "val_context")),
    (TEST, ("x_test", "test_images"), ("y_test", "test_labels"), ("context_test", "test_context")),
)
"""The names that parts go by: those of Keras, and those of MedMNIST."""

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

_GZIP = 1100  # times its size, the most that gzip can hold

_DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    tokenize.TokenError,
    OverflowError,
    RecursionError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy raises on files that are damaged, or not numpy's."""

IDX_IMAGES = re.compile(r"(train|t10k|test)\b.*images[-.]idx\d-ubyte(\.gz)?$")


def read_npy(path: Path) -> Dataset:
    """Read a .npy file of images, shape (N, H, W) or (N, H, W, C).

    Raises:
        ValueError: If the file is damaged, or does not hold images.
    """
    try:
        # Mapped, a header that declares more than the file holds takes no memory.
        images: Array = np.lib.format.open_memmap(path, mode="c")
        images = images if path.stat().st_size > LARGE else np.array(images)
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    return images_from_arrays(images, source=str(path))


def read_npz(path: Path) -> Dataset:
    """Read a .npz file: images as x, images, data or arr_0, labels as y or labels; or x_train, y_train, x_test, y_test.

    Vectors to condition on are called context; or context_train, context_test.

    Raises:
        ValueError: If the file is damaged, or holds no images under one of these names.
    """
    try:
        # numpy leaves a damaged file open if it opens it by itself.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            known = {*IMAGES, *LABELS, *CONTEXT, *(name for _, *names in PARTS for group in names for name in group)}
            _refuse_bomb(path, archive, known)
            arrays = {name: archive[name] for name in archive.files if name in known}
            files = archive.files
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    parts = [(code, _first(arrays, x), _first(arrays, y), _first(arrays, c)) for code, x, y, c in PARTS]
    official = [(code, x, y, c) for code, x, y, c in parts if x is not None]
    if official:
        return _from_parts(official, path)
    images = _first(arrays, IMAGES)
    if images is None:
        raise ValueError(
            f"a .npz file must hold images as {', '.join(IMAGES)} or x_train, but {path.name} holds"
            f" {', '.join(files) or 'nothing'}; rename the array"
        )
    return images_from_arrays(images, _first(arrays, LABELS), context=_first(arrays, CONTEXT), source=str(path))


def read_array(path: Path) -> Array:
    """Read the array of a .npy file, or the one of a .npz file that `read_npz` takes for data.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, or holds no data.
    """
    try:
        with path.open("rb") as stream:
            found = np.load(stream, allow_pickle=False)
            array = (
                found if isinstance(found, np.ndarray) else _first({name: found[name] for name in found.files}, IMAGES)
            )
    except FileNotFoundError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(path, error) from error
    if array is None:
        raise ValueError(f"{path.name} must hold an array called {', '.join(IMAGES)}, but holds none; rename one")
    return array


def _from_parts(parts: list[tuple[int, Array, Array | None, Array | None]], path: Path) -> Dataset:
    images = [x for _, x, _, _ in parts]
    labels = [y.reshape(len(y), -1) for _, _, y, _ in parts if y is not None]
    context = [c for _, x, _, c in parts if c is not None and len(c) == len(x)]
    given = any(c is not None for *_, c in parts)
    if given and (len(context) != len(parts) or len({c.shape[1:] for c in context}) > 1):
        raise ValueError(
            f"all parts in {path.name} must have a context of one length with each image, or none; make them alike"
        )
    if len({(x.shape[1:], x.dtype) for x in images}) > 1:
        raise ValueError(
            f"all parts in {path.name} must hold images of one size and type, but have"
            f" {', '.join(f'{x.shape} {x.dtype}' for x in images)}; make them alike"
        )
    split = torch.cat([torch.full((len(x),), code, dtype=torch.int8) for code, x, _, _ in parts])
    return images_from_arrays(
        np.concatenate(images),
        np.concatenate(labels) if len(labels) == len(parts) else None,
        context=np.concatenate(context) if context else None,
        split=split if bool((split == TRAIN).any()) else None,
        source=str(path),
    )


def _first(arrays: dict[str, Array], names: tuple[str, ...]) -> Array | None:
    return next((arrays[name] for name in names if name in arrays), None)


def _refuse_bomb(path: Path, archive: Any, names: set[str]) -> None:
    members = [each for each in archive.zip.infolist() if each.filename.removesuffix(".npy") in names]
    inflated = sum(each.file_size for each in members)
    refuse_inflation(path, inflated, sum(each.compress_size for each in members))


def _damaged(path: Path, error: Exception) -> ValueError:
    if isinstance(error, ValueError) and names_file(error, path):
        return error
    return ValueError(f"{path.name} must be a numpy file of numbers, but cannot be read ({error}); save it again")


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
            size = prod(shape) * kind.itemsize
            held = path.stat().st_size
            most = _GZIP * held if path.suffix.lower() == ".gz" else held
            if size > most:
                raise ValueError(f"it declares {size:,} bytes and can hold {most:,} at most")
            refuse_inflation(path, size, held)
            return np.frombuffer(_read_bytes(stream, size), dtype=kind).reshape(shape)
    except (OSError, KeyError, ValueError, OverflowError) as error:
        if names_file(error, path):
            raise
        raise ValueError(f"{path.name} must be an IDX file, but it is damaged ({error}); get it again") from error


def read_idx_file(path: Path) -> Dataset:
    """Read a single IDX file of images.

    Raises:
        ValueError: If the file is not whole, or holds no images.
    """
    return images_from_arrays(read_idx(path), source=str(path))


def is_idx_folder(folder: Path) -> bool:
    """Return whether a folder holds IDX files of images."""
    return any(IDX_IMAGES.search(path.name) for path in folder.iterdir())


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
    labels = [part for path in found if (part := _idx_labels(path)) is not None]
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
        if (match := IDX_IMAGES.search(path.name)) and match[1] in names
    }
    if len(fitting) > 1:
        raise ValueError(
            f"a folder of IDX files must hold one data set, but {', '.join(sorted(fitting))} fit the same part;"
            " keep one data set in a folder"
        )
    return next(iter(fitting.values()), None)


def _idx_labels(images: Path) -> Array | None:
    name = images.name.removesuffix(".gz").replace("images", "labels")
    for path in images.parent.iterdir():
        if re.sub(r"idx\d", "idx", path.name.removesuffix(".gz")) == re.sub(r"idx\d", "idx", name):
            return read_idx(path)
    return None


def _read_bytes(stream: BinaryIO, count: int) -> bytearray:
    # Piece by piece, because a forged shape must not ask for more memory than the file can fill.
    content = bytearray()
    while len(content) < count and (piece := stream.read(min(count - len(content), 2**24))):
        content += piece
    return content
