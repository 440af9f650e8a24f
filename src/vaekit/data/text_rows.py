"""The ids of the texts of a corpus, in memory or, if they are many, in a temporary file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from vaekit.data.rows import Array
from vaekit.data.text_schema import CHUNK
from vaekit.data.tokenizers import Codec, pad_rows
from vaekit.distributions.tokens import UNK

__all__ = ["Encoded", "encode_texts"]


@dataclass(frozen=True, eq=False)
class Encoded:
    """The ids of N texts, one after another.

    Args:
        flat: The ids, shape (sum of lengths,), int32.
        lengths: The number of tokens of each text, shape (N,), int64.
        unknown: How many of them the vocabulary does not have, shape (N,), int64.
        seen: Whether each id occurs, shape (V,).
    """

    flat: Array
    lengths: Array
    unknown: Array
    seen: Array

    def rows(self, length: int) -> Iterator[Array]:
        """Yield rows of `length` ids, int16 or int32, a few thousand at a time."""
        ends = np.concatenate([[0], np.cumsum(self.lengths)])
        for start in range(0, len(self.lengths), CHUNK):
            stop = min(start + CHUNK, len(self.lengths))
            yield pad_rows(self.flat[ends[start] : ends[stop]], self.lengths[start:stop], length).astype(self.dtype)

    @property
    def dtype(self) -> type[np.signedinteger]:
        """The smallest type that the ids are stored in."""
        return np.int16 if len(self.seen) < 2**15 else np.int32


def encode_texts(codec: Codec, texts: Iterable[str], place: Path | None = None) -> Encoded:
    """Encode texts, a few thousand at a time.

    Args:
        codec: The tokenizer.
        texts: The texts, which are read once.
        place: A folder for a temporary file of the ids; None keeps them in memory.
    """
    seen = np.zeros(codec.vocabulary, dtype=bool)
    lengths, unknown = [], []
    with BytesIO() if place is None else TemporaryFile(dir=place) as stream:
        for chunk in _chunks(texts):
            flat, found = codec.encode(chunk)
            owner = np.repeat(np.arange(len(chunk)), found)
            seen[flat] = True
            lengths.append(found)
            unknown.append(np.bincount(owner[flat == UNK], minlength=len(chunk)))
            stream.write(flat.tobytes())
        stream.flush()
        ids: Array
        if isinstance(stream, BytesIO):
            ids = np.frombuffer(stream.getvalue(), dtype=np.int32)
        else:
            ids = np.memmap(stream, dtype=np.int32, mode="r")
    return Encoded(ids, np.concatenate(lengths), np.concatenate(unknown), seen)


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    stream = iter(texts)
    while chunk := list(islice(stream, CHUNK)):
        yield chunk
