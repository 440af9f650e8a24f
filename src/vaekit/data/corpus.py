"""A corpus of texts that can be read again and again, and what the first reading finds.

Texts are read one at a time, so a corpus need not fit into memory; one that does is kept there after the first reading.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

from vaekit.data.dataset import TRAIN, Quarantined
from vaekit.data.labels import encode_labels
from vaekit.data.split import complete_split

__all__ = ["NO_PART", "Corpus", "Entry", "Label", "Survey", "survey_corpus", "without_surrogates"]

LARGE = 64 * 2**20
"""From this many characters on, a corpus is read again each time instead of kept in memory."""

NO_PART = -1

Label: TypeAlias = str | int


class Entry(NamedTuple):
    """A text, its label, its part of the split, and its file."""

    text: str
    label: Label | None = None
    part: int = NO_PART
    name: str = ""


@dataclass(frozen=True)
class Corpus:
    """Texts that can be read again and again.

    Args:
        read: Yields the entries, the same at each call.
        root: The folder of the files they come from, if they do.
        files: Those files, relative to it.
        quarantine: The files that could not be used.
        notes: Sentences about what was found.
        keep_empty: Whether a text of white space alone stays, because labels or a split count its row.
    """

    read: Callable[[], Iterator[Entry]]
    root: Path | None = None
    files: tuple[str, ...] = ()
    quarantine: tuple[Quarantined, ...] = ()
    notes: tuple[str, ...] = ()
    keep_empty: bool = False

    def entries(self) -> Iterator[Entry]:
        """Yield the entries, without empty ones unless they stay."""
        return (entry for entry in self.read() if self.keep_empty or entry.text.strip())


@dataclass(frozen=True, eq=False)
class Survey:
    """What the first reading of a corpus found.

    Args:
        corpus: The corpus, in memory unless it is large.
        split: The part of each text, shape (N,), int8.
        labels: The class of each text, shape (N,), int64.
        classes: The names of the classes.
        names: The file of each text, if each text has its own.
        empty: The number of empty texts, which were left out.
        numbers: The place of each text in its source, shape (N,), int64, where empty ones were left out.
        kept: The texts, if they are in memory.
        characters: The number of characters in all texts.
        words: The median number of words, by white space.
    """

    corpus: Corpus
    split: Tensor
    labels: Tensor | None
    classes: tuple[str, ...]
    names: tuple[str, ...]
    empty: int
    numbers: Tensor | None
    kept: tuple[str, ...]
    characters: int
    words: int

    def texts(self) -> Iterator[str]:
        """Yield the texts."""
        return (entry.text for entry in self.corpus.entries())

    def training(self) -> Iterator[str]:
        """Yield the texts of the training part."""
        return (text for text, code in zip(self.texts(), self.split.numpy(), strict=True) if code == TRAIN)


def without_surrogates(text: str) -> str:
    """Return a text without lone surrogates: Python and JSON allow these halves of characters, and no encoding does."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def survey_corpus(corpus: Corpus, source: str) -> Survey:
    """Read a corpus once, and split it.

    Without an official split, texts that differ in case or white space alone share a part. So no tokenizer turns a held-out
    text into one of the training part.

    Args:
        corpus: The texts.
        source: The name of the corpus in an error.

    Raises:
        ValueError: If there is no text, or only some have a label.
    """
    in_memory: list[Entry] | None = []
    found, empty = _Columns(), 0
    for number, entry in enumerate(corpus.read()):
        if not corpus.keep_empty and not entry.text.strip():
            empty += 1
            continue
        found.add(entry, number)
        if in_memory is not None:
            in_memory.append(entry)
            in_memory = None if found.characters > LARGE else in_memory
    if not found.parts:
        raise ValueError(
            f"a corpus needs texts, but {source} holds {f'nothing but {empty} empty ones' if empty else 'none'};"
            " give one with texts"
        )
    kept = () if in_memory is None else tuple(entry.text for entry in in_memory)
    if in_memory is not None:
        corpus = replace(corpus, read=lambda: iter(in_memory))
    return _surveyed(corpus, found, empty, source, kept)


class _Columns:
    """A few bytes about each text."""

    def __init__(self) -> None:
        self.places, self.parts, self.labels, self.words = bytearray(), array("b"), array("q"), array("q")
        self.numbers = array("q")
        self.classes: dict[Label, int] = {}
        self.names: list[str] = []
        self.characters = 0

    def add(self, entry: Entry, number: int) -> None:
        words = entry.text.split()
        self.numbers.append(number)
        self.words.append(len(words))
        self.characters += len(entry.text)
        self.places += blake2b("".join(words).lower().encode(), digest_size=8).digest()
        self.parts.append(entry.part)
        if entry.name:
            self.names.append(entry.name)
        if entry.label is not None:
            self.labels.append(self.classes.setdefault(entry.label, len(self.classes)))


def _surveyed(corpus: Corpus, found: _Columns, empty: int, source: str, kept: tuple[str, ...]) -> Survey:
    count = len(found.parts)
    places = torch.frombuffer(found.places, dtype=torch.uint8).reshape(count, 8)
    official = None if found.parts[0] == NO_PART else torch.tensor(found.parts, dtype=torch.int8)
    labels, classes = _labels(found, count, source)
    return Survey(
        corpus=corpus,
        split=complete_split(places, official),
        labels=labels,
        classes=classes,
        names=tuple(found.names),
        empty=empty,
        numbers=torch.from_numpy(np.asarray(found.numbers, dtype=np.int64)) if empty else None,
        kept=kept,
        characters=found.characters,
        words=int(np.percentile(found.words, 50, method="inverted_cdf")),
    )


def _labels(found: _Columns, count: int, source: str) -> tuple[Tensor | None, tuple[str, ...]]:
    if not found.labels:
        return None, ()
    if len(found.labels) != count:
        raise ValueError(
            f"each text needs a label, but {count - len(found.labels)} of {count} in {source} have none;"
            " fill them in, or leave label_column out"
        )
    index, classes = encode_labels(_as_integers(list(found.classes)), len(found.classes))
    return index[torch.from_numpy(np.asarray(found.labels, dtype=np.int64))], classes


def _as_integers(names: list[Label]) -> list[str] | list[int]:
    """Return the names as integers if all of them are, so that 10 comes after 9; else as strings."""
    words = [str(name) for name in names]
    return [int(word) for word in words] if all(re.fullmatch("0|-?[1-9][0-9]{0,17}", word) for word in words) else words
