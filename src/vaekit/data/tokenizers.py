"""Texts to ids and back: tokenizers of words, characters or bytes, and those that come in a file.

A tokenizer is its definition, the text that the library `tokenizers` writes to a tokenizer.json; so it travels as a string,
and is parsed once. The first four ids of every vocabulary are ours (`vaekit.distributions.tokens`), and no text reaches
the first three. The ids of a tokenizer from a file are moved up by four; only its unknown token becomes ours.

A vocabulary of words or characters may hold the 256 bytes too. Then a word that it lacks is spelled by the bytes of its
UTF-8, with a space between two such words in a row, and no text has an unknown token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import Any, Literal, TypeAlias

import numpy as np

from vaekit.data.rows import Array
from vaekit.data.tokenizer_files import named_unknown
from vaekit.data.words import WORD, join_words
from vaekit.distributions.tokens import EOS, PAD, UNK

__all__ = ["BYTES", "SPECIALS", "Codec", "Kind", "Trained", "codec_of", "pad_rows", "train_definition"]

Trained: TypeAlias = Literal["word", "char", "bpe"]

Kind: TypeAlias = Literal["word", "char", "bpe", "file"]
"""Words and marks; characters; pieces of UTF-8 made by byte-pair encoding; the tokens of a file."""

SPECIALS = ("<pad>", "<s>", "</s>", "<unk>")
"""The names of the first four ids, in their order."""

BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
"""The names of the bytes in a vocabulary that spells with them, where they follow the first four ids."""
_SPACE = re.compile(r"(?:(?![\x1c-\x1f])\s)+")  # the separators of information are none to the library, but to Python

Ragged: TypeAlias = tuple[Array, Array]
"""The ids of N texts one after another, shape (sum of lengths,), int32, and the length of each text, shape (N,), int64."""


class Codec:
    """A parsed tokenizer: texts to ids, ids to texts.

    Args:
        definition: The text of a tokenizer.json.
        kind: How tokens are joined to a text.
        vocabulary: The number of ids, if it is known.

    Raises:
        ImportError: If the package tokenizers is missing.
        ValueError: If the definition is damaged.
    """

    def __init__(self, definition: str, kind: Kind, vocabulary: int | None = None) -> None:
        self._kind, self._tokenizer = kind, _parsed(definition)
        found = self._tokenizer.get_vocab(with_added_tokens=True)
        names = {index: name for name, index in found.items()}
        size = max(found.values(), default=-1) + 1
        # A definition of ours comes with its ids as they are, also by way of a file. The control tokens of another file are
        # found in texts, where they are text. Models of earlier versions took the ids of such a file as they are.
        ours = tuple(names.get(index) for index in range(4)) == SPECIALS
        is_ours = ours and (not json.loads(definition)["added_tokens"] or size == vocabulary)
        self._shift = 0 if is_ours else len(SPECIALS)
        self._unknown = named_unknown(json.loads(definition), found)
        self.vocabulary = self._shift + size
        self.spells = kind in ("word", "char") and found.get(BYTES[0]) == len(SPECIALS)
        """Whether an unknown word is spelled by its bytes."""
        self._names = {index + self._shift: name for index, name in names.items()}
        self._names |= dict(enumerate(SPECIALS))

    def encode(self, texts: Sequence[str]) -> Ragged:
        """Return the ids of texts, without special ones for the beginning, the end and the padding.

        Raises:
            ValueError: The tokenizer has no token for a text.
        """
        try:
            found = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
        except Exception as error:  # the library raises nothing more precise
            raise ValueError(f"the tokenizer cannot encode a text ({error}); give another tokenizer") from error
        if self.spells:
            found = [self._spelled(text) if UNK in ids else ids for text, ids in zip(texts, found, strict=True)]
        lengths = np.fromiter(map(len, found), dtype=np.int64, count=len(found))
        flat = np.fromiter(chain.from_iterable(found), dtype=np.int32, count=int(lengths.sum()))
        if self._shift and self._unknown is not None:
            return np.where(flat == self._unknown, UNK, flat + self._shift).astype(np.int32), lengths
        return np.where(flat + self._shift < UNK, UNK, flat + self._shift).astype(np.int32), lengths

    def is_spelling(self, flat: Array) -> Array:
        """Return which ids are bytes of unknown words."""
        return (flat >= len(SPECIALS)) & (flat < len(SPECIALS) + len(BYTES)) & self.spells

    def _spelled(self, text: str) -> list[int]:
        """Return the ids of a text, with unknown words spelled."""
        normalizer = self._tokenizer.normalizer
        text = text if normalizer is None else normalizer.normalize_str(text)
        found, ids, follows = self._tokenizer.encode(text, add_special_tokens=False), list[int](), False
        for index, (start, end) in zip(found.ids, found.offsets, strict=True):
            # <unk> in a text is a word like others, as prepared corpora have it.
            is_spelled = index == UNK and text[start:end] != SPECIALS[UNK]
            if is_spelled:
                gap = b" " if follows and self._kind == "word" else b""
                ids += (len(SPECIALS) + byte for byte in gap + text[start:end].encode())
            else:
                ids.append(index)
            follows = is_spelled
        return ids

    def names(self, row: Sequence[int]) -> list[str]:
        """Return the tokens of one row as the vocabulary writes them; an id without a token is unknown.

        Args:
            row: Ids as `encode` makes them.
        """
        return [self._names.get(index, SPECIALS[UNK]) for index in row]

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Return the texts of rows of ids; an unknown token is written `<unk>`, and bytes that are no UTF-8 as U+FFFD."""
        if self._kind == "word":
            return [join_words(self._words(row)) for row in rows]
        if self._kind == "char":
            return ["".join(self._words(row)) for row in rows]
        return [self._decode_pieces(row) for row in rows]

    def _words(self, row: Sequence[int]) -> Iterator[str]:
        """Yield the words or characters of a row; what bytes spell is put together."""
        marks = self.is_spelling(np.asarray(row)).tolist()
        for is_spelling, pairs in groupby(zip(marks, row, strict=True), itemgetter(0)):
            ids = [index for _, index in pairs]
            if not is_spelling:
                yield from self.names(ids)
                continue
            spelled = bytes(index - len(SPECIALS) for index in ids).decode(errors="replace")
            yield from filter(None, _SPACE.split(spelled)) if self._kind == "word" else spelled

    def _decode_pieces(self, row: Sequence[int]) -> str:
        if self._shift == 0:
            return self._tokenizer.decode(list(row), skip_special_tokens=False)
        theirs = [self._unknown if index == UNK else index - self._shift for index in row]
        text = self._tokenizer.decode(
            [index for index in theirs if index is not None and index >= 0], skip_special_tokens=False
        )
        name = None if self._unknown is None else self._tokenizer.id_to_token(self._unknown)
        return text.replace(name, SPECIALS[UNK]) if name else text


