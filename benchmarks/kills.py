"""Is anything lost where a command is killed, where it crashes at a write, or where two write into one folder?

    python -m benchmarks.kills [--kills 200] [--crashes 60] [--pairs 20] [--seed 0]

Tiny runs of each kind of data are begun (`fit`, `fit_prior`, `auto_fix`), killed, and finished by `resume`, which is killed
too. Weights, bounds and curves must equal those of runs that nobody killed. Each command is a fork of this process.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import itertools
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import vaekit
from benchmarks.measuring import machine, options, report, settings, table
from vaekit import MLP, VAE, Gaussian, ImageVAE
from vaekit.interfaces.cli import diagnosing, training  # noqa: F401  what a fork needs is imported once, here
from vaekit.interfaces.cli.app import app
from vaekit.interfaces.runs import diagnosing as diagnoses, ending
from vaekit.interfaces.runs.run import Run
from vaekit.training.checkpoint import write_atomically

_KEYS = ("steps=30", "latent=2", "device=cpu", "precision=fp32", "validate_every=5", "threads=1")
_SICK = "lr=1e-7"  # auto_fix then trains again
_MIXTURE = ("--kind", "gmm", "prior.components=2")
_CALLS = ("replace", "rename", "unlink", "mkdir", "fsync", "link", "rmdir")
_CRASHED = 98
_CLOCKS = ("time", "seconds", "data_per_second")  # of a line of the curves, which differ between any two runs
_LIVES = 6


@dataclass(frozen=True)
class Way:
    """A way to begin a run, and what it leads to where nobody kills it.

    Args:
        kind: Of the data.
        name: Of the way.
        begin: Begins a run in a folder.
        finish: Finishes it.
    """

    kind: str
    name: str
    begin: Callable[[Path], Any]
    finish: Callable[[Path], Any]


def _verb(*words: object) -> None:
    app([str(word) for word in words], standalone_mode=True)


def _report(run: Run, *_: Any, **__: Any) -> Path:
    """Write a small report: charts cost more than all else here, and are one write."""
    write_atomically(run.folder.report, b"report")
    return run.folder.report


def _ways(place: Path) -> list[Way]:
    """Make the data and the runs whose priors are fitted, and return every way to begin a run on them."""
    rng = np.random.default_rng(0)
    (place / "images").mkdir()
    for i in range(40):
        Image.fromarray(rng.integers(0, 255, (8, 8), dtype=np.uint8)).save(place / "images" / f"{i}.png")
    rows = (f"{rng.normal():.3f},{rng.choice(['x', 'y'])},{rng.integers(9)}\n" for _ in range(150))
    (place / "table.csv").write_text("a,b,c\n" + "".join(rows))
    lines = (f"the {rng.choice(['man', 'dog', 'cat'])} {rng.choice(['sits', 'runs'])} {i}\n" for i in range(60))
    (place / "texts.txt").write_text("".join(lines))
    kinds = {
        "images": (place / "images", "net=mlp", "net.widths=[8]"),
        "tables": (place / "table.csv", "net.widths=[8]"),
        "texts": (place / "texts.txt", "net.hidden=8", "net.embedding=8"),
    }
    ways = []
    for kind, words in kinds.items():
        base = place / f"{kind}-base"
        assert _forked(lambda base=base, words=words: _verb("fit", *words, *_KEYS, "--out", base)) == 0
        begun = {
            "fit": ("fit", *words, *_KEYS, "--out"),
            "fit_prior": ("fit-prior", base, *_MIXTURE, "--out"),
            "auto_fix": ("fit", *words, *_KEYS, _SICK, "auto_fix=true", "--out"),
        }
        ways += [
            Way(kind, name, functools.partial(_verb, *first), functools.partial(_verb, "resume"))
            for name, first in begun.items()
        ]
    tensor = torch.from_numpy(rng.random((60, 1, 6, 6), dtype=np.float32))

    def model() -> VAE:
        torch.manual_seed(0)
        return ImageVAE(
            shape=(1, 6, 6), levels=None, value_range=(0.0, 1.0), latent=2, net=MLP(widths=(8,)), likelihood=Gaussian()
        ).build()

    given = {key.split("=")[0]: _value(key.split("=")[1]) for key in _KEYS if not key.startswith("latent")}
    ways.append(
        Way(
            "tensors",
            "fit",
            lambda out: vaekit.fit(tensor, model=model(), out=out, **given),
            lambda out: vaekit.resume(out, data=tensor, model=model()),
        )
    )
    return ways


def _value(text: str) -> int | str:
    """Return a key's value as Python code would give it."""
    return int(text) if text.isdigit() else text


