"""What data are, in words: the first lines of `inspect` and `fit`."""

from __future__ import annotations

from typing import Any

from vaekit.data import Dataset, ImageSchema, TableSchema, TextSchema
from vaekit.data.schema import Schema

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


def data_lines(data: Dataset) -> list[str]:
    """Return what is known of data, a line each."""
    assert data.schema is not None
    train, validation, test = (len(data.part(name)) for name in ("train", "validation", "test"))
    lines = [
        f"{data.source}: {len(data):,} {_kind(data.schema)}; {train:,} train, {validation:,} validation, {test:,} test"
    ]
    if data.classes:
        lines.append(f"labels: {', '.join(data.classes[:20])}{' ...' if len(data.classes) > 20 else ''}")
    lines += [f"note: {note}" for note in data.notes]
    lines += [f"quarantined: {q.name}: {q.reason}" for q in data.quarantine]
    return lines


def _kind(schema: Schema) -> str:
    match schema:
        case ImageSchema():
            levels = (
                f"{schema.levels} levels" if schema.levels else f"real values in [{schema.low:.4g}, {schema.high:.4g}]"
            )
            return f"images {schema.height} x {schema.width}, {schema.channels} channel(s), {levels}"
        case TextSchema():
            case_ = ", lower case" if schema.lowercase else ""
            return (
                f"texts, tokenizer {schema.tokenizer}{case_}, {schema.vocabulary:,} tokens, "
                f"at most {schema.length} of them in a text"
            )
        case TableSchema():
            return f"rows, {len(schema.columns)} columns, {len(schema.slots)} variables"
    return "data"
