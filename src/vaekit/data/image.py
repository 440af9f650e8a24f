"""The door: images from whatever the user names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vaekit.data.arrays import images_from_arrays
from vaekit.data.dataset import Dataset
from vaekit.data.decode import SUFFIXES, bombs_are_errors, decode
from vaekit.data.folder import find_images, read_folder
from vaekit.data.idx import is_idx, is_idx_folder, read_idx_file, read_idx_folder
from vaekit.data.names import NAMES, name_of, nearest_name, read_named
from vaekit.data.numpy_files import read_npy, read_npz
from vaekit.data.resize import Fit, resize_dataset

__all__ = ["images_from_arrays", "read_images"]


def read_images(
    source: str | Path, *, size: tuple[int, int] | None = None, fit: Fit = "resize", cache: Path | None = None
) -> Dataset:
    """Read images from a named data set, a folder, or a file.

    A string that is a name (digits, mnist, fashion-mnist, sprites) means that data set; a `Path` is always a path. A folder holds
    image files, nested as they may be, or IDX files; a file is .npy, .npz, IDX, or a single image.

    Args:
        source: The name or the path.
        size: The height and width to bring all images to; if it is None, they must have one size.
        fit: How images of another shape come to `size`: "resize" stretches, "crop" cuts around the centre first.
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
    if name is not None:
        dataset = _beside_path(read_named(name, cache), name)
    else:
        path = Path(source).expanduser()
        if not path.exists():
            raise FileNotFoundError(_missing(str(source)))
        if path.is_dir() and not is_idx_folder(path):
            dataset = read_folder(path, size=size, fit=fit, cache=cache)
        else:
            dataset = read_idx_folder(path) if path.is_dir() else _read_file(path)
        dataset = replace(dataset, source=str(source))
    return dataset if size is None else resize_dataset(dataset, size, fit)


def _read_file(path: Path) -> Dataset:
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return read_npy(path)
    if suffix == ".npz":
        return read_npz(path)
    if suffix in SUFFIXES:
        return _read_image(path)
    if is_idx(path):
        return read_idx_file(path)
    raise ValueError(
        f"a file of images must be .npy, .npz, IDX or one of {', '.join(sorted(SUFFIXES))}, but {path.name} came;"
        " give such a file, or a folder"
    )


def _read_image(path: Path) -> Dataset:
    try:
        with bombs_are_errors():
            pixels = decode(path)
    except Exception as error:  # hostile files make Pillow raise anything, from SyntaxError to struct.error
        raise ValueError(f"{path.name} must be an image, but cannot be decoded ({error}); give another file") from error
    return replace(images_from_arrays(pixels[None].copy()), names=(path.name,))


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


def _beside_path(dataset: Dataset, name: str) -> Dataset:
    if not Path(name).exists():
        return dataset
    note = f"{name} was taken as the name of the data set, not as the path that is also there; write ./{name} for that"
    return replace(dataset, notes=(*dataset.notes, note))


def _missing(source: str) -> str:
    nearest = nearest_name(source)
    cure = f"did you mean {nearest}?" if nearest else "check the path"
    return f"images need a folder, a file, or one of the names {', '.join(NAMES)}, but there is no {source!r}; {cure}"


def is_image(source: str | Path) -> bool:
    """Return whether a source is one of images: their name, a file, or a folder that holds some.

    >>> is_image("digits"), is_image("names-demo"), is_image("there-is-none.png")
    (True, False, True)
    """
    if isinstance(source, str) and name_of(source) is not None:
        return name_of(source) != "names-demo"
    path = Path(source).expanduser()
    if path.is_dir():
        return is_idx_folder(path) or bool(find_images(path))
    return path.suffix.lower() in (".npy", ".npz", *SUFFIXES) or (path.is_file() and is_idx(path))


def is_images_in_memory(found: Any) -> bool:
    """Return whether something in memory is arrays, tensors, a torch data set, or a collection of pictures.

    >>> is_images_in_memory([[1.0]]), is_images_in_memory(["a text"]), is_images_in_memory(3)
    (True, False, False)
    """
    if isinstance(found, list | tuple) and found and isinstance(found[0], str):
        return False
    collection = hasattr(found, "__iter__") or hasattr(found, "__getitem__")
    return hasattr(found, "__array__") or (collection and not isinstance(found, str | Mapping))
