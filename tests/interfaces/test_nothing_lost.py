"""Whatever was begun is finished by `resume`; one process writes at a time; no measure's needs and no reader end a run."""

import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import vaekit as library
from vaekit.data.leftovers import owned_suffix, remove_leftovers
from vaekit.interfaces.runs import auto_fix as fixing, prior
from vaekit.interfaces.runs.ending import conclude
from vaekit.interfaces.runs.folder import made
from vaekit.interfaces.runs.lock import Lock
from vaekit.interfaces.runs.recording import Recording
from vaekit.interfaces.runs.second_stage import _candidates, second_stage
from vaekit.interfaces.runs.signals import Interruption, Stopped
from vaekit.modalities import Reading
from vaekit.training.budget import Deadline

from .conftest import TINY, vaekit
from .test_auto_fix import checks, lr_below, names  # noqa: F401
from .test_stops import LONG, out_of_memory, stop_at, weights

pytestmark = pytest.mark.usefixtures("no_report")


@pytest.mark.parametrize("rows", [4, 12, 80])
def test_a_small_table_is_fitted_with_notes(tmp_path, rows):
    dice = random.Random(rows)
    lines = [f"{dice.randint(18, 90)},{dice.choice('mf')},{dice.gauss(30, 9):.2f}\n" for _ in range(rows)]
    (tmp_path / "people.csv").write_text("age,sex,income\n" + "".join(lines))
    answer = vaekit("fit", tmp_path / "people.csv", "steps=2", "device=cpu", "--out", tmp_path / "run")
    assert answer.code == 0, answer.err
    assert "note: second stage: prior=" in answer.err


@pytest.fixture(scope="module")
def whole_prior(class_run, tmp_path_factory):
    out = tmp_path_factory.mktemp("prior") / "fp"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prior, "conclude", lambda *_, **__: None)
        vaekit("fit-prior", class_run, "prior.components=2", "--kind", "gmm", "--out", out)
    return weights(out)


@pytest.mark.parametrize("at", ["refitted", "write_atomically", "load", "conclude"])
def test_resume_finishes_a_prior_that_was_begun(class_run, tmp_path, monkeypatch, whole_prior, at):
    words, run = ("fit-prior", class_run, "prior.components=2", "--kind", "gmm", "--out"), tmp_path / "fp"
    with monkeypatch.context() as patch:
        patch.setattr(prior, at, lambda *_, **__: out_of_memory())
        assert "out of memory" in vaekit(*words, run).sentence
    assert f"finish it with: vaekit resume {run}" in vaekit("compare", run).sentence
    assert "already holds a run" in vaekit(*words, run).sentence
    assert vaekit("resume", run, "--json").json["evaluation"]["bounds"]["iw"]
    assert weights(run) == whole_prior
    assert "was fitted to the latents" in json.loads((run / "evaluation.json").read_text())["notes"][0]
    assert "is finished" in vaekit("resume", run).sentence


@pytest.mark.parametrize("when", ["first diagnosis", "begun", "training", "second diagnosis"])
def test_resume_finishes_auto_fix(classes, tmp_path, monkeypatch, checks, when):  # noqa: F811
    checks(lr_below(0.002, ["lr=0.003"]))
    out, diagnosed, calls = tmp_path / "run", fixing.diagnosed, []
    with monkeypatch.context() as patch:
        if when == "begun":
            patch.setattr(
                Recording, "begin", lambda self: out_of_memory() if "fix" in self.folder.path.name else begin(self)
            )
        elif when == "training":
            train = Recording._train
            patch.setattr(
                Recording,
                "_train",
                lambda self, *a: out_of_memory() if "fix" in self.folder.path.name else train(self, *a),
            )
        else:
            last = 1 if when == "first diagnosis" else 2
            patch.setattr(
                fixing,
                "diagnosed",
                lambda run: calls.append(run) or (out_of_memory() if len(calls) == last else diagnosed(run)),
            )
        assert "out of memory" in vaekit("fit", classes, *TINY, "auto_fix=true", "lr=0.001", "--out", out).err
    assert not (out / "attempts.json").exists()
    found = vaekit("resume", out, "--json").json
    assert names(found) == ["run", "run-fix1"]
    assert found["attempts"][1]["changes"] == ["lr=0.003 replaces lr=0.001"]
    assert json.loads((out / "attempts.json").read_text())["attempts"] == found["attempts"]
    notes = json.loads((tmp_path / "run-fix1" / "evaluation.json").read_text())["notes"]
    assert f"auto_fix restarts {out} with lr=0.003 against too_slow" in notes
    assert "is finished" in vaekit("resume", out).sentence


begin = Recording.begin


def test_a_taken_folder_is_refused_before_any_work(class_run, classes, monkeypatch):
    monkeypatch.setattr(Reading, "open", out_of_memory)
    assert "already holds a run" in vaekit("fit", classes, "--out", class_run).sentence
    with pytest.raises(FileExistsError, match="already holds a run"):
        library.fit(classes, out=class_run)


def test_one_process_writes_at_a_time_and_the_lock_of_a_dead_one_is_none(class_run, classes, copy, tmp_path):
    run = copy(class_run)
    program = f"from vaekit.interfaces.runs.lock import Lock; import pathlib; x = Lock(pathlib.Path({str(run)!r})); print(); input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True) as other:
        other.stdout.readline()
        refused = vaekit("resume", run, "--time-limit", "+1s").sentence
        assert f"{run} is in use by process {other.pid} on " in refused
        other.kill()
    assert (run / ".lock").exists()
    assert vaekit("resume", run, "--time-limit", "+1s").code == 0
    assert not (run / ".lock").exists()
    (tmp_path / "new").mkdir()
    with Lock(tmp_path / "new"):
        assert "is in use by" in vaekit("fit", classes, *TINY, "--out", tmp_path / "new").sentence


