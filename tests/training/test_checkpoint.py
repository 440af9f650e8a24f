"""Checkpoints that survive damage, full disks and hostile files."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import pickle
import subprocess
import sys
import tracemalloc

import pytest
import torch

from vaekit.data.leftovers import owned_suffix
from vaekit.training import Checkpoints, CorruptCheckpoint
from vaekit.training.checkpoint import read, write_atomically

from .small import comparable, differences, new_state, run, settings


def state(step):
    return {"position": {"step": step}, "model": {"weight": torch.full((50,), float(step))}}


def step_of(loaded):
    assert loaded["model"]["weight"].eq(loaded["position"]["step"]).all()
    return loaded["position"]["step"]


def temporaries(folder):
    return [path.name for path in folder.iterdir() if not path.name.endswith(".ckpt")]


@pytest.fixture
def saved(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    for step in (1, 2, 3):
        checkpoints.save(state(step), best=step == 1)
    return tmp_path


DAMAGES = {
    "empty": lambda content: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "without its last byte": lambda content: content[:-1],
    "a flipped bit in the middle": lambda content: flipped(content, len(content) // 2),
    "a flipped bit in the checksum": lambda content: flipped(content, len(content) - 5),
    "extended": lambda content: content + b"\0",
}


def flipped(content, place):
    return content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :]


def damage(path, how="truncated"):
    path.write_bytes(DAMAGES[how](path.read_bytes()))


def test_last_previous_and_best(saved):
    """D9: best and last are both stored, each under its name."""
    assert sorted(path.name for path in saved.iterdir()) == ["best.ckpt", "last.ckpt", "previous.ckpt"]
    loaded, note = Checkpoints(saved).load()
    assert (step_of(loaded), note) == (3, None)
    assert step_of(read(saved / "previous.ckpt")) == 2
    assert step_of(Checkpoints(saved).best()) == 1


def test_best_is_the_last_one_where_there_is_none(tmp_path):
    Checkpoints(tmp_path).save(state(4))
    assert step_of(Checkpoints(tmp_path).best()) == 4


@pytest.mark.parametrize("how", DAMAGES)
def test_damaged_last_falls_back_and_says_so(saved, how):
    damage(saved / "last.ckpt", how)
    loaded, note = Checkpoints(saved).load()
    assert step_of(loaded) == 2
    assert "last.ckpt is damaged" in note
    assert "resuming from previous.ckpt" in note


@pytest.mark.parametrize("how", DAMAGES)
def test_all_damaged_is_an_error_that_names_them(saved, how):
    for path in saved.iterdir():
        damage(path, how)
    with pytest.raises(CorruptCheckpoint, match=r"last\.ckpt.*previous\.ckpt.*best\.ckpt"):
        Checkpoints(saved).load()


def test_best_is_the_last_resort(saved):
    damage(saved / "last.ckpt")
    damage(saved / "previous.ckpt")
    loaded, note = Checkpoints(saved).load()
    assert step_of(loaded) == 1
    assert "resuming from best.ckpt" in note


def test_damaged_last_never_replaces_the_previous_one(saved, monkeypatch):
    """A run resumed from `previous` is killed within its first save: `previous` must still be the valid one."""
    damage(saved / "last.ckpt")
    checkpoints = Checkpoints(saved)
    checkpoints.load()

    real, calls = os.replace, []

    def killed(path, target):
        calls.append(target)
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save(state(4))
    assert [target.name for target in calls] == ["last.ckpt"]
    monkeypatch.setattr("pathlib.Path.replace", lambda path, target: real(path, target))
    checkpoints.save(state(4))
    assert step_of(read(saved / "previous.ckpt")) == 2
    assert step_of(read(saved / "last.ckpt")) == 4
    checkpoints.save(state(5))
    assert step_of(read(saved / "previous.ckpt")) == 4


def test_no_checkpoint_is_file_not_found(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint in"):
        Checkpoints(tmp_path).load()


class Hostile:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (os.mkdir, (str(self.target),))


@pytest.mark.parametrize("form", ["pickle", "torch"])
def test_hostile_pickle_does_not_run(tmp_path, form):
    """D15: loading runs no code from the file, even where its checksum is right."""
    target = tmp_path / "owned"
    buffer = io.BytesIO()
    (torch.save if form == "torch" else pickle.dump)({"model": Hostile(target)}, buffer)
    payload = buffer.getvalue()
    folder = tmp_path / "checkpoints"
    checkpoints = Checkpoints(folder)
    (folder / "last.ckpt").write_bytes(payload + hashlib.sha256(payload).digest())
    with pytest.raises(CorruptCheckpoint, match=r"last\.ckpt is no checkpoint"):
        checkpoints.load()
    assert not target.exists()
    pickle.loads(pickle.dumps(Hostile(target)))  # the control: it is hostile
    assert target.exists()


def test_other_content_is_no_checkpoint(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    buffer = io.BytesIO()
    torch.save([1, 2], buffer)
    write_atomically(tmp_path / "last.ckpt", buffer.getvalue() + hashlib.sha256(buffer.getvalue()).digest())
    with pytest.raises(CorruptCheckpoint, match="holds a list"):
        checkpoints.load()


def full_disk(*_arguments):
    raise OSError(errno.ENOSPC, "No space left on device")


class FullFile(io.RawIOBase):
    def writable(self):
        return True

    write = full_disk


@pytest.mark.parametrize("at", ["open", "write", "fsync", "replace"])
@pytest.mark.parametrize("best", [False, True])
def test_full_disk_leaves_the_earlier_ones(saved, monkeypatch, at, best):
    checkpoints = Checkpoints(saved)
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    with monkeypatch.context() as patch:
        if at == "fsync":
            patch.setattr(os, "fsync", full_disk)
        else:
            name = "open" if at == "write" else at
            patch.setattr(f"pathlib.Path.{name}", (lambda *_: FullFile()) if at == "write" else full_disk)
            patch.setattr("pathlib.Path.read_bytes", lambda path: before[path.name])
        with pytest.raises(OSError, match="No space left"):
            checkpoints.save(state(4), best=best)
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
    checkpoints.save(state(4))
    assert step_of(Checkpoints(saved).load()[0]) == 4


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("a tmpfs cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_really_is_full(small_disk):
    checkpoints = Checkpoints(small_disk)
    checkpoints.save(state(1))
    checkpoints.save(state(2))
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save({**state(3), "large": torch.zeros(200_000)}, best=True)
    assert temporaries(small_disk) == []
    assert step_of(Checkpoints(small_disk).load()[0]) == 2
    assert step_of(read(small_disk / "previous.ckpt")) == 1


def test_interrupt_while_saving_leaves_no_temporary_file(saved, monkeypatch):
    def interrupt(_descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Checkpoints(saved).save(state(4), best=True)
    assert temporaries(saved) == []
    assert step_of(Checkpoints(saved).load()[0]) == 3


@pytest.mark.parametrize("below", ["", "run/checkpoints"])
def test_a_file_where_the_folder_should_be(tmp_path, below):
    place = tmp_path / "taken"
    place.write_text("a file")
    with pytest.raises(OSError, match="taken"):
        Checkpoints(place / below if below else place)
    assert place.read_text() == "a file"


def test_stale_temporary_files_are_removed_but_not_a_living_writers(saved):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    stale = [saved / f".{name}.ckpt.{dead.pid}.tmp" for name in ("last", "best")]
    living = saved / f".last.ckpt.{os.getppid()}.tmp"
    others = [saved / ".notes.tmp", saved / "last.ckpt.tmp"]
    for path in (*stale, living, *others):
        path.write_bytes(b"half a checkpoi")
    assert step_of(Checkpoints(saved).load()[0]) == 3
    assert not any(path.exists() for path in stale)
    assert living.exists()
    assert all(path.exists() for path in others)


def test_checkpoint_of_a_real_state_is_plain(tmp_path):
    """Tensors and plain values only: it loads with weights_only, and the loop's infinities survive."""
    trained = new_state(settings(steps=2))
    assert trained.state_dict()["position"]["best"] == float("-inf")
    Checkpoints(tmp_path).save(trained.state_dict())
    assert Checkpoints(tmp_path).load()[0]["position"]["best"] == float("-inf")
    run(trained)
    Checkpoints(tmp_path).save(trained.state_dict())
    loaded, _ = Checkpoints(tmp_path).load()
    assert loaded["position"] == vars(trained.position)
    assert loaded["guard"] == trained.guard.state_dict()


