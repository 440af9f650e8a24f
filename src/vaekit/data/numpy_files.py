"""Images in .npy and .npz files."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import torch

from vaekit.data.arrays import images_from_arrays
from vaekit.data.dataset import TEST, TRAIN, VALIDATION, Dataset
from vaekit.data.rows import Array

__all__ = ["read_npy", "read_npz"]

LARGE = 256 * 2**20
"""From this size on, a file is mapped into memory instead of read."""

IMAGES, LABELS, CONTEXT = ("x", "images", "data", "arr_0"), ("y", "labels"), ("context",)

PARTS = (
    (TRAIN, ("x_train", "train_images"), ("y_train", "train_labels"), ("context_train", "train_context")),
    (VALIDATION, ("x_val", "val_images"), ("y_val", "val_labels"), ("context_val", "val_context")),
    (TEST, ("x_test", "test_images"), ("y_test", "test_labels"), ("context_test", "test_context")),
)
"""The names that parts go by: those of Keras, and those of MedMNIST."""


def read_npy(path: Path) -> Dataset:
    """Read a .npy file of images, shape (N, H, W) or (N, H, W, C).

    Raises:
        ValueError: If the file is damaged, or does not hold images.
    """
    try:
        images = _map(path) if path.stat().st_size > LARGE else _read(path)
    except (OSError, ValueError, EOFError) as error:
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
            arrays = {name: archive[name] for name in archive.files if name in known}
            files = archive.files
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
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


def _map(path: Path) -> Array:
    return np.lib.format.open_memmap(path, mode="c")


def _read(path: Path) -> Array:
    with path.open("rb") as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


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


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path.name} must be a numpy file of numbers, but cannot be read ({error}); save it again")
