"""The data of a verb: opening them, picking one, and naming them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from vaekit.data import Dataset
from vaekit.interfaces.cli.errors import complain
from vaekit.interfaces.media import MEDIA, Place
from vaekit.interfaces.runs.run import Run, load
from vaekit.trained import Source, TrainedModel

__all__ = ["datum_of", "identity", "opened", "opened_model", "place", "set_aside", "stems_of"]


def opened_model(path: Path) -> TrainedModel:
    """Return the run in a folder, or the model that was saved there by itself."""
    is_model = (path / "model.safetensors").exists() and not (path / "split.json").exists()
    return TrainedModel.load(path) if is_model else load(path)


def place(model: TrainedModel, out: Path | None) -> Place:
    """Return where a verb writes; a run has a folder for pictures without a name."""
    return Place(out, model.folder.plots if isinstance(model, Run) else None)


def opened(model: TrainedModel, source: str) -> tuple[Dataset, Tensor]:
    """Open data for a model, or a datum that was typed itself; print which files were set aside."""
    if not source.strip():
        raise ValueError("DATA is empty; give a file, a folder, a name, or a text")
    medium = MEDIA[model.kind]
    literal = medium.literal(source)
    data, rows = model.open(source if literal is None else literal)
    for note in data.notes:
        complain(f"note: {note}")
    for bad in data.quarantine:
        complain(f"quarantined: {bad.name}: {bad.reason}")
    return data, rows


def set_aside(data: Dataset) -> list[dict[str, str]]:
    """Return the files that could not be used, and why."""
    return [{"name": bad.name, "reason": bad.reason} for bad in data.quarantine]


def datum_of(model: TrainedModel, text: str) -> Source:
    """Return a file or a datum that was typed itself, or one of the test data by its number."""
    if not (text.isascii() and text.isdecimal()) or Path(text).exists():
        literal = MEDIA[model.kind].literal(text)
        return text if literal is None else literal
    data, rows = model.open()
    if int(text) >= len(rows):
        raise ValueError(f"the run has {len(rows)} test data, numbered from 0; got {text}")
    return data.taken(rows[int(text)].unsqueeze(0))


def identity(kind: str, data: Dataset, rows: Tensor) -> Mapping[str, Any]:
    """Return the columns that say which datum a row is."""
    columns: dict[str, Any] = {"name": stems_of(data, rows, suffix=True)}
    if data.labels is not None:
        columns["label"] = [data.classes[i] if data.classes else str(i) for i in data.labels[rows].tolist()]
    return {**columns, **MEDIA[kind].identity(data, rows)}


def stems_of(data: Dataset, rows: Tensor, *, suffix: bool = False) -> list[str]:
    """Return one name per datum: its file's, or its number."""
    if not data.names:
        numbers = rows if data.numbers is None else data.numbers[rows]
        width = len(str(max(len(data), int(numbers.max()) + 1 if len(numbers) else 0)))
        return [f"{i:0{width}}" for i in numbers.tolist()]
    names = [Path(data.names[i]) for i in rows.tolist()]
    if suffix:
        return [name.as_posix() for name in names]
    stems = [name.with_suffix("").as_posix() for name in names]
    # a.png and a.jpg share a stem: the suffix then tells them apart.
    count = Counter(stems)
    return [s if count[s] == 1 else n.as_posix().replace(".", "-") for s, n in zip(stems, names, strict=True)]
