"""Checkpoints that survive being killed at any moment.

A checkpoint is streamed to a temporary file together with its checksum, which comes last; then synced to the disk, then
renamed. The one before it is kept until the new one is in place, so that a valid one always exists. Reading verifies
the checksum, runs no code from the file, and maps the file: only what is used of it comes into memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch

from vaekit.data.leftovers import owned_suffix, remove_leftovers

__all__ = ["Checkpoints", "CorruptCheckpoint", "write_atomically"]

_DIGEST = 32
_CHUNK = 2**20  # bytes that are read at a time


class CorruptCheckpoint(ValueError):
    """A checkpoint's bytes do not match its checksum."""


class Checkpoints:
    """The checkpoints of a run: `last`, the one `previous` to it, and `best`.

    Args:
        folder: Where they lie; made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._last_is_intact = False
        remove_leftovers(folder)

    def save(self, state: dict[str, Any], *, best: bool = False) -> None:
        """Write `last`, and `best` where asked.

        Raises:
            OSError: The folder cannot be written to, or the disk is full; earlier checkpoints are intact.
        """
        last, best_one = self.folder / "last.ckpt", self.folder / "best.ckpt"
        with _temporary(last) as temporary, _temporary(best_one) as twin:
            with temporary.open("wb") as file:
                stream = _Hashing(file)
                torch.save(state, cast(BinaryIO, stream))
                stream.finish()
                _sync(file)
            if best:
                _link(temporary, twin)
                twin.replace(best_one)
            # A damaged last one, from which a run was resumed through the previous one, must not take that one's place.
            if self._last_is_intact or (last.exists() and _is_intact(last)):
                last.replace(self.folder / "previous.ckpt")
            temporary.replace(last)
        _sync_folder(self.folder)
        self._last_is_intact = True

    def load(self) -> tuple[dict[str, Any], str | None]:
        """Return the newest valid state, and a sentence where an older one had to be taken.

        Raises:
            FileNotFoundError: There is none.
            CorruptCheckpoint: None of them is valid.
        """
        damaged: list[str] = []
        paths = [self.folder / name for name in ("last.ckpt", "previous.ckpt", "best.ckpt")]
        for path in filter(Path.exists, paths):
            try:
                return read(path), f"{'; '.join(damaged)}; resuming from {path.name}" if damaged else None
            except CorruptCheckpoint as error:
                damaged.append(str(error))
        if damaged:
            raise CorruptCheckpoint(f"no valid checkpoint in {self.folder}: {'; '.join(damaged)}")
        raise FileNotFoundError(
            f"no checkpoint in {self.folder}: the run was stopped before its first one; run fit again"
        )

    def best(self) -> dict[str, Any]:
        """Return the state with the best validation bound, or the newest one where there is none.

        Raises:
            FileNotFoundError: There is none.
            CorruptCheckpoint: None of them is valid.
        """
        path = self.folder / "best.ckpt"
        return read(path) if path.exists() else self.load()[0]

    def discard_damaged_best(self) -> str | None:
        """Remove the best state if it is damaged, and return a sentence then; the newest one takes its place."""
        path = self.folder / "best.ckpt"
        if not path.exists() or _is_intact(path):
            return None
        path.unlink()
        return "best.ckpt is damaged (its checksum does not match); the best weights are chosen anew"

    def settle(self) -> None:
        """Keep, of a finished run, what extending it needs: the last state, and the best one, which stands in for it."""
        (self.folder / "previous.ckpt").unlink(missing_ok=True)


class _Hashing:
    """A file to write to that computes the checksum of what passes through."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.digest = file, hashlib.sha256()
        self.error: BaseException | None = None

    def write(self, part: memoryview) -> int:
        """Write a part; return its size in bytes."""
        if self.error is None:
            try:
                self.digest.update(part)
                self.file.write(part)
            except BaseException as error:
                self.error = error  # torch would replace it by one of its own
        return len(part)

    def finish(self) -> None:
        """Write the checksum, or raise what went wrong."""
        if self.error is not None:
            raise self.error
        self.file.write(self.digest.digest())

    def flush(self) -> None:
        """Do nothing: the file is flushed once, at the end."""


def read(path: Path) -> dict[str, Any]:
    """Return the state in a file, verified; its tensors are mapped from the file, and copied where they are kept.

    Raises:
        CorruptCheckpoint: The checksum does not match, or the content is not a plain state.
    """
    if not _is_intact(path):
        raise CorruptCheckpoint(f"{path.name} is damaged (its checksum does not match)")
    try:
        state = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except Exception as error:
        raise CorruptCheckpoint(f"{path.name} is no checkpoint of vaekit: {type(error).__name__}") from error
    if not isinstance(state, dict):
        raise CorruptCheckpoint(f"{path.name} is no checkpoint of vaekit: it holds a {type(state).__name__}")
    return state


def _is_intact(path: Path) -> bool:
    digest, left = hashlib.sha256(), path.stat().st_size - _DIGEST
    with path.open("rb") as file:
        while left > 0 and (chunk := file.read(min(left, _CHUNK))):
            digest.update(chunk)
            left -= len(chunk)
        return file.read() == digest.digest()


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new one, never a part.

    Args:
        path: The file.
        content: What to write.
    """
    with _temporary(path) as temporary:
        with temporary.open("wb") as file:
            file.write(content)
            _sync(file)
        temporary.replace(path)
    _sync_folder(path.parent)


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """Yield a path beside another, where there is no file, and remove what lies there at the end."""
    temporary = path.with_name(f".{path.name}{owned_suffix()}")
    # Left by a dead process of our number, it may be the very file that is now the best one: it must not be written to.
    temporary.unlink(missing_ok=True)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system knows no second names."""
    try:
        os.link(source, target)
    except OSError:
        with source.open("rb") as old, target.open("wb") as new:
            shutil.copyfileobj(old, new, _CHUNK)
            _sync(new)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the renames themselves durable, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
