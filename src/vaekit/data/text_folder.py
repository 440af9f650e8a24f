"""A folder of texts: one file for each part of a split, with a text on each line; or one file for each text."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from vaekit.data.array_files import is_idx_folder
from vaekit.data.corpus import NO_PART, Corpus, Entry
from vaekit.data.dataset import TRAIN, Quarantined
from vaekit.data.delimited.encoding import Encoding, find_encoding
from vaekit.data.files import Layout, files_below, find_parts, has_images, read_layout
from vaekit.data.survey import attempts, check_share
from vaekit.data.text_files import TEXTS, TextOptions, read_lines, read_whole
from vaekit.data.text_tables import TABLES, open_table

__all__ = ["has_texts", "open_text_file", "read_text_folder"]


def has_texts(root: Path) -> bool:
    """Return whether a folder holds texts, and no image."""
    if is_idx_folder(root) or has_images(root):
        return False
    return TRAIN in _parts(root).values() or bool(_find_texts(root))


def read_text_folder(root: Path, options: TextOptions) -> Corpus:
    """Read a folder of texts.

    Files at its top whose names have the word train, or val, valid, validation, dev or test, are the parts of an official
    split. They have a text on each line, or are tables. In any other folder each .txt is a text, and folders are classes
    or parts.

    Args:
        root: The folder.
        options: How its files are read.

    Raises:
        ValueError: If there is no text, or too many files are unusable.
    """
    parts = _parts(root)
    names = _find_texts(root)
    if TRAIN in parts.values() and (len(set(parts.values())) > 1 or set(names) <= parts.keys()):
        left_out = sorted(set(names) - parts.keys())
        note = f"{len(left_out)} files beside the parts of the official split were left out: {', '.join(left_out[:3])}"
        files = {name: open_text_file(root / name, options) for name in parts}
        notes = dict.fromkeys(note for file in files.values() for note in file.notes)
        read = partial(_read_parts, files, parts)
        return Corpus(read, root, tuple(parts), notes=(*notes, *([note] if left_out else [])))
    if not names:
        raise ValueError(
            f"a folder of texts needs {' or '.join(TEXTS)}, or files called train and test, but {root} holds none;"
            " give another folder"
        )
    return _documents(root, read_layout(names), options)


def open_text_file(path: Path, options: TextOptions) -> Corpus:
    """Examine one file, whose texts are the column of a table, or its lines.

    Raises:
        ValueError: If the file is damaged, or does not have the columns; lines have no columns at all.
    """
    if path.name.lower().endswith(TABLES):
        return open_table(path, options)
    for name in options.of_tables:
        raise ValueError(
            f"a {name} needs a table ({', '.join(TABLES)}), but {path.name} has a text on each line; leave it out"
        )
    encoding = find_encoding(path, options.encoding)
    return Corpus(lambda: map(Entry, read_lines(path, encoding.name)), path.parent, (path.name,), notes=encoding.notes)


def _parts(root: Path) -> dict[str, int]:
    found = find_parts(root, (".txt", ".gz", *TABLES))
    return {path.name: part for path, part in sorted(found.items())}


def _find_texts(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in files_below(root) if path.name.lower().endswith(TEXTS))


def _read_parts(files: dict[str, Corpus], parts: dict[str, int]) -> Iterator[Entry]:
    for name, file in files.items():
        yield from (entry._replace(part=parts[name]) for entry in file.read())


def _documents(root: Path, layout: Layout, options: TextOptions) -> Corpus:
    examined = list(attempts(lambda name: _examine(root / name, options.encoding), layout.names))
    quarantine = [bad for bad in examined if isinstance(bad, Quarantined)]
    results = zip(layout.names, examined, strict=True)
    encodings = {name: result for name, result in results if isinstance(result, Encoding)}
    check_share(len(examined), quarantine, "texts")
    return Corpus(
        read=partial(_read_documents, root, layout, encodings),
        root=root,
        files=layout.names,
        quarantine=tuple(quarantine),
        notes=tuple(_document_notes(layout, encodings)),
    )


def _document_notes(layout: Layout, encodings: dict[str, Encoding]) -> Iterator[str]:
    yield from layout.notes("texts")
    foreign = [f"{name} ({encoding.name})" for name, encoding in encodings.items() if encoding.notes]
    if foreign:
        yield f"{len(foreign)} of {len(layout.names)} texts are not in UTF-8: {', '.join(foreign[:3])} (encoding= changes that)"


def _read_documents(root: Path, layout: Layout, encodings: dict[str, Encoding]) -> Iterator[Entry]:
    for row, name in enumerate(layout.names):
        if name in encodings:
            label = layout.labels[row] if layout.labels else None
            part = layout.split[row] if layout.split else NO_PART
            yield Entry(read_whole(root / name, encodings[name].name), label, part, name)


def _examine(path: Path, known: str | None) -> Encoding:
    """Return the encoding of a text that can be read."""
    encoding = find_encoding(path, known)
    read_whole(path, encoding.name)
    return encoding
