"""Train, be killed, resume, and compare with the run that nobody disturbed; a script of `test_resume`.

The parent imports torch once and forks a child for each life. A child either trains until the parent kills it at a
random moment, or kills itself just before the n-th system call that a save makes (a write: in the middle of it).
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from vaekit.training import Checkpoints, checkpoint as module

from .small import batches, comparable, constant_bound, differences, new_state, settings, train

SETTINGS = settings(steps=100, validate_every=20)


class _Fuse:
    """Counts system calls of saves, and kills the process at one of them."""

    def __init__(self, calls):
        self.left, self.writes = calls, 0

    def burn(self):
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def lay(self):
        class File:
            def __init__(self, file):
                self._file = file

            def __enter__(self):
                return self

            def __exit__(self, *exception):
                self._file.close()

            def __getattr__(self, name):
                return getattr(self._file, name)

            def write(self, part, fuse=self):
                fuse.writes += 1
                # A save is a thousand small writes: of these some count, and the checksum does, which comes last.
                if fuse.writes % 250 and not isinstance(part, bytes):
                    self._file.write(part)
                    return
                half = len(part) // 2
                self._file.write(part[:half])
                self._file.flush()
                fuse.burn()
                self._file.write(part[half:])

        fsync, replace, opened, link = os.fsync, Path.replace, Path.open, os.link
        os.link = lambda source, target: (self.burn(), link(source, target))
        os.fsync = lambda descriptor: (self.burn(), fsync(descriptor))
        Path.replace = lambda path, target: (self.burn(), replace(path, target))
        Path.open = lambda path, mode="r": File(opened(path, mode)) if mode == "wb" else opened(path, mode)


def live(folder, fuse=None):
    """Resume where the last life ended, saving after every step."""
    checkpoints = Checkpoints(folder)
    state = new_state(SETTINGS, seed=0)
    try:
        loaded, _ = checkpoints.load()
    except FileNotFoundError:
        pass
    else:
        state.load_state_dict(loaded)
    if fuse is not None:
        _Fuse(fuse).lay()
    for progress in train(state, batches(), constant_bound):
        checkpoints.save(state.state_dict(), best=progress.best)


def fork(work):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def main(folder, kills):
    chance = random.Random(0)
    reference = folder / "reference"
    assert os.waitpid(fork(lambda: undisturbed(reference)), 0)[1] == 0
    whole = comparable(Checkpoints(reference).load()[0])
    told = {"kills": 0, "killed_inside_a_save": 0, "differences": [], "stale": [], "went_back": []}
    for run in itertools.count():
        here = folder / str(run)
        step = 0
        while True:
            inside = told["kills"] % 2 == 0
            over = told["kills"] >= kills
            fuse = chance.randrange(26) if inside and not over else None
            child = fork(lambda here=here, fuse=fuse: live(here, fuse))
            if fuse is None and not over:
                time.sleep(chance.uniform(0, 0.2))
                os.kill(child, signal.SIGKILL)
            status = os.waitpid(child, 0)[1]
            told["kills"] += os.WIFSIGNALED(status)
            told["killed_inside_a_save"] += fuse is not None and os.WIFSIGNALED(status)
            step = inspect(here, step, told)
            if status == 0:
                break
            assert os.WIFSIGNALED(status), "a life ended by an error"
        told["differences"] += differences(whole, comparable(Checkpoints(here).load()[0]))
        if told["kills"] >= kills:
            break
    print(json.dumps(told))


def undisturbed(folder):
    state = new_state(SETTINGS, seed=0)
    for _ in train(state, batches(), constant_bound):
        pass
    Checkpoints(folder).save(state.state_dict())


def inspect(folder, step, told):
    """Look at what the dead left: a valid checkpoint, not much older than the last one seen, and no remains."""
    try:
        state, note = Checkpoints(folder).load()
    except FileNotFoundError:
        told["went_back"] += [f"no checkpoint after step {step}"] if step > 1 else []
        return step
    now = state["position"]["step"]
    # Between the two renames of a save the newest one is the previous one: one step earlier.
    if now < step - 1 or note is not None:
        told["went_back"].append([step, now, note])
    told["stale"] += [path.name for path in folder.glob(".*")]
    return now


if __name__ == "__main__":
    torch.set_num_threads(1)
    assert module.torch is torch
    main(Path(sys.argv[1]), int(sys.argv[2]))
