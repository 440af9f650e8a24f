"""A run survives whatever stops it: signals in every phase, a kill, a full disk, damaged and hostile files."""

import errno
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import vaekit as library
from vaekit.interfaces.cli.progress import ProgressReport
from vaekit.interfaces.runs import ending
from vaekit.interfaces.runs.recording import Recording
from vaekit.interfaces.runs.run import Run
from vaekit.interfaces.runs.signals import Interruption, Stopped
from vaekit.modalities import Reading

from .conftest import TINY, vaekit

pytestmark = pytest.mark.usefixtures("no_report")

STEPS = 12
LONG = [*TINY, f"steps={STEPS}", "validate_every=4"]
BOTH = pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])


def weights(run):
    return (run / "model" / "model.safetensors").read_bytes()


def stop_at(monkeypatch, step, act):
    """Do something when a step is done, where the progress is shown."""
    monkeypatch.setattr(
        ProgressReport, "__call__", lambda _self, progress, _batch: act() if progress.step == step else None
    )


@pytest.fixture(scope="module")
def whole(make_run, classes):
    """A run that nothing stopped."""
    return make_run(classes, *LONG)


@BOTH
def test_a_signal_in_training_saves_and_resume_ends_at_the_same_bytes(classes, tmp_path, monkeypatch, whole, signum):
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        stop_at(patch, 6, lambda: signal.raise_signal(signum))
        stopped = vaekit("fit", classes, *LONG, "--out", run, "--json")
    assert (stopped.code, stopped.out) == (128 + signum, "")
    assert f"stopped at step 6, saved; continue with: vaekit resume {run}" in stopped.err
    assert "holds no trained model yet; continue it with: vaekit resume" in vaekit("evaluate", run).sentence
    assert "is not finished" in vaekit("compare", run).sentence
    resumed = vaekit("resume", run, "--json")
    assert resumed.json["evaluation"]["n"] > 0
    assert weights(run) == weights(whole)
    assert [line["step"] for line in library.load(run).history] == [4, 8, 12]


@BOTH
def test_a_signal_at_start_up_and_in_a_verb(classes, class_run, tmp_path, monkeypatch, signum):
    with monkeypatch.context() as patch:
        patch.setattr(Reading, "open", lambda *_: signal.raise_signal(signum))
        stopped = vaekit("fit", classes, *LONG, "--out", tmp_path / "run")
    assert (stopped.code, stopped.err) == (128 + signum, "stopped\n")
    assert not (tmp_path / "run").exists()
    with monkeypatch.context() as patch:
        patch.setattr(Run, "evaluate", lambda *_: signal.raise_signal(signum))
        assert vaekit("evaluate", class_run).code == 128 + signum
    assert vaekit("evaluate", class_run).code == 0
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@BOTH
@pytest.mark.parametrize("phase", ["evaluation", "report"])
def test_a_signal_after_training_loses_nothing(classes, tmp_path, monkeypatch, whole, signum, phase):
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        if phase == "evaluation":
            patch.setattr(Run, "evaluate", lambda *_, **__: signal.raise_signal(signum))
        else:
            patch.setattr(ending, "write_report", lambda *_, **__: signal.raise_signal(signum))
        stopped = vaekit("fit", classes, *LONG, "--out", run)
    assert stopped.code == 128 + signum
    assert "stopped after training, which is saved; get bounds and report with: vaekit resume" in stopped.err
    assert vaekit("resume", run, "--json").json["evaluation"]["n"] > 0
    assert weights(run) == weights(whole)
    assert "is finished after 12 steps; extend it with" in vaekit("resume", run).sentence


def test_a_finished_run_is_extended_by_time(whole, copy):
    run = copy(whole)
    before = library.load(run).history[-1]["step"]
    assert vaekit("resume", run, "--time-limit", "+1s", "--json").json["run"] == str(run)
    assert library.load(run).history[-1]["step"] > before
    for words in (["--time-limit", "-1m"], ["--time-limit", "soon"]):
        assert "a time is written like" in vaekit("resume", run, *words).sentence


