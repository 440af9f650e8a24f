"""The data that a verb is given: opened, picked, and their files named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from vaekit.data import Dataset, TextSchema, name_of
from vaekit.interfaces.cli.errors import complain
from vaekit.interfaces.run import Run

__all__ = ["datum_of", "identity", "opened", "set_aside", "stems_of"]


def opened(run: Run, source: str) -> tuple[Dataset, Tensor]:
    """Open data for a run, a text itself where it is one of texts; name the files that were set aside."""
    if not source.strip():
        raise ValueError("DATA is empty; give a file, a folder, a name, or a text")
    data, rows = run.open([source] if _is_literal(run, source) else source)
    for note in data.notes if run.kind != "image" else ():
        complain(f"note: {note}")
    for bad in data.quarantine:
        complain(f"quarantined: {bad.name}: {bad.reason}")
    return data, rows


def set_aside(data: Dataset) -> list[dict[str, str]]:
    """Return the files that could not be used, and why."""
    return [{"name": bad.name, "reason": bad.reason} for bad in data.quarantine]


def _is_literal(run: Run, source: str) -> bool:
    """Say whether a text itself was typed, and no file or name of data."""
    if not isinstance(run.schema, TextSchema) or name_of(source) or Path(source).exists():
        return False
    return " " in source or not (Path(source).suffix or "/" in source)


def datum_of(run: Run, text: str) -> str | Dataset | list[str]:
    """Return an image file or a text itself, or one of the test data by its number."""
    if not (text.isascii() and text.isdecimal()) or Path(text).exists():
        return [text] if isinstance(run.schema, TextSchema) else text
    data, rows = run.open()
    if int(text) >= len(rows):
        raise ValueError(f"the run has {len(rows)} test data, numbered from 0; got {text}")
    return data.taken(rows[int(text)].unsqueeze(0))


def identity(data: Dataset, rows: Tensor) -> Mapping[str, Any]:
    """Return the columns that say which datum a row is."""
    columns: dict[str, Any] = {"name": stems_of(data, rows, suffix=True)}
    if data.labels is not None:
        columns["label"] = [data.classes[i] if data.classes else str(i) for i in data.labels[rows].tolist()]
    if isinstance(data.schema, TextSchema):
        columns["text"] = data.schema.decode(data.values[rows])
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
