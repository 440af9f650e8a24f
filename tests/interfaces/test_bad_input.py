"""Whatever a user can mistype is answered by one sentence and exit code 2, never by a traceback."""

import random
import signal
import string
import sys

import numpy as np
import pytest

from .conftest import TINY, vaekit
from .shapes import plain_folder, shape

pytestmark = pytest.mark.usefixtures("no_report")

KEYS = {
    "latent": "expected key=value, got 'latent'",
    "=3": "expected key=value, got '=3'",
    "latnt=3": "unknown key 'latnt'; did you mean 'latent'?",
    "a.b=1": "unknown key 'a.b'",
    "latent.x=3": "unknown key 'latent.x'; did you mean 'latent'?",
    "source=x": "unknown key 'source'",
    "shape=[1,2,3]": "unknown key 'shape'",
    "latent=": "latent=: input should be a valid integer",
    "latent=0": "latent=0: input should be greater than or equal to 1",
    "latent=1.5": "latent=1.5: input should be a valid integer",
    "latent=abc": "latent=abc: input should be a valid integer",
    "latent=true": "latent=true is no int",
    "latent=[1]": "latent=[1]: input should be a valid integer",
    "latent=1" + 30 * "0": "is too large",
    "latent={": "the value of latent cannot be read",
    "batch=0": "batch=0: input should be greater than or equal to 1",
    "steps=0": "steps=0: input should be greater than or equal to 1",
    "lr=nan": "lr=nan: input should be a finite number",
    "lr=inf": "lr=inf: input should be a finite number",
    "lr=.inf": "lr=inf: input should be a finite number",
    "lr=0": "lr=0: input should be greater than 0",
    "lr=true": "lr=true is no float",
    "seed=-1": "seed=-1: input should be greater than or equal to 0",
    "seed=1" + 30 * "0": "is too large",
    "ema=1": "ema=1: input should be less than 1",
    "device=tpu": "device=tpu: input should be 'auto', 'cpu', 'cuda' or 'mps'",
    "compile=maybe": "compile=maybe: input should be a valid boolean",
    "time_limit=-3": "time_limit=-3: input should be greater than 0",
    "time_limit=soon": "a time is written like 90s, 10m or 1h30m, got 'soon'",
    "size=0x0": "size=0x0 must be at least 1x1",
    "size=99999x99999": "size=99999x99999 must be at least 1x1 and at most 64,000,000 pixels",
    "size=-3": "size=-3x-3 must be",
    "size=axb": "size is height x width, such as 64x48, got 'axb'",
    "size=8x": "size is height x width",
    "size=[8]": "size",
    "fit=stretch": "fit=stretch: input should be 'resize' or 'crop'",
    "net=": "net= names no part; it is one of mlp, conv",
    "net=3": "net=3 names no part",
    "net=[1]": "net=[1] names no part",
    "net=cnn": "net=cnn is not one of mlp, conv",
    "net.widths=[]": "net.widths=[]: list should have at least 1 item",
    "net.widths=8": "net.widths=8: input should be a valid list",
    "net.widths=[a]": "net.widths.0=a: input should be a valid integer",
    "net.widths=[-1]": "net.widths.0=-1: input should be greater than or equal to 1",
    "net.kernel=5": "net.kernel=5: input should be 3 or 4",
    "net.dropout=2": "net.dropout=2: input should be less than 1",
    "net=conv net.widths=[8,8,8,8,8,8,8,8]": "8 x 8 image allows 3 halvings",
    "net=conv net.dropout=0.1": "key 'net.dropout' does not belong to the part that was chosen",
    "net=mlp net.residual=true net.widths=[3,4]": "a residual MLP needs equal widths",
    "likelihood=bern": "did you mean 'bernoulli'?",
    "likelihood=null": "likelihood= names no part",
    "likelihood=bernoulli": "needs x in {0, 1} or likelihood.binarize=dynamic",
    "likelihood.levels=2": "likelihood.levels=2, but the pixels have 256 levels",
    "likelihood=gaussian likelihood.scale=fixed likelihood.scale.value=nan": "likelihood.scale.value=nan",
    "likelihood=gaussian likelihood.scale.bounds=[3,1]": "bounds must be (low, high) with low < high",
    "objective=": "objective= names no part",
    "objective=5": "objective=5 names no part",
    "objective.beta=-1": "objective.beta.value=-1: input should be greater than or equal to 0",
    "objective.beta=": "objective.beta= names no part",
    "objective.beta=curve": "objective.beta=curve is not one of constant, linear, cosine, cyclical",
    "objective.samples=0": "objective.samples=0: input should be greater than or equal to 1",
    "objective.free_bits=3": "did you mean 'objective.free_bits.",
}


@pytest.mark.parametrize("words", KEYS)
def test_a_key_that_cannot_be(classes, words):
    assert KEYS[words] in vaekit("fit", classes, "--dry-run", *words.split(" ")).sentence


