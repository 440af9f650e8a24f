"""A folder of texts: files that are the parts of a split, with a text on each line, or files that are a text each."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from vaekit.data.corpus import NO_PART, Corpus, Entry
from vaekit.data.dataset import TEST, TRAIN, VALIDATION, Quarantined
from vaekit.data.decode import SUFFIXES
from vaekit.data.idx import is_idx_folder
from vaekit.data.layout import Layout, read_layout
from vaekit.data.survey import FEW, SHARE
from vaekit.data.text_files import TEXTS, read_lines, read_whole
from vaekit.data.text_tables import TABLES, read_table

__all__ = ["has_texts", "read_entries", "read_text_folder"]

PARTS = {"train": TRAIN, "val": VALIDATION, "valid": VALIDATION, "dev": VALIDATION, "test": TEST}

BEGINNING = re.compile(r"(train|val|valid|dev|test)(?:ing|idation)?\d*(?![a-z])", re.IGNORECASE)
"""How the name of a file begins that is a part of a split."""


def has_texts(root: Path) -> bool:
    """Return whether a folder holds texts, and no image."""
    if is_idx_folder(root):
        return False
    found = TRAIN in _parts(root).values()
    for _, folders, files in os.walk(root):
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        if any(Path(file).suffix.lower() in SUFFIXES for file in files):
            return False
        found = found or any(file.lower().endswith(TEXTS) for file in files if not file.startswith("."))
    return found


def read_text_folder(root: Path, column: str | None = None, label: str | None = None) -> Corpus:
    """Read a folder of texts.

    Files at its top whose names begin with train and with val, valid, validation, dev or test are the parts of an official
    split: a text on each line, or a table. In any other folder each .txt is a text, and folders are classes or parts.

    Args:
        root: The folder.
        column: The column of texts, in tables.
        label: The column of the classes, in tables.

    Raises:
        ValueError: If there is no text, or too many files are unusable.
    """
    parts = _parts(root)
    names = _find_texts(root)
    if TRAIN in parts.values() and (len(set(parts.values())) > 1 or set(names) <= parts.keys()):
        left_out = sorted(set(names) - parts.keys())
        beside = (
            f"{len(left_out)} files beside the parts of the official split were left out: {', '.join(left_out[:3])}"
        )
        read = partial(_read_parts, root, parts, column, label)
        return Corpus(read, root, tuple(parts), notes=(beside,) if left_out else ())
    if not names:
        raise ValueError(
            f"a folder of texts needs {' or '.join(TEXTS)}, or files called train and test, but {root} holds none;"
            " give another folder"
        )
    return _documents(root, read_layout(names))


def read_entries(path: Path, column: str | None = None, label: str | None = None) -> Iterator[Entry]:
    """Yield the texts of one file: those in the column of a table, or its lines.

    Raises:
        ValueError: If the file is damaged, or does not have the columns; lines have no columns at all.
    """
    if path.suffix.lower() in TABLES:
        return read_table(path, column, label)
    for key, name in (("column", column), ("label", label)):
        if name is not None:
            raise ValueError(
                f"a {key} needs a table ({', '.join(TABLES)}), but {path.name} has a text on each line; leave it out"
            )
    return map(Entry, read_lines(path))


def _parts(root: Path) -> dict[str, int]:
    found = {}
    for path in sorted(root.iterdir()):
        beginning = BEGINNING.match(path.name)
        if beginning and path.is_file() and path.suffix.lower() in (".txt", ".gz", *TABLES):
            found[path.name] = PARTS[beginning[1].lower()]
    return found


def _find_texts(root: Path) -> list[str]:
    names = []
    for place, folders, files in os.walk(root):
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        paths = (Path(place, file) for file in files if not file.startswith("."))
        names += [path.relative_to(root).as_posix() for path in paths if path.name.lower().endswith(TEXTS)]
    return sorted(names)


def _read_parts(root: Path, parts: dict[str, int], column: str | None, label: str | None) -> Iterator[Entry]:
    for name, part in parts.items():
        yield from (entry._replace(part=part) for entry in read_entries(root / name, column, label))


def _documents(root: Path, layout: Layout) -> Corpus:
    quarantine = [Quarantined(name, reason) for name in layout.names if (reason := _reason(root / name))]
    _check_share(len(layout.names), quarantine)
    left_out = len(layout.left_out)
    beside = f"{left_out} texts beside the folders of the official split were left out, such as {layout.left_out[:1]}"
    return Corpus(
        read=partial(_read_documents, root, layout, frozenset(bad.name for bad in quarantine)),
        root=root,
        files=layout.names,
        quarantine=tuple(quarantine),
        notes=(beside,) if left_out else (),
    )


def _read_documents(root: Path, layout: Layout, broken: frozenset[str]) -> Iterator[Entry]:
    for row, name in enumerate(layout.names):
        if name not in broken:
            label = layout.labels[row] if layout.labels else None
            part = layout.split[row] if layout.split else NO_PART
            yield Entry(read_whole(root / name), label, part, name)


def _reason(path: Path) -> str:
    try:
        read_whole(path)
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return ""


def _check_share(count: int, quarantine: list[Quarantined]) -> None:
    if len(quarantine) > (SHARE if count >= FEW else 0.5) * count:
        raise ValueError(
            f"at most {'5 %' if count >= FEW else 'half'} of the texts may be unusable, but {len(quarantine)} of {count}"
            f" are ({'; '.join(bad.reason for bad in quarantine[:3])}); repair or remove them"
        )
