"""The files below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from vaekit.data.decode import SUFFIXES

__all__ = ["files_below", "has_images"]


def files_below(root: Path) -> Iterator[Path]:
    """Yield the files below a folder; hidden files and folders are left out, and links to folders are not followed."""
    for place, folders, files in os.walk(root):
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        yield from (Path(place, file) for file in files if not file.startswith("."))


def has_images(root: Path) -> bool:
    """Return whether the name of any file below a folder ends as that of an image."""
    return any(path.suffix.lower() in SUFFIXES for path in files_below(root))