@pytest.mark.parametrize(
    "words",
    ["epochs=1e9", "batch=100000", "lr=1e-3", "time_limit=10m", "size=", "net.widths=[100000,100000]"],
)
def test_a_key_that_is_merely_unusual(classes, words):
    assert vaekit("fit", classes, "--dry-run", words).code == 0


OPTIONS = {
    "--preset best-of-all": "--preset is one of fast, balanced, best, got 'best-of-all'",
    "--time-limit 0": "a time limit must be positive",
    "--time-limit abc": "a time is written like 90s, 10m or 1h30m, got 'abc'",
    "--time-limit -5m": "a time is written like",
    "--time-limit 1" + 400 * "0": "positive and finite",
    "--config nowhere.yaml": "nowhere.yaml: no such file",
    "--config .": "is a directory",
}


@pytest.mark.parametrize("words", OPTIONS)
def test_an_option_that_cannot_be(classes, words):
    assert OPTIONS[words] in vaekit("fit", classes, "--dry-run", *words.split(" ")).sentence


def test_data_that_cannot_be(tmp_path, odd):
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("a")
    plain_folder(tmp_path / "mixed", 4, "RGB")
    shape(9, 10, 10).save(tmp_path / "mixed" / "other.png")
    (tmp_path / "data.xyz").write_text("a")
    (tmp_path / "pickle.npy").write_bytes(b"\x80\x04cos\nsystem\n")
    np.save(tmp_path / "nan.npy", np.where(np.arange(640).reshape(10, 8, 8) == 70, np.nan, 1.0))
    for name, said in {
        "nowhere": "there is no",
        "empty": "holds nothing",
        "texts": "texts need at least two different tokens",
        "mixed": "images must have one size, but 2 sizes came: 9x12 (4), 10x10 (1); use size=9x12",
        "data.xyz": "no kind of data is recognized in",
        "pickle.npy": "pickle.npy must be a numpy file",
        "nan.npy": "1 of 10 images hold NaN or infinite values (rows 1)",
    }.items():
        assert said in vaekit("inspect", tmp_path / name).sentence, name
    assert "did you mean digits?" in vaekit("inspect", "digit").sentence
    assert "cannot be decoded" in vaekit("inspect", odd / "truncated.png").sentence
    assert "vaekit fit needs DATA" in vaekit("fit").sentence


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_data_are_refused_before_anything_is_written(tmp_path, count):
    folder = plain_folder(tmp_path / "few", count, "RGB")
    assert "needs three distinct data" in vaekit("fit", folder, *TINY, "--out", tmp_path / "run").sentence
    assert not (tmp_path / "run").exists()
    assert vaekit("inspect", folder).code == 0


@pytest.mark.parametrize("value", [np.float32(0.5), np.float32(-7), np.uint8(7)])
def test_a_single_distinct_value(tmp_path, value):
    np.save(tmp_path / "same.npy", np.full((40, 8, 8), value))
    assert "alike" in vaekit("fit", tmp_path / "same.npy", *TINY, "--out", tmp_path / "run").sentence
    assert vaekit("inspect", tmp_path / "same.npy").code == 0


def test_a_model_that_no_memory_holds_is_refused_before_the_system_ends_us(classes, tmp_path):
    words = ["net=mlp", "net.residual=false", "net.widths=[1000000,1000000]", "--out", tmp_path / "run"]
    assert "parameters needs" in vaekit("fit", classes, *words).sentence
    assert not (tmp_path / "run").exists()


def test_the_places_a_run_cannot_lie(classes, class_run, tmp_path):
    (tmp_path / "file").write_text("a")
    for out, said in {
        tmp_path / "file": "is a file; give a folder as --out",
        tmp_path / "file" / "run": "a part of that path is a file",
        class_run: "already holds a run; continue it with: vaekit resume",
        tmp_path / (300 * "x"): "is too long for the path of a file",
    }.items():
        assert said in vaekit("fit", classes, *TINY, "--out", out).sentence


def test_a_folder_that_is_no_run(tmp_path, classes):
    for words in (
        ("evaluate", tmp_path),
        ("resume", tmp_path / "nowhere"),
        ("sample", classes, "--out", tmp_path),
        ("compare", tmp_path),
        ("report", "digits"),
    ):
        assert (
            "is not a run folder: it has no config.json; give the --out folder of vaekit fit" in vaekit(*words).sentence
        )


def test_data_that_do_not_fit_the_model_name_the_field(class_run, odd, tmp_path):
    np.save(tmp_path / "grey.npy", np.zeros((4, 8, 8), dtype="uint8"))
    np.save(tmp_path / "deep.npy", np.arange(8 * 8 * 3 * 4, dtype="int16").reshape(4, 8, 8, 3))
    np.save(tmp_path / "real.npy", np.random.default_rng(0).random((4, 8, 8, 3)))
    for data, field in (
        (odd, "height"),
        (tmp_path / "grey.npy", "channels"),
        (tmp_path / "deep.npy", "levels"),
        (tmp_path / "real.npy", "levels"),
    ):
        assert vaekit("evaluate", class_run, data).sentence.startswith(f"error: {field}: the model expects")
    grey = plain_folder(tmp_path / "grey", 4, "L", (8, 8))
    assert "note: 4 of 4 images grey: expanded to RGB" in vaekit("evaluate", class_run, grey).err


