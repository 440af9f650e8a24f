"""The door of images: names, folders and files."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from vaekit.data.array_files import is_idx, is_idx_folder, read_idx_file, read_idx_folder, read_npy, read_npz
from vaekit.data.arrays import images_from_arrays
from vaekit.data.dataset import Dataset
from vaekit.data.decode import SUFFIXES, Target, decode, read_header
from vaekit.data.files import existing_path, has_images
from vaekit.data.folder import deep_levels, read_folder
from vaekit.data.foreign import user_path
from vaekit.data.names import DEMO, NAMES, name_of, read_named
from vaekit.data.resize import Fit, resize_dataset

__all__ = ["images_from_arrays", "is_image", "read_images"]


def is_image(source: str | Path) -> bool:
    """Return whether a source is one of images: their name, a file of them, or a folder that holds image or IDX files.

    >>> is_image("mnist"), is_image("photo.JPG"), is_image("names-demo"), is_image("reviews.csv")
    (True, True, False, False)
    """
    if isinstance(source, str) and name_of(source) is not None:
        return name_of(source) != DEMO
    path = user_path(source)
    if path.is_dir():
        return is_idx_folder(path) or has_images(path)
    return path.suffix.lower() in (".npy", ".npz", *SUFFIXES) or is_idx(path)


def read_images(
    source: str | Path,
    *,
    size: tuple[int, int] | None = None,
    fit: Fit = "resize",
    channels: int | None = None,
    cache: Path | None = None,
) -> Dataset:
    """Read images from a named data set, a folder, or a file.

    A string that is a name (digits, mnist, fashion-mnist, sprites) means that data set; a `Path` is always a path. A folder holds
    image files, nested as they may be, or IDX files; a file is .npy, .npz, IDX, or a single image.

    Args:
        source: The name or the path.
        size: The height and width to bring all images to; if it is None, they must have one size.
        fit: How images of another shape come to `size`: "resize" stretches, "crop" cuts around the centre first.
        channels: The number of channels that image files are brought to: 1, 3 or 4; None for as many as all of them need.
        cache: The folder for decoded pixels and downloads; by default $VAEKIT_CACHE, $XDG_CACHE_HOME/vaekit or
            ~/.cache/vaekit.

    Raises:
        FileNotFoundError: If there is no such file, folder or name.
        OSError: If a download is needed and fails.
        ValueError: If there is no image, too many are unusable, or they differ in size and no `size` is given.

    >>> len(read_images("digits"))
    1797
    """
    size = _checked(size, fit)
    name = name_of(source) if isinstance(source, str) else None
    if name == DEMO:
        raise ValueError(f"images are wanted, but {DEMO} are texts; give a file or a folder of images")
    if name is not None:
        dataset = read_named(name, cache)
        if Path(name).exists():
            note = f"{name} was taken as the name of the data set, not as the path that is also there; write ./{name} for that"
            dataset = replace(dataset, notes=(*dataset.notes, note))
    else:
        needs = f"images need a folder, a file, or one of the names {', '.join(NAMES)}"
        path = existing_path(source, needs, NAMES)
        if path.is_dir() and not is_idx_folder(path):
            dataset = read_folder(path, size=size, fit=fit, channels=channels, cache=cache)
        else:
            dataset = read_idx_folder(path) if path.is_dir() else _read_file(path, channels)
        dataset = replace(dataset, source=str(source))
    return dataset if size is None else resize_dataset(dataset, size, fit)


def _read_file(path: Path, channels: int | None) -> Dataset:
    readers = {".npy": read_npy, ".npz": read_npz} | dict.fromkeys(SUFFIXES, partial(_read_image, channels=channels))
    read = readers.get(path.suffix.lower()) or (read_idx_file if is_idx(path) else None)
    if read is None:
        raise ValueError(
            f"a file of images must be .npy, .npz, IDX or one of {', '.join(sorted(SUFFIXES))}, but {path.name} came;"
            " give such a file, or a folder"
        )
    return read(path)


def _read_image(path: Path, channels: int | None) -> Dataset:
    try:
        deep = read_header(path.parent, path.name).is_deep_grey
        pixels = decode(path, Target(1, deep=True) if deep else None)
        own = pixels.shape[2]
        if channels not in (None, own):
            pixels, deep = decode(path, Target(channels)), False
    except Exception as error:  # hostile files make Pillow raise anything, from SyntaxError to struct.error
        raise ValueError(f"{path.name} must be an image, but cannot be decoded ({error}); give another file") from error
    levels = deep_levels(torch.from_numpy(pixels)) if deep else None
    found = images_from_arrays(pixels[None].astype(np.uint16) if deep else pixels[None].copy(), levels=levels)
    notes = () if found.values.shape[3] == own else (f"the image has {own} channel(s) and was converted to {channels}",)
    return replace(found, names=(path.name,), notes=notes)


def _checked(size: tuple[int, int] | None, fit: str) -> tuple[int, int] | None:
    if fit not in ("resize", "crop"):
        raise ValueError(f"fit must be resize or crop, but is {fit!r}; use one of these")
    if size is None:
        return None
    if not isinstance(size, tuple | list) or len(size) != 2 or min(size) < 1:
        raise ValueError(
            f"size must be two positive numbers, height and width, but is {size}; use (64, 64) for example"
        )
    return int(size[0]), int(size[1])