def _forked(work: Callable[[], Any], *, after: float | None = None, crash_at: int | None = None) -> int:
    """Run work in a fork; kill it after some seconds, or let it crash at a call that changes files.

    Returns:
        Its exit code; minus the signal that ended it.
    """
    child = os.fork()
    if child == 0:
        code = 99
        try:
            os.dup2(os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
            os.dup2(1, 2)
            if crash_at is not None:
                _crash(crash_at)
            work()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        except (ValueError, OSError) as error:
            print(error)
            code = 2
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(code)
    if after is not None:
        time.sleep(after)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _crash(at: int) -> None:
    """End this process at its call number `at` that changes files: at even numbers before it, at odd ones after it."""
    counted = itertools.count()

    def wrapped(call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*args: Any, **kwargs: Any) -> Any:
            number = next(counted)
            if number == at and at % 2 == 0:
                os._exit(_CRASHED)
            answer = call(*args, **kwargs)
            if number == at:
                os._exit(_CRASHED)
            return answer

        return counting

    for name in _CALLS:
        setattr(os, name, wrapped(getattr(os, name)))


def _made(run: Path) -> dict[str, Any]:
    """Return what must not depend on how often a run was killed."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {
        "weights": (run / "model" / "model.safetensors").read_bytes(),
        "bounds": json.loads((run / "evaluation.json").read_text())["bounds"],
        "curves": [{key: value for key, value in line.items() if key not in _CLOCKS} for line in lines],
        "attempts": (run / "attempts.json").exists(),
        "report": (run / "report.html").exists(),
        "leftovers": sorted(found.name for found in run.rglob(".*")),
    }


def _is_begun(run: Path) -> bool:
    begun = run / "begun.json"
    return (run / "config.json").exists() or (begun.exists() and "fit-prior" in begun.read_text())


def _lived(way: Way, run: Path, ends: Iterator[dict[str, Any]]) -> tuple[int, str]:
    """Begin a run, let it die as `ends` says, finish it; return how often it died, and what is wrong in the end."""
    deaths, code = 0, _forked(functools.partial(way.begin, run), **next(ends))
    for _ in range(_LIVES):
        if code not in (-signal.SIGKILL, _CRASHED):
            break
        deaths += 1
        again = way.finish if _is_begun(run) else way.begin
        code = _forked(functools.partial(again, run), **next(ends))
        if code == 2 and "is finished" in Path("log").read_text()[-400:]:  # it died after all was written
            code = 0
    return deaths, "" if code == 0 else f"exit {code}: {Path('log').read_text()[-300:]}"


def _killing(dice: random.Random, seconds: float) -> Iterator[dict[str, Any]]:
    yield {"after": dice.uniform(0, 1.1 * seconds)}
    yield {"after": dice.uniform(0, seconds)}
    yield from itertools.repeat({})


def _crashing(at: int) -> Iterator[dict[str, Any]]:
    yield {"crash_at": at}
    yield from itertools.repeat({})


def _pair(way: Way, run: Path) -> str:
    """Begin the same run twice at once; return what is wrong: one works, and the other is refused in a sentence."""
    ready, go = os.pipe()
    codes = []
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            os.close(go)
            os.read(ready, 1)  # both begin when the pipe closes
            os._exit(_forked(functools.partial(way.begin, run)) % 256)
        children.append(child)
    os.close(ready)
    os.close(go)
    codes = sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
    return "" if codes == [0, 2] else f"exits {codes}: {Path('log').read_text()[-300:]}"


def main() -> None:
    """Kill, crash and pair; write the table."""
    arguments = options(__doc__, kills=200, crashes=60, pairs=20).parse_args()
    torch.set_num_threads(1)
    ending.write_report = diagnoses.write_report = _report
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        os.environ["VAEKIT_CACHE"] = f"{name}/cache"
        rows, faults = _measured(Path(name), arguments)
    conclude(rows, faults, settings(arguments), arguments.out)


def conclude(rows: list[dict[str, Any]], faults: list[str], given: dict[str, Any], out: Path) -> None:
    """Write the sums of each trial, and the counts of each way to begin a run."""
    trials = dict.fromkeys(row["trial"] for row in rows)
    counted = ("runs", "deaths", "lost", "differ")
    sums = [
        {"trial": trial} | {name: sum(row[name] for row in rows if row["trial"] == trial) for name in counted}
        for trial in trials
    ]
    results = {"machine": machine(), "settings": given, "rows": rows, "faults": faults}
    report("kills", str(__doc__).splitlines()[0], out, results, [table(sums), table(rows)])


def _measured(place: Path, arguments: Any) -> tuple[list[dict[str, Any]], list[str]]:
    dice, ways = random.Random(arguments.seed), _ways(place)
    whole, seconds = {}, {}
    for way in ways:
        began, run = time.perf_counter(), place / f"{way.kind}-{way.name}-whole"
        assert _forked(functools.partial(way.begin, run)) == 0, (place / "log").read_text()[-500:]
        seconds[way], whole[way] = time.perf_counter() - began, _made(run)
    tally: dict[tuple[str, str], collections.Counter[str]] = collections.defaultdict(collections.Counter)
    faults: list[str] = []

    def tried(trial: str, way: Way, deaths: int, run: Path, wrong: str) -> None:
        if not wrong:
            now = _made(run)
            wrong = ", ".join(part for part in now if now[part] != whole[way][part])
            wrong = wrong and f"differ: {wrong}"
        differs = wrong.startswith("differ")
        counts = {"runs": 1, "deaths": deaths, "lost": int(bool(wrong) and not differs), "differ": int(differs)}
        tally[trial, f"{way.name}, {way.kind}"].update(counts)
        if wrong:
            faults.append(f"{trial} {way.name} {way.kind} {run.name}: {wrong}")
            print(faults[-1], flush=True)
        for left in place.glob(f"{run.name}*"):
            shutil.rmtree(left)

    turn = itertools.cycle(ways)
    trials = {
        "killed at a random moment": ("kill", arguments.kills),
        "crashed at a write": ("crash", arguments.crashes),
    }
    for trial, (name, wanted) in trials.items():
        died = 0
        for number in itertools.count():
            if died >= wanted:
                break
            way, run = next(turn), place / f"{name}{number}"
            ends = _killing(dice, seconds[way]) if name == "kill" else _crashing(dice.randrange(60))
            deaths, wrong = _lived(way, run, ends)
            died += deaths
            tried(trial, way, deaths, run, wrong)
    for number, way in zip(range(arguments.pairs), turn, strict=False):
        run = place / f"pair{number}"
        tried("two at once", way, 0, run, _pair(way, run))
    rows = [
        {"trial": trial, "begun by": begun, **{name: counts[name] for name in ("runs", "deaths", "lost", "differ")}}
        for (trial, begun), counts in tally.items()
    ]
    return rows, faults


if __name__ == "__main__":
    main()