def test_a_second_signal_stops_at_once():
    with pytest.raises(Stopped), Interruption() as interruption:
        signal.raise_signal(signal.SIGINT)
        assert interruption.signum == signal.SIGINT
        signal.raise_signal(signal.SIGINT)


def test_a_signal_that_the_shell_made_us_ignore_stays_ignored():
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interruption("stopped"):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, previous)


KILLED = """
import os, signal, sys
import torch
torch.set_num_threads(1)
from vaekit.interfaces.cli import main
from vaekit.interfaces.cli.progress import ProgressReport
def act(self, progress, batch):
    if progress.step == 6:
        os.kill(os.getpid(), signal.{signal})
ProgressReport.__call__ = act
sys.argv = ["vaekit", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize(("name", "code"), [("SIGKILL", -9), ("SIGINT", 130)])
def test_a_process_that_is_killed_leaves_a_run_to_resume(classes, tmp_path, whole, name, code):
    run = tmp_path / "run"
    program = [sys.executable, "-c", KILLED.replace("{signal}", name), "fit", str(classes), *LONG, "--out", str(run)]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert vaekit("resume", run).code == 0
    assert weights(run) == weights(whole)


def out_of_memory(*_):
    raise MemoryError


def test_a_run_killed_before_its_first_checkpoint_begins_anew(classes, tmp_path, monkeypatch, whole):
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(Recording, "_train", out_of_memory)
        assert "out of memory" in vaekit("fit", classes, *LONG, "--out", run).sentence
    (run / "split.json").unlink()
    resumed = vaekit("resume", run)
    assert "note: the run was stopped before its first checkpoint; it begins anew" in resumed.err
    assert weights(run) == weights(whole)


def test_a_full_disk_is_one_sentence_and_the_last_checkpoint_is_intact(classes, tmp_path, monkeypatch, whole):
    run, sync = tmp_path / "run", os.fsync

    def full(descriptor):
        if (run / "checkpoints" / "last.ckpt").exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert "no space left on device; free some space" in vaekit("fit", classes, *LONG, "--out", run).err
    assert not list(run.rglob("*.tmp"))
    assert vaekit("resume", run).code == 0
    assert weights(run) == weights(whole)


def test_a_small_disk_that_is_really_full(classes, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        told = vaekit("fit", classes, *LONG, "net.widths=[64]", "--out", disk / "run")
        assert told.code == 2
        assert "no space left on device" in told.err
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_data_that_have_changed_are_noticed(classes, class_run, tmp_path, copy):
    run = copy(class_run)
    moved = json.loads((run / "config.json").read_text())
    shutil.copytree(classes, tmp_path / "data")
    moved["data"]["source"] = str(tmp_path / "data")
    (run / "config.json").write_text(json.dumps(moved))
    assert vaekit("evaluate", run).code == 0
    next((tmp_path / "data" / "disc").iterdir()).unlink()
    assert "have changed since" in vaekit("evaluate", run).sentence
    assert "have changed since" in vaekit("resume", run, "--time-limit", "+1s").sentence
    shutil.rmtree(tmp_path / "data")
    assert "there is no" in vaekit("evaluate", run).sentence


class Bomb:
    """A pickle that leaves a trace where it runs."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_hostile_file_executes_nothing(class_run, copy, tmp_path):
    run, trace = copy(class_run), tmp_path / "executed"
    poison = pickle.dumps(Bomb(trace))
    for name in ("model/model.safetensors", "model/schema.json", "config.json"):
        kept = (run / name).read_bytes()
        (run / name).write_bytes(poison)
        assert "damaged" in vaekit("evaluate", run).sentence
        (run / name).write_bytes(kept)
    for path in (run / "checkpoints").iterdir():
        path.write_bytes(poison)
    assert "damaged" in vaekit("resume", run, "--time-limit", "+1s").sentence
    torch.save({"state": Bomb(trace)}, run / "checkpoints" / "last.ckpt")
    assert "damaged" in vaekit("resume", run, "--time-limit", "+1s").sentence
    assert not trace.exists()


