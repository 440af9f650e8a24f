from __future__ import annotations

import gzip
import json
import random
import sys
from hashlib import blake2b

import numpy as np
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
    with pytest.raises(ValueError, match=r"'id' in c\.csv is int64"):
        read_text(str(tmp_path / "c.csv"), column="id")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds none"),
        (b"a\n\0b", "byte 2 .line 2. is 0, as in binary files"),
        (b"PK\x03\x04", "x.txt must hold text, but is a zip archive or an Excel file; give a file of text"),
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
    for module in ("corpus", "text_encoding"):
        monkeypatch.setattr(f"vaekit.data.{module}.LARGE", 100)
    (tmp_path / "x.txt").write_text("\n".join(f"some text {i % 7} and {i}" for i in range(200)))
    first, second = read_text(str(tmp_path / "x.txt")), read_text(str(tmp_path / "x.txt"))
    assert first.fingerprint == second.fingerprint and first.notes == second.notes
    assert sorted(path.suffix for path in cache.iterdir()) == [".safetensors", ".values"]


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
    drawn = [batches.at(step).values for step in range(8)]
    assert sorted(torch.cat(drawn).sum(1).tolist()) == list(range(1, 65))
    assert all(int(text_lengths(batch).max() - text_lengths(batch).min()) == 7 for batch in drawn)


CAPTIONS = [f"caption number {i}" for i in range(30)]


def test_a_parquet_table_holds_the_texts_of_the_same_csv(tmp_path):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {"id": range(30), "caption": CAPTIONS, "y": [("odd", "even")[i % 2] for i in range(30)]}
    parquet.write_table(pyarrow.table({name: list(column) for name, column in columns.items()}), tmp_path / "a.parquet")
    rows = [f"{i},{text},{label}" for i, text, label in zip(*columns.values(), strict=True)]
    (tmp_path / "a.csv").write_text("\n".join(["id,caption,y", *rows]))
    one, other = (read_text(str(tmp_path / f"a.{suffix}"), label="y") for suffix in ("parquet", "csv"))
    assert one.fingerprint == other.fingerprint and one.classes == other.classes == ("even", "odd")
    assert torch.equal(one.values, other.values) and torch.equal(one.labels, other.labels)
    with pytest.raises(ValueError, match=r"column must be one of id, caption, y, the columns of a\.parquet"):
        read_text(str(tmp_path / "a.parquet"), column="text")
    with pytest.raises(ValueError, match=r"'id' in a\.parquet is int64; give one of caption, y"):
        read_text(str(tmp_path / "a.parquet"), column="id")


def test_categories_and_missing_texts_of_parquet_are_texts_and_empty(tmp_path):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    column = pyarrow.array([*CAPTIONS, None]).dictionary_encode()
    parquet.write_table(pyarrow.table({"text": column}), tmp_path / "a.parquet")
    data = read_text(str(tmp_path / "a.parquet"))
    assert len(data) == 30 and "1 empty text was left out" in data.notes


def test_a_tokenizer_of_ones_own_file(tmp_path):
    own = texts_to_dataset(CAPTIONS, tokenizer="word", unk="token")
    (tmp_path / "tokenizer.json").write_text(own.schema.definition)
    data = texts_to_dataset(CAPTIONS, tokenizer=str(tmp_path / "tokenizer.json"), lowercase=True)
    assert (data.schema.tokenizer, data.schema.vocabulary) == ("file", own.schema.vocabulary)
    assert torch.equal(data.values, own.values)
    assert data.schema.decode(data.values) == own.schema.decode(own.values)
    with pytest.raises(ValueError, match="is that of the file; leave vocabulary out"):
        texts_to_dataset(CAPTIONS, tokenizer=str(tmp_path / "tokenizer.json"), vocabulary=99)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match=r"tokenizer\.json"):
        texts_to_dataset(CAPTIONS, tokenizer=str(tmp_path / "tokenizer.json"))
    with pytest.raises(ValueError, match=r"tokenizer must be auto, word, char, bpe or the path of a tokenizer\.json"):
        texts_to_dataset(CAPTIONS, tokenizer="nowhere.json")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"text": "a"}\n\n{"text": ', "line 3 of x.jsonl must be JSON, but is not"),
        ('"a"\n', "line 1 of x.jsonl must be an object of JSON with columns, but is '\"a\"'"),
        ('{"text": "a"}\n{"text": ["b"]}\n', r"column 'text' of x.jsonl must hold text, but line 2 has \['b'\]"),
        ('{"a": "x", "b": "y"}\n', r"must have one column of text, .* but has a \(string\), b \(string\)"),
        ('{"a": 1, "b": 2.5, "c": {"d": 1}}\n', r"a \(int64\), b \(double\), c \(nested\)"),
    ],
)
def test_jsonl_that_holds_no_column_of_texts_names_the_line(tmp_path, content, said):
    (tmp_path / "x.jsonl").write_text(content)
    with pytest.raises(ValueError, match=said):
        read_text(str(tmp_path / "x.jsonl"))


