"""Tokenizers: unknown words that are spelled, and files whose tokenizers lack something."""

import json
from itertools import product

import numpy as np
import pytest
import tokenizers as library
import torch

import vaekit
from vaekit.data import texts_to_dataset
from vaekit.data.tokenizer_files import definition_from_file
from vaekit.data.tokenizers import codec_of
from vaekit.distributions.tokens import EOS, PAD, UNK

WORDS = ["a b", "b a", "a a", "b b", "a ab", "ab b a", "b", "a", "aab a", "b a b"] * 9


def strings(alphabet, length):
    """Return every string over an alphabet of at most so many characters."""
    return ["".join(letters) for size in range(1, length + 1) for letters in product(alphabet, repeat=size)]


def test_characters_and_bytes_are_a_likelihood_of_strings_as_they_are():
    """Every string has a row of its own, and comes back from it: also with characters that no training text has."""
    schema = texts_to_dataset(WORDS, tokenizer="char", unk="bytes", length=12).schema
    every = strings("ab ü\n", 4)
    rows = schema.encode(every)
    assert schema.decode(rows) == every
    assert len({tuple(row) for row in rows.tolist()}) == len(every)
    assert not (rows == UNK).any()


def test_words_and_bytes_are_a_likelihood_of_strings_in_their_normal_form():
    """Strings that differ by more than white space have rows of their own, unknown words one after another among them."""
    schema = texts_to_dataset(WORDS, tokenizer="word", unk="bytes", length=16).schema
    every = strings("abc .", 5)
    normal = dict(zip(every, schema.decode(schema.encode(every)), strict=True))
    assert all("".join(text.split()) == "".join(again.split()) for text, again in normal.items())
    forms = sorted(set(normal.values()))
    rows = schema.encode(forms)
    assert schema.decode(rows) == forms
    assert len({tuple(row) for row in rows.tolist()}) == len(forms) and not (rows == UNK).any()


@pytest.mark.parametrize("tokenizer", ["word", "char"])
def test_the_probability_of_all_strings_is_at_most_one(tokenizer):
    """A language model says the probability of a row exactly; most of it lies on strings of the letters it knows."""
    net = {"kind": "lstm", "embedding": 8, "hidden": 24}
    keys = {
        "tokenizer": tokenizer,
        "unk": "bytes",
        "length": 10,
        "net": net,
        "steps": 150,
        "ema": 0.8,
        "preset": "fast",
        "threads": 1,
    }
    model = vaekit.fit(WORDS, model="lm", lr=0.05, second_stage="none", **keys)
    every = strings("ab ", 6)
    forms = sorted(dict.fromkeys(model.schema.decode(model.schema.encode(every))))
    total = model.score(forms, samples=1).elbo.double().exp().sum().item()
    assert 0.2 < total <= 1 + 1e-6
    seen, new = model.score(["a b", "zq"], samples=1).elbo.tolist()
    assert np.isfinite(new) and new < seen


def test_unknown_words_are_spelled_by_default_where_they_are_many():
    many = [f"word{i} of many" for i in range(200)]
    data = texts_to_dataset(many, tokenizer="word")
    assert data.schema.codec.spells and not (data.values == UNK).any()
    assert any(note.startswith("unk=bytes: ") and "more than 1 %" in note for note in data.notes)
    assert any("of the tokens in the held-out texts are bytes" in note for note in data.notes)
    assert not texts_to_dataset(many, tokenizer="word", unk="token").schema.codec.spells
    assert not texts_to_dataset(
        [f"{'a' * (i % 9)} b {'c' * (i % 7)}" for i in range(200)], tokenizer="word"
    ).schema.codec.spells
    assert not texts_to_dataset(many, tokenizer="word", vocabulary=50).schema.codec.spells  # no room
    with pytest.raises(ValueError, match="unk=bytes is for words and characters, but tokenizer=bpe"):
        texts_to_dataset(many, tokenizer="bpe", unk="bytes")


def test_bytes_that_are_no_utf8_are_written_as_the_replacement_character():
    schema = texts_to_dataset(WORDS, tokenizer="char", unk="bytes", length=8).schema
    row = torch.tensor([[4 + 0xC3, 4 + 0xBC, 4 + 0xFF, 4 + 0xC3, EOS, PAD, PAD, PAD]])
    assert schema.decode(row) == ["ü\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"]
    schema.encode(schema.decode(row))[0].tolist()


def test_the_unknown_word_of_a_prepared_corpus_is_a_word():
    schema = texts_to_dataset(["the <unk> runs", "a <unk> sits"] * 9, tokenizer="word", unk="bytes", length=20).schema
    rows = schema.encode(["the <unk> flies <unk>"])
    assert schema.decode(rows) == ["the <unk> flies <unk>"] and (rows == UNK).sum() == 2


# --- files


