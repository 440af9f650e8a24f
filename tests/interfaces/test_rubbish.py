"""Crafted files and words: one sentence each, small memory, nothing for the terminal. All of them: benchmarks/rubbish."""

import gzip
import json
import math
import os
import re
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

import vaekit as vaekit_api
from vaekit.data.arrays import images_from_arrays
from vaekit.data.delimited import encoding
from vaekit.data.foreign import read_yaml, refuse_inflation
from vaekit.data.table.cells import arrow_type
from vaekit.data.table.reading import frame_to_raw
from vaekit.errors import foreign_bytes
from vaekit.interfaces.cli.output import console
from vaekit.interfaces.runs.folder import RunFolder
from vaekit.interfaces.runs.run import load
from vaekit.models import evaluating

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
    with pytest.raises(ValueError, match=r"t\.csv: a wrong cell"), foreign_bytes("data/t.csv"):
        raise ValueError("a wrong cell")
    with pytest.raises(ValueError, match=r"t\.csv cannot be read \(UnicodeDecodeError"), foreign_bytes("t.csv"):
        b"\xff".decode()
    with pytest.raises(ValueError, match="more than the memory"), foreign_bytes("t.csv"):
        raise RuntimeError("can't allocate memory")
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


@pytest.mark.parametrize("value", ["1e39", "nan", "inf", "-1e39", "1" + 40 * "0"])
def test_numbers_that_no_model_computes_with(class_run, classes, value):
    for words in (
        ("manipulate", class_run, classes, "--toward", "a=disc", "--strength", value),
        ("inspect", classes, f"lr={value}"),
    ):
        assert re.search("finite number|too large", vaekit(*words).sentence)


@pytest.mark.parametrize("name", ["", " ", "a\0b"])
def test_names_that_name_nothing(class_run, people_file, name):
    for words in (
        ("inspect", name),
        ("fit", people_file, "--out", name),
        ("evaluate", name),
        ("score", class_run, name, "--out", "o.csv"),
        ("interpolate", class_run, name, "1"),
        ("compare", class_run, name),
    ):
        answer = vaekit(*words)
        assert answer.code == 2
        assert "it is empty" in answer.err or "zero byte" in answer.err


@pytest.mark.parametrize("verb", ["inspect", "evaluate", "report"])
def test_a_name_that_is_too_long(verb):
    assert "too long" in vaekit(verb, 5000 * "x").sentence


def test_weights_that_overflow_are_said():
    with pytest.raises(ValueError, match="the model computes NaN or infinity"), evaluating(torch.nn.Linear(1, 1)):
        torch.multinomial(torch.tensor([math.nan, 1.0]), 1)


def test_a_saved_model_is_no_run(class_run):
    for verb in ("resume", "report", "diagnose", "fit-prior"):
        assert "holds a saved model, not a run" in vaekit(verb, class_run / "model").sentence
    assert vaekit("sample", class_run / "model", "-n", "2", "--json").code in (0, 2)


def test_a_line_of_metrics_of_another_shape_is_left_out(class_run, copy):
    run = load(copy(class_run))
    lines = [json.dumps(line | {"elbo": bad}) for line, bad in zip(run.history, ([1], {}, "x"), strict=True)]
    run.folder.metrics.write_text("\n".join(lines))
    assert run.history == []
    assert vaekit("diagnose", run.path).code == 0


@pytest.mark.parametrize(
    "keys",
    [
        ("size=6000x6000",),
        ("latent=16000000",),
        ("net=mlp", "net.residual=false", "net.widths=[4000000]"),
        ("objective=iwae", "objective.samples=1000000000"),
        ("prior=flow", "prior.transforms=1000000000"),
    ],
)
def test_what_no_memory_holds_is_refused_before_it_is_taken(classes, tmp_path, monkeypatch, keys):
    monkeypatch.setattr("vaekit.data.foreign.machine_memory", lambda: 1e9)
    monkeypatch.setattr("vaekit.training.memory.machine_memory", lambda: 1e9)
    said = vaekit("fit", np_file(tmp_path), *keys, "steps=1", "--out", tmp_path / "run").sentence
    assert "memory" in said or "less than or equal" in said
    assert not (tmp_path / "run").exists()


def np_file(folder):
    np.save(folder / "x.npy", np.random.default_rng(0).integers(0, 255, (40, 8, 8), dtype=np.uint8))
    return folder / "x.npy"


WRONG = (0, -1, 1.5, math.nan, "x", None, True, 10**12)
"""What is no count."""