def rewrite(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


DAMAGED = {
    "a config cut off": (lambda run: (run / "config.json").write_text('{"format": 1,'), "config.json is damaged"),
    "a config of a wrong type": (
        lambda run: rewrite(run / "config.json", lambda c: c["model"].update(latent="two")),
        "config.json is no experiment of this version of vaekit: model.latent",
    ),
    "a config that is a list": (lambda run: (run / "config.json").write_text("[]"), "it must hold names and values"),
    "a config nested without end": (
        lambda run: (run / "config.json").write_text(10**5 * "["),
        "config.json is damaged",
    ),
    "a config of another format": (lambda run: rewrite(run / "config.json", lambda c: c.update(format=9)), "format"),
    "no weights": (lambda run: (run / "model/model.safetensors").unlink(), "holds no trained model yet"),
    "weights cut off": (
        lambda run: (run / "model/model.safetensors").write_bytes(b"\x10"),
        "model.safetensors is damaged or no safetensors file",
    ),
    "weights of another model": (
        lambda run: save_file({"weight": torch.zeros(3)}, run / "model/model.safetensors"),
        "does not fit the model that",
    ),
    "a model of other widths": (
        lambda run: rewrite(run / "config.json", lambda c: c["model"]["net"].update(widths=[9])),
        "does not fit the model that",
    ),
    "no schema": (lambda run: (run / "model/schema.json").unlink(), "schema.json is missing"),
    "a schema of a wrong type": (
        lambda run: rewrite(run / "model/schema.json", lambda c: c.update(height="tall")),
        "schema.json is damaged",
    ),
    "no split": (lambda run: (run / "split.json").unlink(), "it has no split.json"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_run_is_one_sentence(class_run, copy, name):
    run, (damage, said) = copy(class_run), DAMAGED[name]
    damage(run)
    assert said in vaekit("evaluate", run).sentence


def test_damaged_numbers_do_not_stop_what_needs_them_not(class_run, copy):
    run = copy(class_run)
    with (run / "metrics.jsonl").open("ab") as file:
        file.write(b'{"step": 3, "elb\n5\n[1]\n{"a": 1}\n\xff\xfe\n')
    assert [line["step"] for line in library.load(run).history] == [1, 2, 3]
    assert vaekit("resume", run, "--time-limit", "+1s").code == 0
    (run / "evaluation.json").write_text('{"bounds": {}}')
    assert "evaluation.json is damaged" in vaekit("compare", run).sentence


def test_a_damaged_last_checkpoint_gives_way_to_the_previous_one(classes, tmp_path, monkeypatch, whole):
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        stop_at(patch, 10, lambda: signal.raise_signal(signal.SIGTERM))
        vaekit("fit", classes, *LONG, "--out", run)
    last = run / "checkpoints" / "last.ckpt"
    last.write_bytes(last.read_bytes()[:-100])
    resumed = vaekit("resume", run)
    assert "note: last.ckpt is damaged (its checksum does not match); resuming from previous.ckpt" in resumed.err
    assert weights(run) == weights(whole)


def test_the_note_on_a_schedule_that_outlasts_training(classes, tmp_path):
    words = ["objective.beta=linear", "objective.beta.steps=1000"]
    told = vaekit("fit", classes, *TINY, *words, "--out", tmp_path / "run")
    assert "note: training ends at step 3, before the schedule of the objective does at step 1000" in told.err
    assert "before the schedule" in (tmp_path / "run" / "evaluation.json").read_text()


def test_a_time_limit_counts_everything(classes, tmp_path):
    """A lower bound on how long is meaningless on a loaded machine, an upper one must be generous."""
    keys = [key for key in TINY if not key.startswith("steps")]
    found = vaekit("fit", classes, *keys, "--time-limit", "6s", "--out", tmp_path / "run", "--json").json
    assert found["seconds"] < 20
