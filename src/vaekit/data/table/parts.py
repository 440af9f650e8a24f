"""A table in several files that are the parts of an official split."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vaekit.data.dataset import TRAIN
from vaekit.data.layout import PARTS as FOLDERS
from vaekit.data.table.raw import SUFFIXES

__all__ = ["find_parts", "split_of"]

PARTS = {**FOLDERS, "dev": FOLDERS["validation"]}
"""The words in the names of files that tell the part."""


def find_parts(root: Path) -> dict[Path, int]:
    """Return the tables in a folder whose names say which part of a split they are, training first.

    It is the word between the marks that counts: train.csv and adult-train.csv are both for training. A name that says two
    parts, or none, is left out.
    """
    found = {}
    for path in sorted(root.iterdir()):
        words = re.split(r"[^a-z]+", path.name.lower())
        parts = {PARTS[word] for word in words if word in PARTS}
        if (
            path.is_file()
            and path.name.lower().endswith(SUFFIXES)
            and not path.name.startswith(".")
            and len(parts) == 1
        ):
            found[path] = parts.pop()
    return dict(sorted(found.items(), key=lambda item: item[1]))


def split_of(parts: Sequence[int], lengths: Sequence[int]) -> np.ndarray | None:
    """Return the part of each row of tables below each other, shape (N,), int8; None where all are for training."""
    if set(parts) == {TRAIN}:
        return None
    return np.repeat(np.array(parts, dtype=np.int8), lengths)
