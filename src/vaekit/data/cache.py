"""Data in memory-mapped files, so that a folder of images is decoded once and a large corpus of texts encoded once.

An entry is named by the content of the files and by the options. It is a file of values and, written last, one of
everything else. Both appear by renaming, so a reader never sees half an entry, and two processes that write the same one
do no harm. An entry whose values do not fit the rest is written again.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import blake2b, file_digest
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vaekit.data.dataset import Dataset, ImageSchema, Quarantined
from vaekit.data.foreign import user_path
from vaekit.data.leftovers import owned_suffix, remove_leftovers
from vaekit.data.rows import Array
from vaekit.data.text_schema import TextSchema

__all__ = [
    "cache_folder",
    "content_key",
    "load_entry",
    "replace_file",
    "writable_folder",
    "write_facts",
    "write_values",
]

VERSION = 4
"""Part of each key; raised when decoding, encoding or the files of an entry change, so that no old entry is found."""


def cache_folder(chosen: Path | None = None) -> Path:
    """Return `chosen`, or $VAEKIT_CACHE, or $XDG_CACHE_HOME/vaekit, or ~/.cache/vaekit."""
    parent = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return user_path(chosen or os.environ.get("VAEKIT_CACHE") or f"{parent}/vaekit")


def content_key(root: Path, names: Sequence[str], options: str) -> str:
    """Hash the names and the content of files, and the options they are decoded with.

    Times of files are not trusted: a file that was changed within the same tick of the clock is noticed.
    """
    key = blake2b(f"{VERSION} {options}".encode(), digest_size=16)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, digest in zip(names, pool.map(lambda name: _file_digest(root / name), names), strict=True):
            key.update(len(name).to_bytes(8, "little") + os.fsencode(name) + digest)
    return key.hexdigest()


def load_entry(folder: Path, key: str, schema: type[ImageSchema | TextSchema]) -> Dataset | None:
    """Open the entry `key` of data of a kind, or return None if there is none, or it is damaged."""
    try:
        with safe_open(folder / f"{key}.safetensors", framework="pt") as stored:
            facts = json.loads(stored.metadata()["facts"])
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        described = schema.model_validate(facts["schema"])
        return Dataset(
            values=_mapped(folder, key, facts["dtype"]).reshape(facts["shape"]),
            schema=described,
            split=tensors["split"],
            labels=tensors.get("labels"),
            numbers=tensors.get("numbers"),
            lengths=tensors.get("lengths"),
            classes=described.classes,
            names=tuple(facts["names"]),
            quarantine=tuple(Quarantined(name, reason) for name, reason in facts["quarantine"]),
            notes=tuple(facts["notes"]),
        )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError):
        return None


@contextmanager
def writable_folder(folder: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield `folder`, created if need be, or a temporary one and a note that says so.

    A temporary folder is removed at the end of the block; what is mapped from it by then stays readable.
    """
    try:
        if folder.parts[:1] == ("~",):
            raise OSError(errno.ENOENT, "there is no home folder")
        folder.mkdir(parents=True, exist_ok=True)
        NamedTemporaryFile(dir=folder).close()
        remove_leftovers(folder)
    except OSError as error:
        reason = error.strerror
    else:
        yield folder, ()
        return
    with TemporaryDirectory(prefix="vaekit-", ignore_cleanup_errors=True) as place:
        yield (
            Path(place),
            (f"the cache folder {folder} is not writable ({reason}): the data are prepared at each start",),
        )


def write_values(folder: Path, key: str, rows: Iterable[Array], event: tuple[int, ...], dtype: npt.DTypeLike) -> Tensor:
    """Write the values of an entry, a few rows at a time, and map them into memory, shape (N, *event).

    Raises:
        OSError: If the disk is full, for example; nothing is left behind then.
    """
    with replace_file(folder / f"{key}.values") as path, path.open("wb") as stream:
        for row in rows:
            stream.write(row.tobytes())
    return _mapped(folder, key, dtype).reshape(-1, *event)


def _mapped(folder: Path, key: str, dtype: npt.DTypeLike) -> Tensor:
    # Copy-on-write, because torch warns about memory that it must not write to.
    return torch.from_numpy(np.memmap(folder / f"{key}.values", dtype=dtype, mode="c"))


def write_facts(folder: Path, key: str, dataset: Dataset) -> None:
    """Write everything but the values of an entry, which makes it complete.

    Raises:
        OSError: If the disk is full, for example; nothing is left behind then.
    """
    facts = {
        "shape": list(dataset.values.shape),
        "dtype": str(dataset.values.numpy().dtype),
        "schema": None if dataset.schema is None else dataset.schema.model_dump(mode="json"),
        "names": dataset.names,
        "quarantine": [(bad.name, bad.reason) for bad in dataset.quarantine],
        "notes": dataset.notes,
    }
    columns = {name: getattr(dataset, name) for name in ("split", "labels", "numbers", "lengths")}
    tensors = {name: column for name, column in columns.items() if column is not None}
    with replace_file(folder / f"{key}.safetensors") as path:
        path.write_bytes(
            save(tensors, metadata={"facts": json.dumps(facts)})
        )  # its own file would hide why writing failed


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; what was written there takes the place of `path`, or vanishes on an error.

    Raises:
        OSError: If the disk is full, for example; the message names the folder and the variable that moves it.
    """
    owner = owned_suffix()
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=owner, delete=False) as made:
        temporary = Path(made.name)
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise OSError(
            f"the disk of the cache folder {path.parent} is full; free some space, or set VAEKIT_CACHE to another folder"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _file_digest(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return file_digest(stream, "blake2b").digest()
    except OSError:
        return bytes(64)