def test_numbered_folders_are_made_not_found(tmp_path):
    assert [made(tmp_path / "r", numbered=True).name for _ in range(2)] == ["r-1", "r-2"]
    assert [made(tmp_path / "r").name for _ in range(2)] == ["r", "r-3"]


def test_a_damaged_best_checkpoint_gives_way_when_the_run_is_resumed(classes, tmp_path, monkeypatch):
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        stop_at(patch, 10, lambda: signal.raise_signal(signal.SIGHUP))
        assert vaekit("fit", classes, *LONG, "--out", run).code == 129
    best = run / "checkpoints" / "best.ckpt"
    best.unlink()  # it may share its bytes with the last one
    best.write_bytes(b"damaged")
    resumed = vaekit("resume", run)
    assert resumed.code == 0, resumed.err
    assert "note: best.ckpt is damaged (its checksum does not match); the best weights are chosen anew" in resumed.err
    assert sorted(path.name for path in best.parent.iterdir()) == ["best.ckpt", "last.ckpt"]


def test_a_run_whose_checkpoints_were_removed_does_not_begin_anew(class_run, copy):
    run = copy(class_run)
    before = weights(run)
    shutil.rmtree(run / "checkpoints")
    (run / "evaluation.json").unlink()
    assert "has no checkpoint" in vaekit("resume", run).sentence
    assert weights(run) == before


def test_data_that_have_moved_are_given_to_resume(classes, tmp_path, monkeypatch):
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(classes, data)
    with monkeypatch.context() as patch:
        stop_at(patch, 6, lambda: signal.raise_signal(signal.SIGTERM))
        vaekit("fit", data, *LONG, "threads=1", "--out", run)
    environment = json.loads((run / "environment.json").read_text())
    (run / "environment.json").write_text(json.dumps({**environment, "threads": 7}))
    data.rename(tmp_path / "moved")
    monkeypatch.chdir(tmp_path)
    assert "there is no" in vaekit("resume", run).sentence
    resumed = vaekit("resume", run, "moved")
    assert resumed.code == 0, resumed.err
    assert "note: threads 7 became 1 since the run was begun" in resumed.err
    assert json.loads((run / "evaluation.json").read_text())["data"] == "moved (test)"
    assert vaekit("evaluate", run).code == 0


def test_metrics_are_logged_before_the_checkpoint(classes, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        save, saved = Recording._save, []
        patch.setattr(
            Recording, "_save", lambda self, **keys: save(self, **keys) or (saved.append(1), out_of_memory())[1]
        )
        vaekit("fit", classes, *LONG, "--out", tmp_path / "run")
    vaekit("resume", tmp_path / "run")
    assert [line["step"] for line in library.load(tmp_path / "run").history] == [4, 8, 12]


def test_a_further_signal_does_not_break_the_goodbye():
    with Interruption("outer"):
        try:
            with Interruption():
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)
        except Stopped:
            signal.raise_signal(signal.SIGINT)
    with pytest.raises(Stopped), Interruption("again"):
        signal.raise_signal(signal.SIGHUP)


def test_a_lost_reader_does_not_stop_a_run(classes, tmp_path):
    start = "from vaekit.interfaces.cli import main; main()"
    words = [sys.executable, "-c", start, "fit", str(classes), *TINY, "--out", str(tmp_path / "run")]
    program = shlex.join(words)
    done = subprocess.run(f"({program}; echo $? > {tmp_path / 'code'}) 2>&1 | true", shell=True, env={**os.environ})
    assert done.returncode == 0
    assert (tmp_path / "code").read_text() == "0\n"
    assert (tmp_path / "run" / "report.html").exists()


def test_what_dead_writers_left_is_removed(tmp_path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    ours, theirs = tmp_path / f".a{owned_suffix()}", tmp_path / ".b.ckpt.00000000-1.tmp"
    stale = tmp_path / f".a{owned_suffix().replace(str(os.getpid()), str(dead.pid))}"
    for path in (ours, theirs, stale):
        path.touch()
    remove_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([ours, theirs])
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / stale.name).touch()
    Lock(tmp_path).release()
    assert not list((tmp_path / "plots").iterdir())


def test_bounds_are_of_as_many_data_as_there_is_time_for(class_run, copy, monkeypatch):
    run = library.load(copy(class_run))
    monkeypatch.setattr("vaekit.interfaces.runs.ending._FEWEST", 1)
    conclude(run, [], 3, Deadline(time.perf_counter() - 1))
    assert run.folder.read_evaluation()["n"] == 1
    conclude(run, [], 3)
    assert run.folder.read_evaluation()["n"] > 1
    assert vaekit("compare", run.path, "--json").json["runs"][0]["n"] > 1


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, " nats"), (60.0, "detected with AUC"), (-1.0, "left out, because")]
)
def test_a_second_stage_takes_what_time_there_is(seconds, said):
    dice = np.random.default_rng(0)
    table = {"a": dice.normal(size=6000), "b": dice.choice(["x", "y"], 6000)}
    model = library.fit(table, steps=2, latent=2, second_stage="none", preset="fast", threads=1, device="cpu")
    training = library.Training(second_stage="choose", threads=1, device="cpu")
    _, note = second_stage(model, training, "fast", Deadline(time.perf_counter() + seconds))
    assert said in note


def test_a_mixture_has_as_many_components_as_there_is_time_for():
    few, many = (_candidates("choose", 26_000, 27, "balanced", operations)[0].components for operations in (1e9, 2e10))
    assert few < 30 and many == 256
