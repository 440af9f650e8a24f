"""Odd delimited files, each read as a table and as texts: one reader, so the same cells, and the same sentences of errors."""

from __future__ import annotations

import gzip

import pytest
import torch

from vaekit.data import is_table, is_text, read_text, texts_to_dataset
from vaekit.data.delimited import reading
from vaekit.data.table.raw import ReadOptions
from vaekit.data.table.reading import read_raw
from vaekit.data.text_files import TextOptions
from vaekit.data.text_folder import open_text_file, read_text_folder

ROWS = [("1", "Grüße, Welt"), ("2", "a; b | c"), ("3", "two\nlines"), ("4", 'she said "no"'), ("5", "café")]


def written(delimiter=",", quote='"', end="\n", space="", rows=ROWS, header="id{}text"):
    """Return the rows as a file with every text in quotes."""
    lines = [header.format(delimiter)] if header else []
    lines += [f"{i}{delimiter}{space}{quote}{text.replace(quote, 2 * quote)}{quote}" for i, text in rows]
    return end.join(lines) + end


FILES = {
    "comma": ("a.csv", written(), {}),
    "semicolon": ("a.csv", written(";"), {}),
    "tab": ("a.tsv", written("\t"), {}),
    "tabs in a csv": ("a.csv", written("\t"), {}),
    "pipe": ("a.csv", written("|"), {}),
    "colon, as said": ("a.csv", written(":"), {"delimiter": ":"}),
    "the name of a delimiter": ("a.csv", written("\t"), {"delimiter": "tab"}),
    "single quotes": ("a.csv", written(";", quote="'"), {}),
    "space before quotes": ("a.csv", written(space=" "), {}),
    "windows": ("a.csv", written(end="\r\n"), {}),
    "empty lines": ("a.csv", written(end="\n\n"), {}),
    "no end of the last line": ("a.csv", written()[:-1], {}),
    "no header": ("a.csv", written(header=""), {}),
    "no header, as said": ("a.csv", written(header=""), {"header": "no"}),
    "upper case": ("A.CSV", written(), {}),
    "utf-8 with a mark": ("a.csv", written().encode("utf-8-sig"), {}),
    "utf-16": ("a.tsv", written("\t").encode("utf-16"), {}),
    "utf-16 without a mark": ("a.csv", written(";").encode("utf-16-le"), {}),
    "utf-32": ("a.csv", written().encode("utf-32"), {}),
    "latin-1": ("a.csv", written(";").encode("latin-1"), {}),
    "another encoding, as said": ("a.csv", written(";").encode("cp500"), {"encoding": "cp500"}),
    "gzip": ("a.csv.gz", gzip.compress(written().encode()), {}),
    "gzip of tabs in latin-1": ("a.tsv.gz", gzip.compress(written("\t").encode("latin-1")), {}),
    "spaces and utf-16": ("a.csv", written(";", space=" ").encode("utf-16"), {}),
}

BAD = {
    "ragged": ("a.csv", "id,text\n1,x\n\n2,y,z\n", "all lines of a.csv must have 2 cells as its first, but line 4 has 3;"),
    "ragged tabs": ("a.tsv", "id\ttext\n1\tx\n2\n", "all lines of a.tsv must have 2 cells as its first, but line 3 has 1;"),
    "names": ("a.csv", "text;text\nx;1\n", "must have different names, but columns 1 and 2 are called 'text'; rename one"),
    "empty": ("a.csv", "", "a.csv must hold a table, but is empty; give another file"),
    "header": ("a.csv", "id,text\n", "must have rows, but has nothing below its header (id, text); give a table with rows"),
    "binary": ("a.csv", b"id,text\n1,\0\n", "a.csv must hold text, but byte 10 (line 2) is 0, as in binary files"),
    "excel": ("a.csv", b"PK\x03\x04", "a.csv must be a CSV, but is a zip archive or an Excel file; save the table as CSV"),
    "quotes": ("a.csv", 'id,text\n1,"x\n2,y\n', "the quotes of a.csv must be closed, but the one before 'x' is not;"),
    "gzip": ("a.csv.gz", gzip.compress(written().encode())[:-9], "a.csv.gz must be a file of gzip, but is damaged"),
    "no gzip": ("a.tsv.gz", written(), "a.tsv.gz must be a file of gzip, but is damaged"),
}  # fmt: skip


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / name

    return write


