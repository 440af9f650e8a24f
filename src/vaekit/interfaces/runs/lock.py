"""One writer of a run folder at a time."""

from __future__ import annotations

import os
import platform
import weakref
from pathlib import Path

from vaekit.data.leftovers import remove_leftovers

try:
    import fcntl
except ImportError:  # a system that is not POSIX: there is no lock
    fcntl = None  # type: ignore[assignment]

__all__ = ["Lock"]


class Lock:
    """The right to write into a run folder, from now until `release`; the system takes it back when the process dies.

    The file `.lock` names the process and the machine. What dead writers left half written is removed.

    Args:
        folder: The folder, which exists.

    Raises:
        ValueError: Another process has the right.
        OSError: The folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / ".lock"
        descriptor = _locked(self.path)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {platform.node()}".encode())
        self._close = weakref.finalize(self, os.close, descriptor)
        for each in (folder, folder / "model", folder / "plots"):
            remove_leftovers(each)

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()

    def release(self) -> None:
        """Let others write."""
        if self._close.alive:
            self.path.unlink(missing_ok=True)
            self._close()


def _locked(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 300).decode(errors="replace") or "another process"
            os.close(descriptor)
            raise ValueError(
                f"{path.parent} is in use by {owner}; wait until that ends, or give another --out"
            ) from None
        except OSError:
            pass  # some network file systems know no locks
        if _is_still_there(path, descriptor):
            return descriptor
        os.close(descriptor)  # its owner removed it between our opening and our locking it


def _is_still_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
