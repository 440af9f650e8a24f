"""A folder of image files as a data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vaekit.data.cache import cache_folder, content_key, load_entry, writable_folder, write_facts, write_values
from vaekit.data.dataset import Dataset, ImageSchema, Quarantined, observe_images
from vaekit.data.decode import OVERVIEW, SUFFIXES, decode, software_of
from vaekit.data.files import Layout, files_below, read_layout
from vaekit.data.labels import encode_labels
from vaekit.data.resize import GREYED, Fit
from vaekit.data.rows import Array, rows_per_chunk
from vaekit.data.split import complete_split
from vaekit.data.survey import Survey, check_share, decode_all, describe_conversions, survey

__all__ = ["deep_levels", "find_images", "read_folder"]

LOOKED = 8
"""Images that are looked at to see whether they had two values before they were resized."""


def read_folder(
    root: Path,
    *,
    size: tuple[int, int] | None = None,
    fit: Fit = "resize",
    channels: int | None = None,
    cache: Path | None = None,
) -> Dataset:
    """Read a folder of images, nested as it may be, decoding it only if its content is not in the cache.

    Args:
        root: The folder.
        size: The height and width to bring all images to; if it is None, they must have one size.
        fit: How images of another shape come to `size`.
        channels: The number of channels wanted: 1, 3 or 4; None for as many as all images need.
        cache: The folder for decoded pixels.

    Raises:
        ValueError: If there is no image, too many are unusable, or they differ in size and no `size` is given.
    """
    layout = read_layout(find_images(root))
    key = content_key(root, layout.names, f"{size} {fit if size else ''} {channels or ''}".rstrip())
    folder, how = cache_folder(cache), (size, fit, channels)
    dataset = load_entry(folder, key, ImageSchema) or _decode(root, layout, folder, key, *how)
    return replace(dataset, source=str(root), notes=(*dataset.notes, *layout.notes("images")))


def find_images(root: Path) -> list[str]:
    """Return the image files below `root`, relative to it, with slashes, sorted.

    Hidden files and folders are left out, and so are overviews of many images that `vaekit` wrote beside them. Links to
    folders are not followed.

    Raises:
        ValueError: If there is none.
    """
    names, others = [], Counter[str]()
    for path in files_below(root):
        if path.name in ("grid.png", "pairs.png") and software_of(path) == OVERVIEW:
            continue
        if path.suffix.lower() in SUFFIXES and path.is_file():
            names.append(path.relative_to(root).as_posix())
        else:
            others[path.suffix.lower() or "no suffix"] += 1
    if names:
        return sorted(names)
    found = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(5)) or "nothing"
    raise ValueError(
        f"a folder of images needs {', '.join(sorted(SUFFIXES))}, but {root} holds {found}; give another folder"
    )


def _decode(
    root: Path, layout: Layout, folder: Path, key: str, size: tuple[int, int] | None, fit: Fit, channels: int | None
) -> Dataset:
    with writable_folder(folder) as (place, notes):
        found = survey(root, layout.names, size, fit, channels)
        names: list[str] = []
        quarantine = list(found.quarantine)
        images, event = _usable(root, found, names, quarantine), (*found.size, found.target.channels)
        values = write_values(place, key, images, event, np.int32 if found.target.deep else np.uint8)
        notes_of = (*describe_conversions(found, names), *_greyed(root, found, names))
        dataset = _describe(values, layout, names, quarantine, notes_of)
        write_facts(place, key, dataset)
        return replace(dataset, notes=(*dataset.notes, *notes))


def _usable(root: Path, found: Survey, names: list[str], quarantine: list[Quarantined]) -> Iterator[Array]:
    """Yield the images that can be decoded; add their names to `names`, and the others to `quarantine`."""
    for header, result in zip(found.headers, decode_all(root, found), strict=True):
        if isinstance(result, Quarantined):
            quarantine.append(result)
        else:
            names.append(header.name)
            yield result
    check_share(len(names) + len(quarantine), quarantine)


def _greyed(root: Path, found: Survey, names: list[str]) -> tuple[str, ...]:
    """Return a sentence if images of two values were resized, judged by some of them."""
    decoded = set(names)
    resized = [one.name for one in found.headers if (one.height, one.width) != found.size and one.name in decoded]
    some = [decode(root / name) for name in resized[:: max(1, len(resized) // LOOKED)][:LOOKED]]
    return (GREYED,) if some and all(len(np.unique(pixels)) <= 2 for pixels in some) else ()


def _describe(
    values: Tensor, layout: Layout, names: list[str], quarantine: list[Quarantined], notes: tuple[str, ...]
) -> Dataset:
    rows = {name: row for row, name in enumerate(layout.names)}
    official = torch.tensor([layout.split[rows[name]] for name in names]) if layout.split else None
    split = complete_split(values, official)
    labels: Tensor | None = None
    classes: tuple[str, ...] = ()
    if layout.labels:
        labels, classes = encode_labels([layout.labels[rows[name]] for name in names], len(names))
    levels = 256 if values.dtype is torch.uint8 else deep_levels(values)
    kept = () if values.dtype is torch.uint8 else (f"the pixels of 16 bits have {levels:,} levels, which are kept",)
    return Dataset(
        values=values,
        schema=observe_images(values, split, levels, classes, "uint8" if values.dtype is torch.uint8 else "uint16"),
        split=split,
        labels=labels,
        classes=classes,
        names=tuple(names),
        quarantine=tuple(sorted(quarantine, key=lambda bad: bad.name)),
        notes=(*notes, *kept),
    )


def deep_levels(values: Tensor) -> int:
    """Return the number of levels of pixels from files of 16 bits: a power of two, for such files often hold 10 or 12 bits.

    >>> deep_levels(torch.tensor([[0], [4095]])), deep_levels(torch.tensor([[7]]))
    (4096, 256)
    """
    most = max(int(chunk.max()) for chunk in values.split(rows_per_chunk(values)))
    return max(256, 1 << most.bit_length())
