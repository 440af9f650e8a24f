"""The files below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from vaekit.data.decode import SUFFIXES

__all__ = ["existing_path", "files_below", "has_images"]


def existing_path(source: str | Path, needs: str, names: Sequence[str]) -> Path:
    """Return the path of a source that is not the name of a data set.

    Args:
        source: What the user typed.
        needs: The beginning of the error: what is wanted.
        names: The names of the data sets, in case one was mistyped.

    Raises:
        FileNotFoundError: If there is no such file or folder.
    """
    path = Path(source).expanduser()
    if path.exists():
        return path
    nearest = get_close_matches(str(source).lower(), names, n=1)
    cure = f"did you mean {nearest[0]}?" if nearest else "check the path"
    raise FileNotFoundError(f"{needs}, but there is no {str(source)!r}; {cure}")


def files_below(root: Path) -> Iterator[Path]:
    """Yield the files below a folder; hidden files and folders are left out, and links to folders are not followed."""
    for place, folders, files in os.walk(root):
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        yield from (Path(place, file) for file in files if not file.startswith("."))


def has_images(root: Path) -> bool:
    """Return whether the name of any file below a folder ends as that of an image."""
    return any(path.suffix.lower() in SUFFIXES for path in files_below(root))