@pytest.mark.parametrize("value", WRONG, ids=map(str, WRONG))
def test_counts_in_python(class_run, table_run, value):
    run = load(class_run)
    one = run.data.taken(torch.tensor([0]))
    calls = [
        lambda: run.sample(value),
        lambda: run.quality(value),
        lambda: run.evaluate(one, value),
        lambda: run.interpolate(one, one, value),
        lambda: run.traverse(one, value),
        lambda: run.sample(2, seed=value if value != 0 and value != 10**12 else -1),
        lambda: table_run.sample_given(value, {"target": "0"}),
        lambda: table_run.impute(draws=value if value != 0 else -1),
    ]
    if value is not None and value != 10**12:
        calls += [lambda: run.encode(one, value), lambda: run.reconstruct(one, value)]
    for call in calls:
        with pytest.raises(ValueError, match=r"must be|needs .* of memory"):
            call()


@pytest.mark.parametrize("codes", [None, "x", torch.full((2, 2), math.nan), torch.zeros(2), torch.zeros(2, 9), 1j])
def test_codes_in_python(class_run, codes):
    run = load(class_run)
    for call in (lambda: run.decode(codes), lambda: run.decode(torch.zeros(2, 2), codes)):
        with pytest.raises(ValueError, match=r"code|context"):
            call()


@pytest.mark.parametrize("data", [None, 0, 1.5, object(), {}, [], [None], {"a": 1}, np.zeros(3), "", "\0", 5000 * "x"])
def test_data_in_python(class_run, people_run, data):
    for run in (load(class_run), load(people_run)):
        for call in (run.encode, run.score, run.reconstruct, vaekit_api.fit):
            if data is not None or call == vaekit_api.fit:
                with pytest.raises((ValueError, FileNotFoundError)):
                    call(data)


@pytest.mark.parametrize("folder", [None, 1, "", " ", b"x", "nowhere", 5000 * "x"])
def test_folders_in_python(folder):
    for call in (vaekit_api.load, vaekit_api.resume, vaekit_api.fit_prior, vaekit_api.TrainedModel.load):
        with pytest.raises((ValueError, FileNotFoundError)):
            call(folder)


@pytest.mark.parametrize(
    "given",
    [{"preset": "quick"}, {"model": 3}, {"training": {}}, {"listener": 3}, {"latent": 0}, {"lr": 1e39}, {"out": ""}],
)
def test_settings_in_python(given):
    x = np.random.default_rng(0).integers(0, 255, (12, 8, 8), dtype=np.uint8)
    with pytest.raises(ValueError, match=re.escape(next(iter(given)).replace("out", "folder"))) as raised:
        vaekit_api.fit(x, **given)
    assert "\n" not in str(raised.value)


def test_a_listener_that_raises_keeps_the_run(tmp_path):
    def listener(progress, _batch):
        if progress.step == 2:
            raise KeyError("mine")

    x = np.random.default_rng(0).integers(0, 255, (40, 8, 8), dtype=np.uint8)
    training = vaekit_api.Training(steps=4, threads=1)
    with pytest.raises(KeyError, match="mine"):
        vaekit_api.fit(x, training=training, out=tmp_path / "run", latent=2, listener=listener)
    again = vaekit_api.resume(tmp_path / "run", data=x)
    whole = vaekit_api.fit(x, training=training, latent=2)
    assert torch.equal(again.sample(2), whole.sample(2))


def test_two_threads_fit_as_one_after_the_other():
    x = np.random.default_rng(0).integers(0, 255, (40, 8, 8), dtype=np.uint8)

    def fitted(seed):
        training = vaekit_api.Training(steps=3, threads=1, seed=seed)
        return vaekit_api.fit(x, training=training, latent=2, preset="fast").sample(2)

    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(fitted, (0, 1)))
    assert all(torch.equal(one, fitted(seed)) for seed, one in enumerate(together))


@pytest.mark.parametrize(
    "change", [{"split": {"train": 3}}, {"split": None}, {"source": 3}, {"notes": 5}, {"schema": 7}]
)
def test_what_a_run_says_of_its_data_is_damaged(class_run, copy, monkeypatch, change):
    run = copy(class_run)
    (run / "data.json").write_text(json.dumps({**json.loads((run / "data.json").read_text()), **change}))
    assert "data.json" in vaekit("report", run).sentence


@pytest.mark.parametrize("fingerprint", [["a"], None, 3])
def test_the_fingerprint_of_a_run_is_damaged(class_run, copy, fingerprint):
    run = copy(class_run)
    (run / "split.json").write_text(json.dumps({"fingerprint": fingerprint}))
    for words in (("compare", run, run), ("report", run), ("resume", run)):
        assert "split.json is damaged" in vaekit(*words).sentence


def test_a_type_of_cells_that_nobody_knows():
    with pytest.raises(ValueError, match="'int4294967295' is no type of cells"):
        arrow_type("int4294967295")