@lru_cache(maxsize=8)
def codec_of(definition: str, kind: Kind, vocabulary: int | None = None) -> Codec:
    """Return the tokenizer of a definition, parsed once."""
    return Codec(definition, kind, vocabulary)


def train_definition(
    kind: Trained, texts: Iterable[str], vocabulary: int | None, *, lowercase: bool, spells: bool = False
) -> str:
    """Learn a tokenizer from texts, which are read one at a time.

    Args:
        kind: Its tokens.
        texts: The texts of the training part.
        vocabulary: The largest number of ids, with the four special ones; None for all words or characters, or 8,000 pieces.
        lowercase: Whether texts are lower-cased first.
        spells: Whether unknown words or characters are spelled by their bytes. Then those that occur once are spelled too:
            so the model learns how often it meets new ones, and how they are spelled.

    Raises:
        ImportError: If the package tokenizers is missing.
        ValueError: If `vocabulary` has no room for a token, or for the 256 bytes.

    References:
        Sennrich, Haddow and Birch, 2016, Neural Machine Translation of Rare Words with Subword Units.
    """
    smallest = len(SPECIALS) + (len(BYTES) if kind == "bpe" or spells else 0) + (kind != "bpe")
    if vocabulary is not None and vocabulary < smallest:
        raise ValueError(
            f"vocabulary must be at least {smallest} for the tokenizer {kind}, four special tokens included, but is"
            f" {vocabulary}; give a larger one"
        )
    library = _library()
    if kind == "bpe":
        tokenizer, trainer = library.Tokenizer(library.models.BPE()), _piece_trainer(vocabulary or 8_000)
        tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = library.decoders.ByteLevel()
    else:
        tokenizer = library.Tokenizer(library.models.WordLevel(unk_token=SPECIALS[UNK]))
        trainer = library.trainers.WordLevelTrainer(show_progress=False, min_frequency=2 if spells else 0)
        pattern = library.Regex(WORD if kind == "word" else r"[\s\S]")
        tokenizer.pre_tokenizer = library.pre_tokenizers.Split(pattern, "removed", invert=True)
    if lowercase:
        tokenizer.normalizer = library.normalizers.Lowercase()
    tokenizer.train_from_iterator(iter(texts), trainer)
    if kind != "bpe":
        tokenizer.model = _commonest(tokenizer.get_vocab(), vocabulary, BYTES if spells else ())
    # An added token is found anywhere in a text: the four characters </s> would end it.
    return json.dumps({**json.loads(tokenizer.to_str()), "added_tokens": []}, ensure_ascii=False)


def pad_rows(flat: Array, lengths: Array, length: int) -> Array:
    """Write the ids of texts as rows: the tokens, the end, and padding; a text of `length` tokens or more has no end.

    Args:
        flat: The ids of all texts, one after another, shape (sum of lengths,).
        lengths: The number of tokens of each text, shape (N,).
        length: The width T of a row.

    Returns:
        The rows, shape (N, T), int32.

    >>> pad_rows(np.array([7, 8, 9, 9, 9]), np.array([2, 3]), 3)
    array([[7, 8, 2],
           [9, 9, 9]], dtype=int32)
    """
    rows = np.full((len(lengths), length), PAD, dtype=np.int32)
    place = np.arange(len(flat)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    rows[np.arange(length) < lengths[:, None]] = flat[place < length]
    short = np.flatnonzero(lengths < length)
    rows[short, lengths[short]] = EOS
    return rows


def _piece_trainer(vocabulary: int) -> Any:
    library = _library()
    return library.trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=list(SPECIALS),
        initial_alphabet=library.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )


def _commonest(known: dict[str, int], vocabulary: int | None, spelling: Sequence[str]) -> Any:
    """Return the model of the special tokens, the bytes and the commonest words, as many as the vocabulary has room for."""
    # The library gives special tokens a second id if a text contains them.
    words = (word for word in sorted(known, key=known.__getitem__) if word not in SPECIALS)
    ids = {name: index for index, name in enumerate(islice(chain(SPECIALS, spelling, words), vocabulary))}
    return _library().models.WordLevel(ids, unk_token=SPECIALS[UNK])


def _parsed(definition: str) -> Any:
    library = _library()
    try:
        return library.Tokenizer.from_str(definition)
    except Exception as error:  # the library raises nothing more precise
        raise ValueError(
            f"the definition of the tokenizer is damaged ({error}); take it from the model again"
        ) from error


def _library() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise ImportError("texts need the package tokenizers; install it with: pip install vaekit[text]") from error
    return tokenizers
