"""Crafted files and words: one sentence each, small memory, nothing for the terminal. All of them: benchmarks/rubbish."""

import gzip
import json
import os
import re
import struct
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vaekit.data.arrays import images_from_arrays
from vaekit.data.delimited import encoding
from vaekit.data.foreign import read_yaml, refuse_inflation
from vaekit.data.table.reading import frame_to_raw
from vaekit.errors import foreign_bytes
from vaekit.interfaces.cli.output import console
from vaekit.interfaces.runs.folder import RunFolder

from .conftest import vaekit

ESCAPE = "\x1b]0;x\x07\x1b[2J\x9b31m\u202e"
COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


@pytest.mark.parametrize("kind", ["complex64", "datetime64[s]", "timedelta64[s]", "U3", "V4"])
def test_arrays_of_no_numbers(tmp_path, kind):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((9, 8, 8), kind))
    assert "pixels must be integers or floats" in vaekit("inspect", path).sentence


@pytest.mark.parametrize("shape", ["(16, 8, 8", "(10**12, 8, 8), }", "(1000000000000, 8, 8), }", "(-1, 8, 8), }"])
def test_headers_of_numpy(tmp_path, shape):
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}\n".encode()
    path = tmp_path / "a.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + bytes(1024))
    assert "a.npy" in vaekit("inspect", path).sentence


@pytest.mark.parametrize(
    ("suffix", "new"),
    [("arrow", pa.ipc.new_file), ("arrow", pa.ipc.new_stream), ("feather", pa.ipc.new_file)],
)
def test_a_wrong_offset_of_arrow(tmp_path, suffix, new):
    table, sink = pa.table({"a": ["xxxx", "yyyy", "zzzz"] * 9, "b": list(range(27))}), pa.BufferOutputStream()
    with new(sink, table.schema) as writer:
        writer.write_table(table)
    content = bytearray(sink.getvalue())
    place = content.find(struct.pack("<4i", 0, 4, 8, 12))
    content[place + 8 : place + 12] = struct.pack("<i", 2**31 - 1)
    path = tmp_path / f"t.{suffix}"
    path.write_bytes(content)
    assert "cannot be read" in vaekit("inspect", path).sentence


def test_a_wrong_offset_in_memory():
    offsets = pa.py_buffer(np.array([0, 2**30, 8, 12], np.int32))
    column = pa.StringArray.from_buffers(3, offsets, pa.py_buffer(b"xxxxyyyyzzzz"))
    from vaekit.data.table.reading import frame_to_raw

    with pytest.raises(ValueError, match="is damaged"):
        frame_to_raw(pa.table({"a": column, "b": [1, 2, 3]}))


def test_a_bomb_is_refused_before_it_takes_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("vaekit.data.foreign._INFLATED", 2**20)
    monkeypatch.setattr(encoding, "CHUNK", 2**16)
    for name in ("a.txt.gz", "a.csv.gz", "a.jsonl.gz", "a-idx3-ubyte.gz"):
        head = b"\0\0\x08\x03" + struct.pack(">3I", 64, 512, 512) if "idx" in name else b"a,b\n"
        (tmp_path / name).write_bytes(gzip.compress(head + b"x" * 2**24))
        assert "times its size" in vaekit("inspect", tmp_path / name).sentence
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((64, 512, 512), np.uint8))
    assert "times its size" in vaekit("inspect", tmp_path / "a.npz").sentence


@pytest.mark.parametrize(
    "text",
    ["columns: !!set {a}", "a: &a [1]\nb: [*a, *a]", "&a [*a]", "!!python/object/apply:os.getpid []", "? [a]\n: 1"],
)
def test_yaml_is_plain(text):
    with pytest.raises(ValueError, match=r"aliases|constructor|unhashable"):
        read_yaml(text)


@pytest.mark.parametrize(
    "key", ["latent={}", "net={}", "lr={}", "latent=[&a [1], *a]", "threads=1000000", "latent=!!set {a}"]
)
def test_values_that_say_nothing_or_too_much(class_run, people_file, key):
    assert vaekit("inspect", people_file, key).sentence