def test_numbers_and_files_that_are_not_there(class_run, classes, tmp_path):
    (tmp_path / "file").write_text("a")
    for words, said in {
        ("interpolate", 0, 9999): "test data, numbered from 0; got 9999",
        ("interpolate", "a", "b"): "there is no 'a'",
        ("traverse", "x"): "there is no 'x'",
        ("interpolate", 0, 0, "--out", tmp_path): "--out must end in .png",
        ("interpolate", 0, 0, "--out", tmp_path / "a.txt"): "--out must end in .png, got 'a.txt'",
        ("interpolate", 0, 0, "--out", tmp_path / "file" / "a.png"): "a part of that path is a file",
        ("encode", classes, "--out", tmp_path / "a.txt"): "--out must end in .npz, .parquet, .csv, got 'a.txt'",
        ("encode", classes, "--out", tmp_path / "file" / "a.npz"): "a part of that path is a file",
        ("score", classes, "--out", tmp_path): "--out must end in",
        ("sample", "--out", tmp_path / "file"): "is a file; give a folder as --out",
        ("sample", "--out", tmp_path, "--temperature", "inf"): "temperature must be a finite number",
        ("manipulate", classes, "--toward", "=", "--out", tmp_path / "a.png"): "have no label ''",
        ("manipulate", classes, "--toward", "a=disc", "--strength", "nan"): "strength must be a finite number",
    }.items():
        assert said in vaekit(words[0], class_run, *words[1:]).sentence, words
    (tmp_path / "b.npz").mkdir()
    assert "is a folder; give a file" in vaekit("encode", class_run, classes, "--out", tmp_path / "b.npz").sentence


MISTYPED = {
    "sample RUN -n 0 --out x": "invalid value for '-n'",
    "sample RUN -n many --out x": "invalid value for '-n'",
    "encode RUN DATA": "missing option '--out'",
    "sample RUN --temperature -1 --out x": "invalid value for '--temperature'",
    "interpolate RUN 0 1 --steps 1": "invalid value for '--steps'",
    "fit DATA --seed -1": "invalid value for '--seed'",
    "fit DATA --sed 1": "no such option: --sed",
    "frobnicate": "no such command 'frobnicate'",
    "evaluate": "missing argument",
}


@pytest.mark.parametrize("line", MISTYPED)
def test_a_mistyped_line_is_answered_by_one_sentence_too(line, monkeypatch, capsys):
    from vaekit.interfaces.cli import main

    monkeypatch.setattr(sys, "argv", ["vaekit", *line.split(" ")])
    with pytest.raises(SystemExit) as stop:
        main()
    told = capsys.readouterr()
    assert (stop.value.code, told.out) == (2, "")
    assert told.err.startswith(f"error: {MISTYPED[line]}")
    assert told.err.endswith("--help\n")
    assert told.err.count("\n") == 1


def test_help_is_shown_where_no_verb_is_named(monkeypatch, capsys):
    from vaekit.interfaces.cli import main

    handler = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(sys, "argv", ["vaekit"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert signal.getsignal(signal.SIGINT) is handler
    told = capsys.readouterr()
    assert stop.value.code == 2
    assert "interpolate" in told.out
    assert "error" not in told.err


def words_of(rng):
    pool = [
        "0",
        "-1",
        "1e400",
        "nan",
        "",
        "=",
        "a=b",
        "latent=",
        "--out",
        "--json",
        "-n",
        "--seed",
        "--config",
        "digits",
        "\u00fc \u6f22",
    ]
    noise = "".join(rng.choices(string.printable.strip(), k=rng.randint(1, 12)))
    return [rng.choice([*pool, noise]) for _ in range(rng.randint(0, 4))]


def test_random_words_never_show_a_traceback(tmp_path, monkeypatch, class_run, classes):
    monkeypatch.chdir(tmp_path)
    rng = random.Random(0)
    verbs = [
        "inspect",
        "fit",
        "resume",
        "evaluate",
        "sample",
        "reconstruct",
        "interpolate",
        "traverse",
        "manipulate",
        "encode",
        "score",
        "compare",
        "report",
    ]
    starts = ["nowhere", str(classes), str(class_run)]
    for verb in verbs:
        for _ in range(8):
            words = [verb, *rng.sample(starts, 1), *words_of(rng), *(["--dry-run"] if verb == "fit" else [])]
            answer = vaekit(*words)
            assert answer.code in (0, 2), (words, answer.code, answer.err)
