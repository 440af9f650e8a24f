"""The two corpora that text models are compared on, each a folder of train.txt, valid.txt and test.txt; and n-grams of them.

Names are short and of few characters; captions are sentences of many words. Both are split once and for all, so that
every job sees the same texts, whenever it runs.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vaekit.data import Dataset, TextSchema, read_text
from vaekit.evaluation import Nats, NGrams, perplexity

__all__ = ["CORPORA", "ORDERS", "Corpus", "counted"]

ORDERS = (2, 3, 4, 5)

_PARTS = {"train": "train", "valid": "val", "test": "test"}  # how the compressed files of each part begin
_VALIDATED = 1500  # names


@dataclass(frozen=True)
class Corpus:
    """A corpus, and what all jobs on it share.

    Args:
        title: What stands above its table.
        keys: What `vaekit fit` is given by every job.
        vocabulary: The number of tokens told apart; None for all.
        count: Test texts that are evaluated; None for all.
        split: Writes what the user has into a folder of parts.
    """

    title: str
    keys: tuple[str, ...]
    vocabulary: int | None
    count: int | None
    split: Callable[[Path], Mapping[str, Sequence[str]]]

    def folder(self, source: Path, out: Path) -> Path:
        """Return the folder of parts, written where it is not there yet; a source that is one is taken as it is.

        Raises:
            ValueError: The source does not hold what is needed.
        """
        if _is_split(source):
            return source
        if not _is_split(out):
            parts = self.split(source)
            out.mkdir(parents=True, exist_ok=True)
            for name, texts in parts.items():
                (out / f"{name}.txt").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        return out


def counted(folder: Path, corpus: Corpus) -> dict[str, Any]:
    """Return what interpolated Kneser-Ney n-grams of each order reach on the test texts, reading the models' own tokens."""
    data = read_text(folder, vocabulary=corpus.vocabulary, unk="token")
    assert isinstance(data.schema, TextSchema)
    training = _tokens(data, data.schema, data.part("train"))
    test = _tokens(data, data.schema, data.drawn("test", corpus.count))
    lengths = torch.tensor([len(text) + 1 for text in test])
    known = {token for text in training for token in text}
    found = {}
    for order in ORDERS:
        nats = -NGrams(order).fit(training, known).log_prob(test)
        found[str(order)] = {**vars(Nats.over(nats)), "perplexity": perplexity(nats, lengths).summary()}
    return {"n": len(test), "fingerprint": data.fingerprint[:12], "ngrams": found}


def _tokens(data: Dataset, schema: TextSchema, rows: torch.Tensor) -> list[list[str]]:
    return schema.tokens(data.values[rows])


def _is_split(folder: Path) -> bool:
    return all((folder / f"{name}.txt").is_file() for name in _PARTS)


def _split_names(source: Path) -> dict[str, list[str]]:
    """Return names in a random order: a tenth to test on, 1,500 to validate on."""
    if not source.is_file():
        raise ValueError(f"--names needs a file with a name on each line, or a folder of parts, but got {source}")
    names = [name for line in source.read_text(encoding="utf-8").splitlines() if (name := line.strip())]
    random.Random(0).shuffle(names)
    tested = len(names) // 10
    held_out = tested + _VALIDATED
    if held_out >= len(names):
        raise ValueError(f"--names needs {_VALIDATED * 2} names at least, but {source} holds {len(names)}; give more")
    return {"train": names[held_out:], "valid": names[tested:held_out], "test": names[:tested]}


def _gathered_captions(source: Path) -> dict[str, list[str]]:
    """Return the captions of the official parts, those of all files of a part together."""
    parts = {name: sorted(source.glob(f"{beginning}*.gz")) for name, beginning in _PARTS.items()}
    missing = [f"{_PARTS[name]}*.gz" for name, files in parts.items() if not files]
    if missing:
        raise ValueError(
            f"--captions needs a folder of train.txt, valid.txt and test.txt, or of compressed files, but {source} "
            f"has no {' and no '.join(missing)}"
        )
    return {name: [line for file in files for line in _lines(file)] for name, files in parts.items()}


def _lines(file: Path) -> list[str]:
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        return [text for line in stream if (text := line.strip())]


CORPORA = {
    "names": Corpus(
        title="First names by characters: 1,300 steps on one thread each",
        keys=("threads=1", "steps=1300"),
        vocabulary=None,
        count=None,
        split=_split_names,
    ),
    "captions": Corpus(
        title="Captions by words, vocabulary=5000: 2,500 steps each",
        keys=("vocabulary=5000", "unk=token", "steps=2500"),
        vocabulary=5000,
        count=1000,
        split=_gathered_captions,
    ),
}