def test_best_and_last_are_one_file_until_the_next_save(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(state(1), best=True)
    assert (tmp_path / "best.ckpt").samefile(tmp_path / "last.ckpt")
    checkpoints.save(state(2))
    assert (tmp_path / "best.ckpt").samefile(tmp_path / "previous.ckpt")
    assert [step_of(read(tmp_path / f"{name}.ckpt")) for name in ("best", "previous", "last")] == [1, 1, 2]


def test_a_file_system_without_links_has_copies(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(state(1), best=True)
    assert not (tmp_path / "best.ckpt").samefile(tmp_path / "last.ckpt")
    assert (tmp_path / "best.ckpt").read_bytes() == (tmp_path / "last.ckpt").read_bytes()
    assert temporaries(tmp_path) == []


def test_what_a_process_of_the_same_number_left_is_not_written_into(tmp_path):
    """Killed between two renames, it left a second name of what is now the best checkpoint."""
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(state(1), best=True)
    for name in ("last", "best"):
        os.link(tmp_path / "best.ckpt", tmp_path / f".{name}.ckpt{owned_suffix()}")
    checkpoints.save(state(2))
    assert (step_of(checkpoints.best()), step_of(checkpoints.load()[0])) == (1, 2)
    assert temporaries(tmp_path) == []


def test_saving_and_reading_make_no_copy_of_the_state(tmp_path):
    large, checkpoints = {**state(1), "large": torch.rand(5_000_000)}, Checkpoints(tmp_path)
    tracemalloc.start()
    try:
        checkpoints.save(large, best=True)
        Checkpoints(tmp_path).load()
        Checkpoints(tmp_path).save(large)  # reads the last one first
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 2**20 < large["large"].nbytes


def test_a_loaded_state_keeps_no_hold_of_the_file(tmp_path):
    """What stayed mapped would change with the file, or keep it from being replaced."""
    first = new_state(settings(steps=6, validate_every=4))
    run(first, until=6)
    Checkpoints(tmp_path).save(first.state_dict())
    second = new_state(settings(steps=6), seed=77)
    second.load_state_dict(Checkpoints(tmp_path).load()[0])
    path = tmp_path / "last.ckpt"
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
    assert differences(comparable(first), comparable(second)) == []


def test_a_file_of_the_old_format_is_continued(tmp_path):
    """It held the momentum of the state to roll back to as well."""
    first = new_state(settings(steps=6, validate_every=4))
    run(first, until=6)
    saved = first.state_dict()
    Checkpoints(tmp_path).save({**saved, "kept": {**saved, "kept": None}})
    second = new_state(settings(steps=6), seed=77)
    second.load_state_dict(Checkpoints(tmp_path).load()[0])
    second.roll_back()
    assert differences(saved["optimizer"], second.state_dict()["optimizer"]) == []
