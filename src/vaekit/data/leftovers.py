"""Files that are half written: their names say whose they are, so that those of dead processes can be removed."""

from __future__ import annotations

import contextlib
import os
import platform
import zlib
from pathlib import Path

__all__ = ["owned_suffix", "remove_leftovers"]

_HOST = f"{zlib.crc32(platform.node().encode()):08x}"


def owned_suffix() -> str:
    """Return how the name of a half-written file of this process ends."""
    return f".{_HOST}-{os.getpid()}.tmp"


def remove_leftovers(folder: Path) -> None:
    """Remove what processes of this machine that were killed left half written in a folder; the living keep theirs."""
    for path in folder.glob(".*.tmp"):
        host, _, process = path.name.split(".")[-2].rpartition("-")
        if process.isdecimal() and host in ("", _HOST) and not _is_alive(int(process)):
            with contextlib.suppress(OSError):
                path.unlink()


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