@pytest.mark.parametrize("key", FILES)
def test_a_table_and_texts_have_the_same_cells(write, key):
    name, content, options = FILES[key]
    path = write(name, content)
    table = read_raw(path, ReadOptions(**options)).table
    first, second = ("id", "text") if "header" not in key or "no" not in key else ("c0", "c1")
    assert table.to_pydict() == {first: [1, 2, 3, 4, 5], second: [text for _, text in ROWS]}
    file = open_text_file(path, TextOptions(column=second, label=first, **options))
    assert [(entry.label, entry.text) for entry in file.read()] == ROWS
    assert list(file.read()) == list(file.read())


@pytest.mark.parametrize("key", FILES)
def test_the_door_of_texts_takes_them(write, key):
    name, content, options = FILES[key]
    data = read_text(write(name, content), label=None, tokenizer="char", **options)
    expected = texts_to_dataset([text for _, text in ROWS], tokenizer="char")
    assert torch.equal(data.values, expected.values)


@pytest.mark.parametrize("key", BAD)
def test_bad_files_are_told_in_the_same_sentence(write, key):
    name, content, said = BAD[key]
    path = write(name, content)
    for door in (read_raw, read_text):
        with pytest.raises(ValueError) as error:
            door(path)
        assert said in str(error.value) and "\n" not in str(error.value), door


def test_what_was_found_is_told_of_texts_too(write):
    data = read_text(write("a.csv", written(";").encode("latin-1")))
    assert data.notes[:2] == (
        "a semicolon separates the cells",
        "line 2 is not UTF-8: the encoding is taken to be cp1252 (encoding=... changes that)",
    )


def test_a_wrong_encoding_is_one_sentence(write):
    with pytest.raises(ValueError, match=r"a\.csv must be a CSV, but cannot be read \(it is not ascii"):
        read_text(write("a.csv", written()), encoding="ascii")
    with pytest.raises(ValueError, match=r"a\.txt must be text in ascii, but is not \(.*\); give its encoding="):
        read_text(write("a.txt", "ä\nö\n"), encoding="ascii")


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.csv.gz", "a.tsv.gz"])
@pytest.mark.parametrize(("header", "texts"), [("id{}text", True), ("id{}title", False), ("name{}kind", True)])
def test_every_ending_is_texts_by_the_same_rule(write, name, header, texts):
    content = written("\t" if "tsv" in name else ",", header=header).encode()
    path = write(name, gzip.compress(content) if name.endswith(".gz") else content)
    assert (is_text(path), is_table(path)) == (texts, not texts)


def test_parts_of_a_split_may_be_tables_of_any_kind(write, tmp_path):
    rows = [(str(i), f"text number {i}, of many") for i in range(30)]
    write("train.tsv.gz", gzip.compress(written("\t", rows=rows).encode()))
    write("dev.csv", written(";", rows=rows[:3]).encode("utf-16"))
    write("test.txt", "a line\nanother")
    assert is_text(tmp_path) and not is_table(tmp_path)
    data = read_text(tmp_path, tokenizer="word")
    assert [len(data.part(part)) for part in ("train", "validation", "test")] == [30, 3, 2]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig", "utf-32"])
def test_lines_and_documents_have_their_encodings_found_as_well(write, tmp_path, encoding):
    lines = ["Grüße", "café", "naïve"]
    file = open_text_file(write("a.txt", "\r\n".join(lines).encode(encoding)), TextOptions())
    assert [entry.text for entry in file.read()] == lines
    (tmp_path / "d").mkdir()
    for place, line in enumerate(lines):
        (tmp_path / "d" / f"{place}.txt").write_bytes(line.encode(encoding if place else "utf-8"))
    corpus = read_text_folder(tmp_path / "d", TextOptions())
    assert [entry.text for entry in corpus.read()] == lines
    foreign = f"2 of 3 texts are not in UTF-8: 1.txt ({encoding}), 2.txt ({encoding}) (encoding= changes that)"
    assert (foreign in corpus.notes) == (encoding != "utf-8-sig")


def test_texts_are_read_a_block_at_a_time(write, monkeypatch):
    rows = [(str(i), f"text number {i}\nof many") for i in range(500)]
    for space in ("", " "):
        path = write("a.csv", written(rows=rows, space=space))
        with monkeypatch.context() as patch:
            patch.setattr(reading, "BLOCK", 1000)
            layout = reading.find_layout(path, TextOptions())
            batches = list(reading.stream_strings(layout, ["text"]))
        assert len(batches) > 10
        assert [text for batch in batches for text in batch.column("text").to_pylist()] == [text for _, text in rows]


def test_a_text_longer_than_pythons_reader_takes(write):
    rows = [("1", "a" * 300_000), ("2", "b"), ("3", "c")]
    file = open_text_file(write("a.csv", written(rows=rows)), TextOptions())
    assert [entry.text for entry in file.read()] == [text for _, text in rows]
