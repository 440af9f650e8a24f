"""Checkpoints that survive being killed at any moment.

A checkpoint is written to a temporary file together with its checksum, which comes last; then synced to the disk, then
renamed. The one before it is kept until the new one is in place, so that a valid one always exists. Reading verifies
the checksum and runs no code from the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from pathlib import Path
from typing import Any

import torch

__all__ = ["Checkpoints", "CorruptCheckpoint", "write_atomically"]

_DIGEST = 32


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
        _remove_stale(folder)

    def save(self, state: dict[str, Any], *, best: bool = False) -> None:
        """Write `last`, and `best` where asked.

        Raises:
            OSError: The folder cannot be written to, or the disk is full; earlier checkpoints are intact.
        """
        buffer = io.BytesIO()
        torch.save(state, buffer)
        payload = buffer.getbuffer()
        content = (payload, hashlib.sha256(payload).digest())
        last = self.folder / "last.ckpt"
        if best:
            write_atomically(self.folder / "best.ckpt", *content)
        # A damaged last one, from which a run was resumed through the previous one, must not take that one's place.
        keep = self.folder / "previous.ckpt" if self._last_is_intact or _is_intact(last) else None
        write_atomically(last, *content, keep=keep)
        self._last_is_intact = True

    def load(self) -> tuple[dict[str, Any], str | None]:
        """Return the newest valid state, and a sentence where an older one had to be taken.

        Raises:
            FileNotFoundError: There is none.
            CorruptCheckpoint: None of them is valid.
        """
        damaged: list[str] = []
        for name in ("last.ckpt", "previous.ckpt", "best.ckpt"):
            path = self.folder / name
            if not path.exists():
                continue
            try:
                state = read(path)
            except CorruptCheckpoint as error:
                damaged.append(str(error))
                continue
            return state, f"{'; '.join(damaged)}; resuming from {name}" if damaged else None
        if damaged:
            raise CorruptCheckpoint(f"no valid checkpoint in {self.folder}: {'; '.join(damaged)}")
        raise FileNotFoundError(
            f"no checkpoint in {self.folder}: the run was stopped before its first one; run fit again"
        )

    def best(self) -> dict[str, Any]:
        """Return the state with the best validation bound, or the last one where there is none."""
        path = self.folder / "best.ckpt"
        return read(path) if path.exists() else self.load()[0]


def read(path: Path) -> dict[str, Any]:
    """Return the state in a file, verified.

    Raises:
        CorruptCheckpoint: The checksum does not match, or the content is not a plain state.
    """
    payload = _verified(path)
    try:
        state = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    except Exception as error:
        raise CorruptCheckpoint(f"{path.name} is no checkpoint of vaekit: {type(error).__name__}") from error
    if not isinstance(state, dict):
        raise CorruptCheckpoint(f"{path.name} is no checkpoint of vaekit: it holds a {type(state).__name__}")
    return state


def _verified(path: Path) -> bytes:
    content = path.read_bytes()
    payload, digest = content[:-_DIGEST], content[-_DIGEST:]
    if hashlib.sha256(payload).digest() != digest:
        raise CorruptCheckpoint(f"{path.name} is damaged (its checksum does not match)")
    return payload


def _is_intact(path: Path) -> bool:
    try:
        return bool(_verified(path))
    except (CorruptCheckpoint, FileNotFoundError):
        return False


def write_atomically(path: Path, *parts: bytes | memoryview, keep: Path | None = None) -> None:
    """Write a file so that a reader sees the old content or the new one, never a part.

    Args:
        path: The file.
        parts: Its content, in order.
        keep: Where the old content stays.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        if keep is not None and path.exists():
            path.replace(keep)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _remove_stale(folder: Path) -> None:
    """Remove what killed processes left half written; a living one, of which we may be a mere reader, keeps its own."""
    for temporary in folder.glob(".*.ckpt.*.tmp"):
        writer = temporary.name.split(".")[-2]
        if writer.isdigit() and not _is_alive(int(writer)):
            with contextlib.suppress(OSError):
                temporary.unlink()


def _is_alive(process: int) -> bool:
    if os.name != "posix":
        return False  # signal 0 means something else there, and a file in use cannot be removed anyway
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _sync_folder(folder: Path) -> None:
    """Make the renames themselves durable, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
