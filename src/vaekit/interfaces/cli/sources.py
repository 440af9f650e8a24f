"""The data that a verb is given: opened, picked, and their files named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from vaekit.data import Dataset
from vaekit.interfaces.cli.errors import complain
from vaekit.interfaces.run import Run

__all__ = ["datum_of", "identity", "opened", "set_aside", "stems_of"]


def opened(run: Run, source: str) -> tuple[Dataset, Tensor]:
    """Open data for a run; name the files that were set aside."""
    data, rows = run.open(source)
    for bad in data.quarantine:
        complain(f"quarantined: {bad.name}: {bad.reason}")
    return data, rows


def set_aside(data: Dataset) -> list[dict[str, str]]:
    """Return the files that could not be used, and why."""
    return [{"name": bad.name, "reason": bad.reason} for bad in data.quarantine]


def datum_of(run: Run, text: str) -> str | Dataset:
    """Return an image file, or one of the test data by its number."""
    if not (text.isascii() and text.isdecimal()) or Path(text).exists():
        return text
    data, rows = run.open()
    if int(text) >= len(rows):
        raise ValueError(f"the run has {len(rows)} test images, numbered from 0; got {text}")
    return data.taken(rows[int(text)].unsqueeze(0))


def identity(data: Dataset, rows: Tensor) -> Mapping[str, Any]:
    """Return the columns that say which datum a row is."""
    columns: dict[str, Any] = {"name": stems_of(data, rows, suffix=True)}
    if data.labels is not None:
        columns["label"] = [data.classes[i] if data.classes else str(i) for i in data.labels[rows].tolist()]
    return columns


def stems_of(data: Dataset, rows: Tensor, *, suffix: bool = False) -> list[str]:
    """Return one name per datum: its file's, or its number."""
    if not data.names:
        width = len(str(len(data)))
        return [f"{i:0{width}}" for i in rows.tolist()]
    names = [Path(data.names[i]) for i in rows.tolist()]
    if suffix:
        return [name.as_posix() for name in names]
    stems = [name.with_suffix("").as_posix() for name in names]
    # a.png and a.jpg share a stem: the suffix then tells them apart.
    count = Counter(stems)
    return [s if count[s] == 1 else n.as_posix().replace(".", "-") for s, n in zip(stems, names, strict=True)]
