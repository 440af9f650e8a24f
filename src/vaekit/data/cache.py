"""Decoded pixels in a memory-mapped file, so that a folder of images is decoded once.

An entry is named by the content of the image files and by the options; it is a file of pixels and, written last, a JSON
file with everything else. Both appear by renaming, so a reader never sees half an entry, and two processes that write the
same one do no harm. An entry that does not hold what its JSON file says is written again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import blake2b, file_digest
from math import prod
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from vaekit.data.dataset import Dataset, ImageSchema, Quarantined
from vaekit.data.rows import Array

__all__ = [
    "cache_folder",
    "content_key",
    "load_entry",
    "map_pixels",
    "replace_file",
    "writable_folder",
    "write_pixels",
    "write_sidecar",
]

VERSION = 1
"""Part of each key; raised when decoding changes, so that no old entry is found."""


def cache_folder(chosen: Path | None = None) -> Path:
    """Return `chosen`, or $VAEKIT_CACHE, or $XDG_CACHE_HOME/vaekit, or ~/.cache/vaekit."""
    if chosen is not None:
        return Path(chosen).expanduser()
    if os.environ.get("VAEKIT_CACHE"):
        return Path(os.environ["VAEKIT_CACHE"]).expanduser()
    parent = os.environ.get("XDG_CACHE_HOME")
    return (Path(parent) if parent else Path.home() / ".cache") / "vaekit"


def content_key(root: Path, names: Sequence[str], options: str) -> str:
    """Hash the names and the content of files, and the options they are decoded with.

    Times of files are not trusted: a file that was changed within the same tick of the clock is noticed.
    """
    key = blake2b(f"{VERSION} {options}".encode(), digest_size=16)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, digest in zip(names, pool.map(lambda name: _file_digest(root / name), names), strict=True):
            key.update(len(name).to_bytes(8, "little") + os.fsencode(name) + digest)
    return key.hexdigest()


def load_entry(folder: Path, key: str) -> Dataset | None:
    """Open the entry `key`, or return None if there is none, or it is damaged."""
    try:
        facts = json.loads((folder / f"{key}.json").read_text(encoding="utf-8"))
        if (folder / f"{key}.u8").stat().st_size != prod(facts["shape"]):
            return None
        return Dataset(
            values=map_pixels(folder, key, tuple(facts["shape"])),
            schema=ImageSchema.model_validate(facts["schema"]),
            split=torch.tensor(facts["split"], dtype=torch.int8),
            labels=None if facts["labels"] is None else torch.tensor(facts["labels"], dtype=torch.int64),
            classes=tuple(facts["schema"]["classes"]),
            names=tuple(facts["names"]),
            quarantine=tuple(Quarantined(name, reason) for name, reason in facts["quarantine"]),
            notes=tuple(facts["notes"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def writable_folder(folder: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield `folder`, created if need be, or a temporary one and a note that says so.

    A temporary folder is removed at the end of the block; what is mapped from it by then stays readable.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        NamedTemporaryFile(dir=folder).close()
    except OSError as error:
        reason = error.strerror
    else:
        yield folder, ()
        return
    with TemporaryDirectory(prefix="vaekit-", ignore_cleanup_errors=True) as place:
        yield Path(place), (f"the cache folder {folder} is not writable ({reason}): images are decoded at each start",)


def write_pixels(folder: Path, key: str, images: Iterable[Array]) -> None:
    """Write the pixels of an entry, one image after another.

    Raises:
        OSError: If the disk is full, for example; nothing is left behind then.
    """
    with replace_file(folder / f"{key}.u8") as path, path.open("wb") as stream:
        for image in images:
            stream.write(image.tobytes())


def map_pixels(folder: Path, key: str, shape: tuple[int, ...]) -> Tensor:
    """Map the pixels of an entry into memory, shape (N, H, W, C), uint8."""
    # Copy-on-write, because torch warns about memory that it must not write to.
    return torch.from_numpy(np.memmap(folder / f"{key}.u8", dtype=np.uint8, mode="c", shape=shape))


def write_sidecar(folder: Path, key: str, dataset: Dataset) -> None:
    """Write everything but the pixels of an entry, which makes it complete.

    Raises:
        OSError: If the disk is full, for example; nothing is left behind then.
    """
    facts = {
        "shape": list(dataset.values.shape),
        "schema": None if dataset.schema is None else dataset.schema.model_dump(),
        "split": dataset.split.tolist(),
        "labels": None if dataset.labels is None else dataset.labels.tolist(),
        "names": dataset.names,
        "quarantine": [(bad.name, bad.reason) for bad in dataset.quarantine],
        "notes": dataset.notes,
    }
    with replace_file(folder / f"{key}.json") as path:
        path.write_text(json.dumps(facts), encoding="utf-8")


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; what was written there takes the place of `path`, or vanishes on an error."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as made:
        temporary = Path(made.name)
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _file_digest(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return file_digest(stream, "blake2b").digest()
    except OSError:
        return bytes(64)
