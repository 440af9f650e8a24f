"""From a corpus to a data set: choose and train the tokenizer, encode the texts as rows, and describe them in notes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal, TypeAlias, cast, get_args

import numpy as np
import torch
from torch import Tensor

from vaekit.data.cache import cache_folder, content_key, load_entry, writable_folder, write_facts, write_values
from vaekit.data.corpus import LARGE, Corpus, Survey, survey_corpus
from vaekit.data.dataset import TRAIN, Dataset
from vaekit.data.foreign import refuse_beyond_memory, user_path
from vaekit.data.rows import Array
from vaekit.data.text_schema import Encoded, TextSchema, encode_texts
from vaekit.data.tokenizer_files import definition_from_file
from vaekit.data.tokenizers import BYTES, SPECIALS, Codec, Kind, Trained, codec_of, train_definition

__all__ = ["Reading", "Unknown", "encode_corpus", "percent"]

Unknown: TypeAlias = Literal["auto", "token", "bytes"]
"""What becomes of an unknown word or character: one token for all of them, or its bytes; auto looks how many there are."""

MANY_UNKNOWN = 0.01
"""The share of unknown tokens in held-out texts above which unknown words are spelled by default."""

PROBED = 1000
"""Texts that are encoded and decoded to see how many come back."""

LONGEST = 512
"""The largest length that is chosen by default."""

VOCABULARY: dict[Trained, int | None] = {"word": 10_000, "char": None, "bpe": 8_000}

FEW_WORDS, LONG_WORDS = 2, 20
"""Texts of so few words are names, and words of so many characters are not words: both become characters."""

_SPELLED = "more than 1 %, so unknown words are spelled by their bytes, and every text has a probability of its own"

UNITS: dict[Kind, str] = {"word": "words", "char": "characters", "bpe": "pieces of words", "file": "tokens"}

COMPRESSION = 16
"""Files that are this much smaller than a large corpus cannot hold one."""


@dataclass(frozen=True)
class Reading:
    """How texts become ids.

    Args:
        tokenizer: "word", "char", "bpe", "auto", or the path of a tokenizer.json.
        vocabulary: The largest number of ids, with the four special ones; None for 10,000 words, 8,000 pieces, every character.
        length: The width of a row; None for the longest text of the training part and its end, 512 at most.
        lowercase: Whether texts are lower-cased; None lower-cases them if tokens are words.
        unk: What becomes of unknown words or characters.
        schema: The schema of a model, which then decides everything else.
    """

    tokenizer: str = "auto"
    vocabulary: int | None = None
    length: int | None = None
    lowercase: bool | None = None
    unk: Unknown = "auto"
    schema: TextSchema | None = None

    def __post_init__(self) -> None:
        if self.length is not None and self.length < 1:
            raise ValueError(f"length must be at least 1, but is {self.length}; give a positive number of tokens")
        if self._is_file and not self._path.is_file():
            raise ValueError(
                f"tokenizer must be auto, {', '.join(get_args(Trained))} or the path of a tokenizer.json, but is"
                f" {self.tokenizer!r}, and no such file is there; give one of these"
            )
        if self.vocabulary is not None and self._is_file:
            raise ValueError(f"the vocabulary of {self.tokenizer} is that of the file; leave vocabulary out")
        if self.unk == "bytes" and (self._is_file or self.tokenizer == "bpe"):
            raise ValueError(f"unk=bytes is for words and characters, but tokenizer={self.tokenizer}; leave unk out")

    def tokenizer_of(self, found: Survey, *, spells: bool = False) -> tuple[Kind, str, bool]:
        """Return the tokenizer for a corpus: its kind, its definition, and whether it lower-cases.

        Args:
            found: The corpus.
            spells: Whether unknown words are spelled by their bytes.
        """
        if self.schema is not None:
            return self.schema.tokenizer, self.schema.definition, self.schema.lowercase
        if self._is_file:
            lowercase = bool(self.lowercase)
            return "file", definition_from_file(self._path, lowercase=lowercase), lowercase
        kind = _kind(found) if self.tokenizer == "auto" else cast(Trained, self.tokenizer)
        lowercase = kind == "word" if self.lowercase is None else self.lowercase
        usual = VOCABULARY[kind]
        usual = usual + len(BYTES) if usual and spells else usual
        vocabulary = usual if self.vocabulary is None else self.vocabulary
        definition = train_definition(kind, found.training(), vocabulary, lowercase=lowercase, spells=spells)
        return kind, definition, lowercase

    def should_spell(self, kind: Kind, unknown: float) -> bool:
        """Return whether unknown words are to be spelled by default, given their share in held-out texts."""
        has_room = self.vocabulary is None or self.vocabulary >= 2 * len(BYTES)
        return self.unk == "auto" and kind in ("word", "char") and unknown > MANY_UNKNOWN and has_room

    def key(self) -> str:
        """Return everything that the ids depend on, as a string."""
        if self.schema is not None:
            return self.schema.model_dump_json()
        content = self._path.read_bytes().hex() if self._is_file else self.tokenizer
        return f"{content} {self.vocabulary} {self.length} {self.lowercase} {self.unk}"

    @property
    def _path(self) -> Path:
        return user_path(self.tokenizer)

    @property
    def _is_file(self) -> bool:
        return self.tokenizer not in ("auto", *get_args(Trained))


def encode_corpus(corpus: Corpus, reading: Reading, source: str, columns: str = "") -> Dataset:
    """Make a data set of a corpus; a large one is encoded only if its content is not in the cache.

    Args:
        corpus: The texts.
        reading: How they become ids.
        source: What the user typed.
        columns: The options that chose the texts, as part of the key in the cache.

    Raises:
        ImportError: If the package tokenizers is missing.
        ValueError: If there is no text, or every token is the same.
    """
    key = _key(corpus, f"{columns} {reading.key()}")
    if key is None:
        return _encode(corpus, reading, source)
    folder = cache_folder()
    stored = load_entry(folder, key, TextSchema)
    if stored is not None:
        return replace(stored, source=source)
    with writable_folder(folder) as (place, notes):
        dataset = _encode(corpus, reading, source, place, key)
        return replace(dataset, notes=(*dataset.notes, *notes))


def _key(corpus: Corpus, options: str) -> str | None:
    """Return the key of a corpus in the cache; None if its files are too small for one."""
    if corpus.root is None:
        return None
    size = sum((corpus.root / name).stat().st_size for name in corpus.files)
    return content_key(corpus.root, corpus.files, f"text {options}") if size > LARGE / COMPRESSION else None


def _stored(encoded: Encoded, length: int, place: Path | None, key: str) -> Tensor:
    if place is None:
        needed = 2 * len(encoded.lengths) * length * np.dtype(encoded.dtype).itemsize
        refuse_beyond_memory(f"length={length:,} for {len(encoded.lengths):,} texts", needed, "take a smaller length=")
        return torch.from_numpy(np.concatenate(list(encoded.rows(length))))
    return write_values(place, key, encoded.rows(length), (length,), encoded.dtype)


def _encode(corpus: Corpus, reading: Reading, source: str, place: Path | None = None, key: str = "") -> Dataset:
    found = survey_corpus(corpus, source)
    place = place if found.characters > LARGE else None  # what is in memory anyway needs no file
    kind, definition, lowercase = reading.tokenizer_of(found, spells=reading.unk == "bytes" and reading.schema is None)
    codec = reading.schema.codec if reading.schema else codec_of(definition, kind)
    encoded = encode_texts(codec, found.texts(), place)
    unknown = _share(encoded, found.split.numpy() != TRAIN)
    reason: tuple[str, ...] = ()
    if reading.schema is None and reading.should_spell(kind, unknown):
        kind, definition, lowercase = reading.tokenizer_of(found, spells=True)
        encoded = encode_texts(codec_of(definition, kind), found.texts(), place)
        reason = (f"unk=bytes: {percent(unknown)} of the tokens in the held-out texts would be unknown, {_SPELLED}",)
    schema = reading.schema or TextSchema(
        tokenizer=kind,
        vocabulary=len(encoded.seen),
        length=reading.length or _length(found, encoded),
        definition=definition,
        lowercase=lowercase,
        classes=found.classes,
    )
    is_own = reading.schema is None
    if is_own:
        _check_tokens(schema, encoded, source)
    elif found.classes:
        schema = schema.replace(classes=found.classes)
    dataset = Dataset(
        values=_stored(encoded, schema.length, place, key),
        schema=schema,
        split=found.split,
        labels=found.labels,
        classes=found.classes,
        names=found.names,
        quarantine=corpus.quarantine,
        source=source,
        notes=(*corpus.notes, *reason, *_notes(found, encoded, schema, is_own=is_own)),
        numbers=found.numbers,
        texts=found.kept,
        lengths=torch.from_numpy(encoded.lengths + 1),
    )
    if place is not None:
        write_facts(place, key, dataset)
    return dataset


def _kind(found: Survey) -> Trained:
    characters = found.characters / len(found.split)
    return "char" if found.words <= FEW_WORDS or characters / found.words > LONG_WORDS else "word"


def _length(found: Survey, encoded: Encoded) -> int:
    return min(int(encoded.lengths[found.split.numpy() == TRAIN].max()) + 1, LONGEST)


def _check_tokens(schema: TextSchema, encoded: Encoded, source: str) -> None:
    tokens = np.flatnonzero(encoded.seen)
    if len(tokens) > 1:
        return
    only = f"is {schema.codec.names(tokens.tolist())[0]!r}" if len(tokens) else "is missing"
    raise ValueError(
        f"texts need at least two different tokens, but every token of {source} {only};"
        f" give other texts, or another tokenizer than {schema.tokenizer}"
    )


def _notes(found: Survey, encoded: Encoded, schema: TextSchema, *, is_own: bool) -> Iterator[str]:
    lengths, train = encoded.lengths, found.split.numpy() == TRAIN
    median, most = np.percentile(lengths, [50, 95], method="inverted_cdf")
    cut, unknown = int((lengths >= schema.length).sum()), _share(encoded, np.ones_like(train))
    lost = np.maximum(lengths - schema.length, 0).sum() / max(1, lengths.sum())
    unit, size, spells = UNITS[schema.tokenizer], schema.vocabulary - len(SPECIALS), schema.codec.spells
    if is_own:
        yield f"{len(lengths):,} texts hold {lengths.sum():,} tokens"
        yield f"the median text has {median:,} tokens, 95 % have at most {most:,}, the longest has {lengths.max():,}"
        known, new, bytes_ = 1 - _share(encoded, train), _share(encoded, ~train), " and 256 bytes" if spells else ""
        size -= len(BYTES) * spells
        yield f"the vocabulary of {size:,} {unit}{bytes_} covers {percent(known)} of the tokens in the training texts"
        are = "are bytes, which spell unknown ones" if spells else "are unknown"
        yield f"{percent(new)} of the tokens in the held-out texts {are}"
    elif unknown:
        are = "are bytes, which spell what is unknown to the model" if spells else "are unknown to the model"
        yield f"{percent(unknown)} of the tokens {are}"
    if cut:
        many = "1 text is" if cut == 1 else f"{cut:,} texts are"
        yield f"{many} longer than {schema.length - 1:,} tokens and the end, and cut: {percent(lost)} of all tokens are lost"
    yield from _returning(schema.codec, list(islice(found.texts(), PROBED)), is_own=is_own)
    if found.empty:
        yield f"{'1 empty text was' if found.empty == 1 else f'{found.empty:,} empty texts were'} left out"


def _returning(codec: Codec, texts: list[str], *, is_own: bool) -> Iterator[str]:
    """Yield a sentence about how many texts come back from their tokens as they were, if it says more of other texts."""
    flat, lengths = codec.encode(texts)
    again = codec.decode([row.tolist() for row in np.split(flat, np.cumsum(lengths)[:-1])])
    pairs = list(zip(texts, again, strict=True))
    exact = sum(text == other for text, other in pairs) / len(pairs)
    alike = sum("".join(text.lower().split()) == "".join(other.lower().split()) for text, other in pairs) / len(pairs)
    rest = "" if alike == exact else f", {percent(alike)} up to capitals and white space"
    if is_own or alike < 1:
        yield f"{percent(exact)} of {len(pairs):,} texts come back from their tokens as they were{rest}"


def _share(encoded: Encoded, rows: Array) -> float:
    return float(encoded.unknown[rows].sum() / max(1, encoded.lengths[rows].sum()))


def percent(share: float) -> str:
    """Return a share in %, rounded; only an exact 0 or 1 becomes 0 or 100 %.

    >>> percent(0.99999), percent(1.0), percent(0.012)
    ('99.99 %', '100 %', '1.2 %')
    """
    return f"{share * 100 if share in (0, 1) else min(max(share * 100, 0.01), 99.99):.4g} %"
