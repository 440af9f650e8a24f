"""What data are, in words: the first lines of `inspect` and `fit`."""

from __future__ import annotations

from typing import Any

from vaekit.data import Dataset
from vaekit.interfaces.media import MEDIA

__all__ = ["data_lines", "described_data"]


def described_data(data: Dataset) -> dict[str, Any]:
    """Return what is known of data, ready for JSON."""
    return {
        "source": data.source,
        "count": len(data),
        "split": {name: len(data.part(name)) for name in ("train", "validation", "test")},
        "schema": data.schema.brief() if data.schema else None,
        "notes": list(data.notes),
        "quarantine": [{"name": q.name, "reason": q.reason} for q in data.quarantine],
    }


def data_lines(data: Dataset, kind: str) -> list[str]:
    """Return what is known of data, a line each."""
    train, validation, test = (len(data.part(name)) for name in ("train", "validation", "test"))
    lines = [
        f"{data.source}: {len(data):,} {MEDIA[kind].facts(data.schema)}; {train:,} train, {validation:,} validation, {test:,} test"
    ]
    if data.classes:
        lines.append(f"labels: {', '.join(data.classes[:20])}{' ...' if len(data.classes) > 20 else ''}")
    lines += [f"note: {note}" for note in data.notes]
    lines += [f"quarantined: {q.name}: {q.reason}" for q in data.quarantine]
    return lines
