"""The texts of a corpus as rows of ids, in memory or, where they are many, in a memory-mapped file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import torch
from torch import Tensor

from vaekit.data.cache import replace_file
from vaekit.data.rows import Array, rows_per_chunk
from vaekit.data.text_schema import CHUNK
from vaekit.data.tokenizers import Codec, pad_rows
from vaekit.distributions.tokens import PAD, UNK

__all__ = ["Encoded", "encode_texts", "ids_dtype", "map_ids", "text_lengths"]


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

    def stored(self, length: int, path: Path | None) -> Tensor:
        """Return the texts as rows of `length` ids, shape (N, T), int16 or int32; in memory, or written to `path` and mapped.

        Raises:
            OSError: If the disk is full, for example; nothing is left behind then.
        """
        dtype = ids_dtype(len(self.seen))
        if path is None:
            return torch.from_numpy(np.concatenate([rows.astype(dtype) for rows in self._rows(length)]))
        with replace_file(path) as temporary, temporary.open("wb") as stream:
            for rows in self._rows(length):
                stream.write(rows.astype(dtype).tobytes())
        return map_ids(path, (len(self.lengths), length), len(self.seen))

    def _rows(self, length: int) -> Iterator[Array]:
        ends = np.concatenate([[0], np.cumsum(self.lengths)])
        for start in range(0, len(self.lengths), CHUNK):
            stop = min(start + CHUNK, len(self.lengths))
            yield pad_rows(self.flat[ends[start] : ends[stop]], self.lengths[start:stop], length)


def encode_texts(codec: Codec, texts: Iterable[str], place: Path | None = None) -> Encoded:
    """Encode texts, a few thousand at a time.

    Args:
        codec: The tokenizer.
        texts: The texts, which are read once.
        place: A folder for the ids, where they do not belong into memory.
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


def ids_dtype(vocabulary: int) -> type[np.signedinteger]:
    """Return the smallest type that ids below `vocabulary` are stored in."""
    return np.int16 if vocabulary < 2**15 else np.int32


def map_ids(path: Path, shape: tuple[int, int], vocabulary: int) -> Tensor:
    """Map stored rows into memory, shape (N, T)."""
    # Copy-on-write, because torch warns about memory that it must not write to.
    return torch.from_numpy(np.memmap(path, dtype=ids_dtype(vocabulary), mode="c", shape=shape))


def text_lengths(values: Tensor) -> Tensor:
    """Return the length of each row of ids, with its end and without what fills it, shape (N,), int64.

    Args:
        values: Rows of ids, shape (N, T), of any integer type, in memory or memory-mapped.

    >>> text_lengths(torch.tensor([[7, 8, 2, 0], [7, 8, 9, 9]]))
    tensor([3, 4])
    """
    return torch.cat([(chunk != PAD).sum(1) for chunk in values.split(rows_per_chunk(values))])


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    stream = iter(texts)
    while chunk := list(islice(stream, CHUNK)):
        yield chunk