def test_a_label_of_jsonl_that_is_no_label(tmp_path):
    rows = [{"text": text, "y": 1.5 if i == 4 else i % 2} for i, text in enumerate(CAPTIONS)]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(ValueError, match=r"a label must be a name or an integer, but line 5 of x\.jsonl has 1\.5"):
        read_text(str(tmp_path / "x.jsonl"), label="y")


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_labels_that_are_missing_are_counted(tmp_path, suffix):
    labels = ["", *["ab"[i % 2] for i in range(29)]]
    if suffix == "csv":
        content = "text,y\n" + "".join(f"{text},{label}\n" for text, label in zip(CAPTIONS, labels, strict=True))
    else:
        pairs = zip(CAPTIONS, labels, strict=True)
        content = "".join(json.dumps({"text": text, "y": label or None}) + "\n" for text, label in pairs)
    (tmp_path / f"x.{suffix}").write_text(content)
    with pytest.raises(ValueError, match="each text needs a label, but 1 of 30 in"):
        read_text(str(tmp_path / f"x.{suffix}"), label="y")
    assert len(read_text(str(tmp_path / f"x.{suffix}"), column="text")) == 30


@pytest.mark.parametrize("damage", [lambda whole: whole[:-12], lambda _: b"no gzip", lambda whole: whole[:20]])
def test_a_damaged_gzip_is_one_sentence(tmp_path, damage):
    (tmp_path / "x.txt.gz").write_bytes(damage(gzip.compress("\n".join(CAPTIONS).encode())))
    with pytest.raises(ValueError, match=r"x\.txt\.gz must be a file of gzip, but is damaged .*; fetch it again"):
        read_text(str(tmp_path / "x.txt.gz"))


def test_documents_that_are_no_text_are_set_aside_and_too_many_are_refused(tmp_path):
    for i in range(50):
        (tmp_path / f"{i:02}.txt").write_text(f"document number {i}")
    (tmp_path / "07.txt").write_bytes(b"caf\0")
    data = read_text(str(tmp_path))
    assert len(data) == 49 and len(data.names) == 49
    (bad,) = data.quarantine
    assert bad.name == "07.txt" and "byte 3 (line 1) is 0" in bad.reason
    for i in range(10):
        (tmp_path / f"{i:02}.txt").write_bytes(b"\0")
    with pytest.raises(ValueError, match="at most 5 % of the texts may be unusable, but 10 of 50 are"):
        read_text(str(tmp_path))


def test_the_columns_of_a_model_are_those_of_tables_alone(tmp_path):
    (tmp_path / "a.csv").write_text("title,body\n" + "".join(f"t{i},{text}\n" for i, text in enumerate(CAPTIONS)))
    (tmp_path / "b.txt").write_text("\n".join(CAPTIONS[:3]))
    data = read_text(str(tmp_path / "a.csv"), column="body")
    assert len(read_text(str(tmp_path / "b.txt"), column="body", schema=data.schema)) == 3
    with pytest.raises(ValueError, match=r"a column needs a table .*; leave it out"):
        read_text(str(tmp_path / "b.txt"), column="body")


def test_what_is_said_of_other_texts_is_what_is_lost_of_them():
    data = texts_to_dataset(CAPTIONS, tokenizer="char")
    assert texts_to_dataset(CAPTIONS[:4], schema=data.schema).notes == ()
    longer = texts_to_dataset(["caption number 3 " * 5, "caption"], schema=data.schema)
    assert longer.notes == ("1 text is longer than 17 tokens and the end, and cut: 72.83 % of all tokens are lost",)


def test_names_of_images_hold_no_texts():
    with pytest.raises(ValueError, match="texts are wanted, but digits are images; give a file or a folder of texts"):
        read_text("digits")
    with pytest.raises(FileNotFoundError, match="there is no 'names-dem'; did you mean names-demo"):
        read_text("names-dem")


@pytest.mark.parametrize(
    ("package", "source"), [("tokenizers", "x.txt"), ("pyarrow", "x.csv"), ("pyarrow.parquet", "x.parquet")]
)
def test_a_missing_package_is_named_with_the_way_to_get_it(tmp_path, monkeypatch, package, source):
    (tmp_path / source).write_text("text\n" + "\n".join(CAPTIONS))

    codec_of.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r"pip install vaekit\[text\]"):
        read_text(str(tmp_path / source), tokenizer="char")


def test_without_lengths_the_order_of_batches_is_as_it_was_before_there_were_any():
    """Written out once more: runs of images that were begun earlier must go on bit for bit."""
    batches = Batches(torch.arange(100), torch.arange(10, 95), 16, seed=7)
    for epoch in range(3):
        digest = blake2b(f"7/{epoch}".encode(), digest_size=8).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)
        rows = torch.arange(10, 95)[torch.randperm(85, generator=generator)]
        for place in range(5):
            assert torch.equal(batches.at(epoch * 5 + place).values, rows[place * 16 : (place + 1) * 16])


def test_lengths_must_be_one_for_each_datum():
    with pytest.raises(ValueError, match="lengths must have one entry for each of the 9 data, but has 3"):
        Batches(torch.arange(9), torch.arange(9), 2, 0, lengths=torch.ones(3))
    assert text_lengths(torch.from_numpy(np.array([[4, 5, 2, 0], [2, 0, 0, 0], [4, 4, 4, 4]]))).tolist() == [3, 1, 4]
