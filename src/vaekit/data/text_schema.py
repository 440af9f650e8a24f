"""What texts look like to a model, and the ids of the texts of a corpus: in memory or, if they are many, in a temporary file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from vaekit.data.rows import Array, rows_per_chunk
from vaekit.data.schema import Schema
from vaekit.data.tokenizers import Codec, Kind, codec_of, pad_rows
from vaekit.distributions.tokens import BOS, EOS, PAD, UNK

__all__ = ["Encoded", "TextSchema", "encode_texts", "text_lengths"]

CHUNK = 4096
"""The number of texts that are encoded at a time."""


class TextSchema(Schema):
    """What texts look like; it travels with a model and is checked on new data.

    A text is a row of T ids: its tokens, the end, and then nothing (PAD); what begins a text (BOS) is not stored. A text of T
    tokens or more is cut and has no end: its row is the event "begins with", so the probabilities of all rows sum to one.
    """

    kind: Literal["text"] = "text"
    tokenizer: Kind
    """What a token is: a word or mark, a character, a piece of UTF-8, or whatever a file defines."""
    vocabulary: int = Field(gt=4)
    """The number V of ids, with the four special ones."""
    length: int = Field(gt=1)
    """The width T of a row: the largest number of tokens, with the end."""
    definition: str = Field(repr=False)
    """The tokenizer, as the library `tokenizers` writes it to a tokenizer.json."""
    lowercase: bool
    """Whether texts are lower-cased first."""

    @property
    def codec(self) -> Codec:
        """The tokenizer, parsed once."""
        return codec_of(self.definition, self.tokenizer, self.vocabulary)

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Return the rows of texts, shape (N, T), int32."""
        chunks = (texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK))
        rows = [pad_rows(*self.codec.encode(chunk), self.length) for chunk in chunks]
        return torch.from_numpy(np.concatenate([np.zeros((0, self.length), dtype=np.int32), *rows]))

    def decode(self, ids: Tensor) -> list[str]:
        """Return the texts of rows, each up to its end; what is unknown is shown as `<unk>`.

        Characters and bytes come back exactly; words in lower case where `lowercase` says so, with spaces as one writes them.
        Bytes that a model spells and that are no UTF-8 become U+FFFD.

        Args:
            ids: The rows, shape (N, T), of any integer type.
        """
        return self.codec.decode(list(_trimmed(ids)))

    def tokens(self, ids: Tensor) -> list[list[str]]:
        """Return the tokens of rows as the vocabulary writes them, each row up to its end.

        Args:
            ids: The rows, shape (N, T), of any integer type.
        """
        return [self.codec.names(row) for row in _trimmed(ids)]

    def check(self, other: Any) -> None:
        """Check that data described by `other` fit a model trained on data described by `self`.

        Everything that this schema encoded fits; ids of another tokenizer mean something else.

        Raises:
            ValueError: If the data are no texts, or their tokenizer or length differs; the sentence names the cure.
        """
        if not isinstance(other, TextSchema):
            raise ValueError(
                f"kind: the model expects text, the data are {getattr(other, 'kind', 'unknown')}; give texts"
            )
        if (other.tokenizer, other.definition) != (self.tokenizer, self.definition):
            raise ValueError(
                f"tokenizer: the model expects its own {self.vocabulary} {self.tokenizer} ids, the data have"
                f" {other.vocabulary} {other.tokenizer} ids of another; encode the texts with the model's schema"
            )
        if other.length > self.length:
            raise ValueError(
                f"length: the model expects rows of at most {self.length} tokens, the data have {other.length};"
                " encode the texts with the model's schema"
            )

    def brief(self) -> dict[str, Any]:
        """Return the fields without the definition, which can be long."""
        return self.model_dump(mode="json", exclude={"definition"})


def text_lengths(values: Tensor) -> Tensor:
    """Return the length of each row of ids, with its end and without what fills it, shape (N,), int64.

    Args:
        values: Rows of ids, shape (N, T), of any integer type, in memory or memory-mapped.

    >>> text_lengths(torch.tensor([[7, 8, 2, 0], [7, 8, 9, 9]]))
    tensor([3, 4])
    """
    return torch.cat([(chunk != PAD).sum(1) for chunk in values.split(rows_per_chunk(values))])


def _trimmed(ids: Tensor) -> Iterator[list[int]]:
    """Yield the tokens of each row: up to its end, without what begins and fills it."""
    for row in ids.detach().cpu().numpy():
        end = np.flatnonzero(row == EOS)[:1]
        kept: Array = row[: end[0]] if len(end) else row
        yield kept[(kept != PAD) & (kept != BOS)].tolist()


@dataclass(frozen=True, eq=False)
class Encoded:
    """The ids of N texts, one after another.

    Args:
        flat: The ids, shape (sum of lengths,), int32.
        lengths: The number of tokens of each text, shape (N,), int64.
        unknown: How many of them stand for what the vocabulary does not have, shape (N,), int64: unknown tokens and bytes
            that spell one.
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
            unknown.append(np.bincount(owner[(flat == UNK) | codec.is_spelling(flat)], minlength=len(chunk)))
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