def saved(tmp_path, tokenizer):
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    return path


def file_of(model, before, tmp_path, added=(), decoder=None):
    tokenizer = library.Tokenizer(model)
    tokenizer.pre_tokenizer = before
    if added:
        tokenizer.add_special_tokens(list(added))
    if decoder is not None:
        tokenizer.decoder = decoder
    return saved(tmp_path, tokenizer)


CONTROL = ["<pad>", "<s>", "</s>", "<unk>"]
SPACES = library.pre_tokenizers.WhitespaceSplit()


@pytest.mark.parametrize("added", [CONTROL, ["<pad>"], []], ids=["control first", "pad", "none"])
def test_control_tokens_in_a_text_are_text(tmp_path, added):
    words = {name: index for index, name in enumerate([*CONTROL, "a", "b"])}
    path = file_of(library.models.WordLevel(words, unk_token="<unk>"), SPACES, tmp_path, added)
    texts = ["a </s> b", "a <pad> b", "<s> a", "a b"]
    data = texts_to_dataset(texts * 9, tokenizer=str(path))
    rows = data.values[:4]
    lengths = torch.tensor([3, 3, 2, 2])
    assert (rows == EOS).sum(1).tolist() == [1] * 4
    assert torch.equal((rows != PAD).sum(1), lengths + 1)  # with the end: nothing ends or pads a text in its middle
    if added:
        assert data.schema.decode(rows) == texts


UNKNOWING = {
    "WordLevel": library.models.WordLevel({"a": 0, "b": 1}),
    "BPE": library.models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")]),
    "WordPiece": library.models.WordPiece({"a": 0, "##b": 1}),
    "Unigram": library.models.Unigram([("a", -1.0), ("b", -2.0)]),
}


@pytest.mark.parametrize("name", UNKNOWING)
def test_a_file_without_an_unknown_token_gets_one(tmp_path, name):
    """The library refuses a text with an unknown word, or drops what it does not know."""
    path = file_of(UNKNOWING[name], SPACES, tmp_path)
    data = texts_to_dataset(["a c", "ab a", "a"] * 9, tokenizer=str(path))
    assert (data.values[0] == UNK).sum() >= 1
    assert any("unknown" in note for note in data.notes)
    assert "<unk>" in data.schema.decode(data.values[:1])[0]


def test_a_file_without_a_decoder_gets_that_of_its_model(tmp_path):
    pieces = {"[UNK]": 0, "climb": 1, "##ing": 2, "he": 3}
    path = file_of(library.models.WordPiece(pieces, unk_token="[UNK]"), SPACES, tmp_path)
    data = texts_to_dataset(["he climbing", "climb he"] * 9, tokenizer=str(path))
    assert data.schema.decode(data.values[:2]) == ["he climbing", "climb he"]
    assert "100 % of 18 texts come back from their tokens as they were" in data.notes


def test_what_does_not_come_back_is_said(tmp_path):
    path = file_of(library.models.WordLevel({"[UNK]": 0, "a": 1, "b": 2}, unk_token="[UNK]"), SPACES, tmp_path)
    data = texts_to_dataset(["a b", "a  b", "a c", "b"] * 10, tokenizer=str(path))
    assert (
        "50 % of 40 texts come back from their tokens as they were, 75 % up to capitals and white space" in data.notes
    )


def test_a_model_of_an_earlier_version_keeps_its_ids(tmp_path):
    """It took the ids of such a file as they are; its control tokens in a text are unknown now, and no control."""
    words = {name: index for index, name in enumerate([*CONTROL, "a", "b"])}
    path = file_of(library.models.WordLevel(words, unk_token="<unk>"), SPACES, tmp_path, CONTROL)
    definition = definition_from_file(path)
    old, new = codec_of(definition, "file", 6), codec_of(definition, "file")
    assert old.encode(["a </s> b"])[0].tolist() == [4, UNK, 5]
    assert new.encode(["a </s> b"])[0].tolist() == [8, 6, 9] and new.vocabulary == 10
    assert json.loads(definition)["added_tokens"]


# --- rows and texts


def test_empty_rows_are_left_out_and_the_others_keep_their_place_and_their_words(tmp_path):
    from vaekit.data import read_text

    path = tmp_path / "some.txt"
    path.write_text("A Red  dog\n\n   \nno Dog .\n" + "one more\n" * 8)
    data = read_text(path, tokenizer="word")
    assert data.numbers[:3].tolist() == [0, 3, 4]
    assert data.texts[:2] == ("A Red  dog", "no Dog .")
    assert data.taken(torch.tensor([1])).texts == ("no Dog .",)
    cut = read_text(path, tokenizer="word", length=2, unk="token")
    assert any("of all tokens are lost" in note for note in cut.notes)
    assert cut.lengths[:2].tolist() == [4, 4]