def test_long_values_are_shortened(people_file):
    assert len(vaekit("inspect", people_file, f"latent=[{'x,' * 50_000}]").sentence) < 2200
    assert len(vaekit("inspect", people_file, f"{'x' * 50_000}=1").sentence) < 2200


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "f.csv")
    os.mkfifo(tmp_path / "f")
    for name in ("f.csv", "f"):
        assert "a pipe or a device" in vaekit("inspect", tmp_path / name).sentence


def test_no_home_and_no_such_user(people_file, tmp_path, monkeypatch):
    assert "there is no '~nosuchuser/x'" in vaekit("inspect", "~nosuchuser/x").sentence
    assert "it is empty" in vaekit("fit", "").err


def test_names_and_cells_do_nothing_to_a_terminal(tmp_path, capsys):
    path = tmp_path / f"{ESCAPE}.csv"
    path.write_text(f"{ESCAPE}a,b\n" + "".join(f"{ESCAPE}x{i % 3},{i}\n" for i in range(60)))
    for answer in (vaekit("inspect", path), vaekit("inspect", path, "--json"), vaekit("inspect", path, f"{ESCAPE}=1")):
        assert not COMMANDS.search((answer.out + answer.err).replace("\n", ""))
    console().print(ESCAPE)
    assert not COMMANDS.search(capsys.readouterr().out.replace("\n", ""))


def test_a_tokenizer_of_huge_ids(tmp_path):
    model = {"type": "WordLevel", "vocab": {"<unk>": 0, "the": 4_000_000_000}, "unk_token": "<unk>"}
    (tmp_path / "tok.json").write_text(json.dumps({"version": "1.0", "added_tokens": [], "model": model}))
    (tmp_path / "lines.txt").write_text("the cat\nthe dog\n" * 20)
    answer = vaekit("inspect", tmp_path / "lines.txt", f"tokenizer={tmp_path / 'tok.json'}")
    assert "its largest id is 4,000,000,000" in answer.sentence


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-"])
def test_closed_streams(closed):
    program = "from vaekit.interfaces.cli.entry import main; main()"
    code = subprocess.run(["sh", "-c", f'exec "$0" -c "$1" --version {closed}', sys.executable, program], check=False)
    assert code.returncode == 0


def test_whatever_a_reader_raises_names_the_file():
    with pytest.raises(ValueError, match=r"a\.csv cannot be read \(KeyError: 'x'\)"), foreign_bytes("a.csv"):
        raise KeyError("x")
    with pytest.raises(TypeError):  # data in memory are the caller's own
        images_from_arrays(np.zeros((2, 3, 3), complex))


def wrong_offset():
    """Return a column whose second string begins far outside of its buffer."""
    offsets = pa.py_buffer(np.array([0, 1, 2**30, 2], np.int32).tobytes())
    return pa.Array.from_buffers(pa.string(), 3, [None, offsets, pa.py_buffer(b"ab")])


@pytest.mark.parametrize("frame", [pa.table, dict])
def test_wrong_offsets_in_memory(frame):
    with pytest.raises(ValueError, match="the table is damaged"):
        frame_to_raw(frame({"word": wrong_offset(), "number": pa.array([1, 2, 3])}))


@pytest.mark.parametrize("columns", [{"a": 1, "b": 2}, {"text": "word"}])
def test_rows_of_one_value_without_an_end(tmp_path, monkeypatch, columns):
    monkeypatch.setattr("vaekit.data.foreign._INFLATED", 2**20)
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({name: 10**6 * [value] for name, value in columns.items()}), path)
    assert "t.parquet has 0.0 MiB and grows to" in vaekit("inspect", path).sentence


def test_sprites_are_no_bomb(tmp_path):
    refuse_inflation(tmp_path / "sprites.npz", 737_280 * 64 * 64, 26_000_000)


def test_pictures_are_not_written_through_a_link(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "plots").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="plots is a link"):
        _ = RunFolder(tmp_path).plots
