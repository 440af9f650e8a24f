"""The ids of a large corpus in a memory-mapped file, so that it is encoded once.

As with images (`vaekit.data.cache`), an entry is named by the content of the files and by the options, and both of its files
appear by renaming, the ids first: what is there is complete.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from vaekit.data.cache import content_key, replace_file
from vaekit.data.corpus import LARGE, Corpus
from vaekit.data.dataset import Dataset, Quarantined
from vaekit.data.text_rows import ids_dtype, map_ids
from vaekit.data.text_schema import TextSchema

__all__ = ["ids_path", "load_texts", "text_key", "write_texts"]

VERSION = 1
"""Part of each key; raised when encoding changes, so that no old entry is found."""

COMPRESSION = 16
"""Files that are this much smaller than a large corpus cannot hold one."""


def text_key(corpus: Corpus, options: str) -> str | None:
    """Return what names the entry of a corpus; None if its files are too few to be worth one."""
    if corpus.root is None:
        return None
    size = sum((corpus.root / name).stat().st_size for name in corpus.files)
    return content_key(corpus.root, corpus.files, f"text {VERSION} {options}") if size > LARGE / COMPRESSION else None


def ids_path(folder: Path, key: str) -> Path:
    """Return where the ids of an entry lie."""
    return folder / f"{key}.ids"


def write_texts(folder: Path, key: str, dataset: Dataset) -> None:
    """Write everything but the ids of an entry, which makes it complete.

    Raises:
        OSError: If the disk is full, for example; nothing is left behind then.
    """
    facts = {
        "shape": list(dataset.values.shape),
        "schema": None if dataset.schema is None else dataset.schema.model_dump(mode="json"),
        "names": dataset.names,
        "quarantine": [(bad.name, bad.reason) for bad in dataset.quarantine],
        "notes": dataset.notes,
    }
    tensors = {"split": dataset.split} | ({} if dataset.labels is None else {"labels": dataset.labels})
    with replace_file(folder / f"{key}.safetensors") as path:
        save_file(tensors, path, metadata={"facts": json.dumps(facts)})


def load_texts(folder: Path, key: str) -> Dataset | None:
    """Open the entry `key`, or return None if there is none, or it is damaged."""
    try:
        with safe_open(folder / f"{key}.safetensors", framework="pt") as stored:
            facts = json.loads(stored.metadata()["facts"])
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        schema = TextSchema.model_validate(facts["schema"])
        count, length = facts["shape"]
        path = ids_path(folder, key)
        if path.stat().st_size != count * length * np.dtype(ids_dtype(schema.vocabulary)).itemsize:
            return None
        return Dataset(
            values=map_ids(path, (count, length), schema.vocabulary),
            schema=schema,
            split=tensors["split"],
            labels=tensors.get("labels"),
            classes=schema.classes,
            names=tuple(facts["names"]),
            quarantine=tuple(Quarantined(name, reason) for name, reason in facts["quarantine"]),
            notes=tuple(facts["notes"]),
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return None
