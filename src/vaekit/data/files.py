"""The files below a folder, and what the path of a file says about it: its part of the split, and its class."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from vaekit.data.dataset import TEST, TRAIN, VALIDATION
from vaekit.data.decode import SUFFIXES
from vaekit.data.foreign import user_path

__all__ = ["Layout", "existing_path", "files_below", "find_parts", "has_images", "read_layout"]

PARTS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TEST),
}
"""The names of folders that are a part of a split."""

FILES = {**PARTS, "dev": VALIDATION}
"""The words in the names of files that name a part."""


def existing_path(source: str | Path, needs: str, names: Sequence[str]) -> Path:
    """Return the path of a source that is not the name of a data set.

    Args:
        source: What the user typed.
        needs: The beginning of the error: what is wanted.
        names: The names of the data sets, in case one was mistyped.

    Raises:
        FileNotFoundError: If there is no such file or folder.
    """
    path = user_path(source)
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


@dataclass(frozen=True)
class Layout:
    """The parts and the classes of files, by the folders that they lie in.

    Args:
        names: The files that belong to the data.
        left_out: The files outside the folders of an official split: they belong to no part.
        split: The part of each file; None if there is no official split.
        labels: The name of the class of each file; None if the folders are no classes.
    """

    names: tuple[str, ...]
    left_out: tuple[str, ...]
    split: tuple[int, ...] | None
    labels: tuple[str, ...] | None

    def notes(self, kind: str) -> tuple[str, ...]:
        """Return a sentence about the files that were left out, if there are any."""
        count, beside = len(self.left_out), "beside the folders of the official split were left out, such as"
        return (f"{count} {kind} {beside} {self.left_out[0]}",) if self.left_out else ()


def find_parts(root: Path, suffixes: tuple[str, ...]) -> dict[Path, int]:
    """Return the files in a folder whose names say which part of a split they are, training first.

    Only whole words count: train.csv and adult-train.csv are both for training. A file whose name says two parts,
    or none, is left out.

    Args:
        root: The folder.
        suffixes: How the names of the files may end.
    """
    found = {}
    for path in sorted(root.iterdir()):
        parts = {FILES[word] for word in re.split(r"[^a-z]+", path.name.lower()) if word in FILES}
        is_part = path.name.lower().endswith(suffixes) and not path.name.startswith(".") and len(parts) == 1
        if is_part and path.is_file():
            found[path] = parts.pop()
    return dict(sorted(found.items(), key=lambda item: item[1]))


def read_layout(names: Sequence[str]) -> Layout:
    """Read the official split and the classes from file names relative to the root, with slashes.

    Folders train and test (or validation) at the top are an official split; below them, two or more folders are classes.

    >>> layout = read_layout(["train/cat/1.png", "train/dog/2.png", "test/cat/3.png"])
    >>> layout.split, layout.labels
    ((0, 0, 2), ('cat', 'dog', 'cat'))
    """
    paths = _without_common([tuple(name.split("/")) for name in names])
    tops = {path[0].lower() for path in paths if len(path) > 1}
    found = {PARTS[top] for top in tops & PARTS.keys()}
    if TRAIN not in found or len(found) == 1:
        return Layout(tuple(names), (), None, _classes(paths))
    named = zip(names, paths, strict=True)
    members = {name: path for name, path in named if len(path) > 1 and path[0].lower() in PARTS}
    return Layout(
        names=tuple(members),
        left_out=tuple(name for name in names if name not in members),
        split=tuple(PARTS[path[0].lower()] for path in members.values()),
        labels=_classes([path[1:] for path in members.values()]),
    )


def _without_common(paths: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Remove the folders that all files have in common, such as the one that an archive was packed in."""
    while len({path[0] for path in paths}) == 1 and min(len(path) for path in paths) > 1:
        paths = [path[1:] for path in paths]
    return paths


def _classes(paths: list[tuple[str, ...]]) -> tuple[str, ...] | None:
    paths = _without_common(paths)
    if any(len(path) == 1 for path in paths):
        return None
    return tuple(path[0] for path in paths)
