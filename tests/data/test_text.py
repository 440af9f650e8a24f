from __future__ import annotations

import gzip
import json
import random

import pytest
import torch

from vaekit.data import Batches, is_text, read_text, text_lengths, texts_to_dataset
from vaekit.data.tokenizers import SPECIALS, codec_of, train_definition


def unicode_texts(count=60, seed=0):
    draw = random.Random(seed)
    ranges = [(32, 127), (0xC0, 0x24F), (0x400, 0x4FF), (0x905, 0x939), (0x4E00, 0x4E80), (0x1F600, 0x1F640)]
    return [
        "".join(chr(draw.randrange(*draw.choice(ranges))) for _ in range(draw.randrange(1, 30))) for _ in range(count)
    ]


@pytest.mark.parametrize("tokenizer", ["char", "bpe"])
def test_characters_and_bytes_come_back_exactly(tokenizer):
    texts = [*unicode_texts(), "</s> <pad> <s>", " a\n b ", ""]
    schema = texts_to_dataset(texts, split=torch.zeros(len(texts)), tokenizer=tokenizer, length=200).schema
    definition = train_definition(tokenizer, texts, None, lowercase=False)
    schema = schema.replace(definition=definition, vocabulary=codec_of(definition, tokenizer).vocabulary)
    assert schema.decode(schema.encode(texts)) == texts


def test_words_come_back_up_to_white_space_and_are_read_alike_again():
    texts = ['she didn\'t say "no" .', "the dogs' tail: 1,000 well-known cats", *unicode_texts()]
    definition = train_definition("word", texts, None, lowercase=False)
    codec = codec_of(definition, "word")
    flat, lengths = codec.encode(texts)
    again = codec.decode([row.tolist() for row in torch.from_numpy(flat).split(lengths.tolist())])
    assert ["".join(text.split()) for text in again] == ["".join(text.split()) for text in texts]
    assert codec.encode(again)[0].tolist() == flat.tolist()


def test_no_text_reaches_the_first_three_ids():
    definition = train_definition("word", ["a <unk> b"] * 3, None, lowercase=True)
    assert list(json.loads(definition)["model"]["vocab"])[:4] == list(SPECIALS)
    assert codec_of(definition, "word").encode(["<pad> <s> </s> <unk> zz"])[0].min() >= 3


def test_a_row_ends_or_is_cut(tmp_path):
    data = texts_to_dataset(["ab", "abc", "abcd"], tokenizer="char", length=3, split=torch.zeros(3))
    assert [row.tolist().count(2) for row in data.values] == [1, 0, 0]
    assert data.values.dtype == torch.int16


def test_files_of_every_kind_hold_the_same_texts(tmp_path):
    lines = [f"line number {i} of the file" for i in range(30)]
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*lines, "", "  "]).encode())
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    (tmp_path / "c.csv").write_text("id,caption,y\n" + "".join(f"{i},{t},{i % 2}\n" for i, t in enumerate(lines)))
    rows = [json.dumps({"id": i, "caption": t, "y": i % 2}) for i, t in enumerate(lines)]
    (tmp_path / "d.jsonl").write_text("\n".join(rows))
    found = [read_text(str(path)) for path in sorted(tmp_path.iterdir())]
    assert len({data.fingerprint for data in found}) == 1
    labeled = read_text(str(tmp_path / "c.csv"), label="y")
    assert (labeled.classes, labeled.labels.tolist()) == (("0", "1"), [i % 2 for i in range(30)])
    with pytest.raises(ValueError, match="column must be one of id, caption, y"):
        read_text(str(tmp_path / "c.csv"), column="no")
    with pytest.raises(ValueError, match="'id' in c.csv is int64"):
        read_text(str(tmp_path / "c.csv"), column="id")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds none"),
        (b"a\n\0b", "byte 2 .line 2. is zero"),
        (b"ab\nc\xe9d", "byte 4 .line 2."),
        (b"aa\naa", "two different"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, content, said):
    (tmp_path / "x.txt").write_bytes(content)
    with pytest.raises(ValueError, match=said):
        read_text(str(tmp_path / "x.txt"))


def test_an_official_split_and_documents_in_classes(tmp_path):
    for name, count in (("train.txt", 40), ("dev.txt", 5), ("test.txt", 6)):
        (tmp_path / name).write_text("\n".join(f"{name} text number {i}" for i in range(count)))
    data = read_text(str(tmp_path))
    assert [len(data.part(part)) for part in ("train", "validation", "test")] == [40, 5, 6]
    for name in ("cat", "dog"):
        (tmp_path / "d" / name).mkdir(parents=True)
        (tmp_path / "d" / name / "1.txt").write_text(f"a {name} is\nan animal")
    assert is_text(str(tmp_path / "d")) and read_text(str(tmp_path / "d")).classes == ("cat", "dog")


def test_a_large_corpus_is_mapped_and_opened_again(tmp_path, monkeypatch, cache):
    for module in ("corpus", "text_cache"):
        monkeypatch.setattr(f"vaekit.data.{module}.LARGE", 100)
    (tmp_path / "x.txt").write_text("\n".join(f"some text {i % 7} and {i}" for i in range(200)))
    first, second = read_text(str(tmp_path / "x.txt")), read_text(str(tmp_path / "x.txt"))
    assert first.fingerprint == second.fingerprint and first.notes == second.notes
    assert sorted(path.suffix for path in cache.iterdir()) == [".ids", ".safetensors"]


def test_the_schema_of_a_model_reads_other_texts():
    data = texts_to_dataset(["a b c", "c b a", "a a b"] * 9, tokenizer="word")
    other = texts_to_dataset(["a z"], schema=data.schema)
    data.schema.check(other.schema)
    assert "50 % of the tokens are unknown" in " ".join(other.notes)
    with pytest.raises(ValueError, match="tokenizer: the model expects"):
        data.schema.check(texts_to_dataset(["x y z", "y"], tokenizer="word").schema)


def test_batches_by_length_draw_each_row_once_and_waste_little():
    values = torch.tril(torch.ones(64, 64, dtype=torch.int16))[torch.randperm(64)]
    batches = Batches(values, torch.arange(64), 8, 0, lengths=text_lengths(values))
    drawn = [batches.at(step) for step in range(8)]
    assert sorted(torch.cat(drawn).sum(1).tolist()) == list(range(1, 65))
    assert all(int(text_lengths(batch).max() - text_lengths(batch).min()) == 7 for batch in drawn)
