"""Feed vaekit rubbish: mutated files, crafted files and random command lines; every case is a fork of this process.

python -m benchmarks.rubbish [--work FOLDER] [--seed 0] [--mutated 600] [--lines 1000] [--only mutated|crafted|lines]
"""

from __future__ import annotations

import argparse
import collections
import gzip
import json
import os
import random
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measuring import machine
from benchmarks.rubbish.attacks import crafted
from benchmarks.rubbish.lines import command_line
from benchmarks.rubbish.mutating import mutated
from benchmarks.rubbish.samples import DATA, RUN_FILES, make_data, make_runs
from benchmarks.rubbish.trying import ALLOWED, Outcome, attempt

_RESULTS = Path(__file__).parent.parent / "results"
_SECTIONS = ("mutated", "crafted", "lines")


class _Yard:
    """Where the cases happen: one folder each, with the data beside and copies of the runs that share unchanged files."""

    def __init__(self, work: Path) -> None:
        self.work, self.data = work, work / "data"
        make_data(self.data)
        self.runs = make_runs(self.data, work / "runs")
        self._count = 0

    def place(self) -> Path:
        """Return a new folder with the data and the runs."""
        self._count += 1
        folder = self.work / "cases" / f"{self._count:05}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, source in {"data": self.data, **self.runs}.items():
            shutil.copytree(source, folder / name, copy_function=shutil.copy)
        return folder


def _mutated(yard: _Yard, count: int, seed: int) -> Iterator[Outcome]:
    files = [f"data/{name}" for name in DATA] + [f"{kind}/{name}" for kind in yard.runs for name in RUN_FILES]
    for number in range(count):
        draws = random.Random(f"{seed} mutated {number}")
        name, folder = files[number % len(files)], yard.place()
        path = folder / name
        content = path.read_bytes()
        if name.endswith(".gz") and draws.random() < 0.5:  # the damage lies inside
            changed = gzip.compress(mutated(gzip.decompress(content), name.removesuffix(".gz"), draws))
        else:
            changed = mutated(content, name, draws)
        path.write_bytes(changed)
        yield _done(attempt(f"{number} {name}", _words(name, draws), folder), folder)


def _words(name: str, draws: random.Random) -> list[str]:
    """Return a command line that reads a file."""
    special = {
        "data/tokenizer.json": ["inspect", "data/lines.txt", f"tokenizer={name}"],
        "data/schema.yaml": ["inspect", "data/t.csv", f"schema={name}"],
        "data/keys.yaml": ["inspect", "data/x.npz", "--config", name],
    }
    if name in special:
        return special[name]
    if name.startswith("data/"):
        source = "data/pictures" if "pictures" in name else name
        uses = {"x": "image", "o": "image", "p": "image", "t": "table", "l": "text", "r": "text"}
        run = uses[name.removeprefix("data/")[0]]
        return draws.choice(
            (["inspect", source], ["inspect", source], ["score", run, source, "--out", "o.csv", "--samples", "2"])
        )
    run = name.split("/")[0]
    verbs = [
        ["evaluate", run, "--samples", "2"],
        ["report", run],
        ["compare", run, run],
        ["sample", run, "-n", "2"],
        ["resume", run],
    ]
    if "checkpoints" in name:
        verbs = [["resume", run, "--time-limit", "+1s"]] if draws.random() < 0.2 else [["resume", run]]
    if "metrics" in name:
        verbs = [["diagnose", run], ["report", run]]
    return draws.choice(verbs)


def _crafted(yard: _Yard) -> Iterator[Outcome]:
    for folder, (name, words) in crafted(yard.place, yard.runs):
        yield _done(attempt(name, words, folder), folder)


def _lines(yard: _Yard, count: int, seed: int) -> Iterator[Outcome]:
    from vaekit.interfaces.describing.keys import keys

    known = sorted({key.path for key in keys()})
    for number in range(count):
        words = command_line(random.Random(f"{seed} lines {number}"), known)
        folder = yard.place()
        yield _done(attempt(str(number), words, folder), folder)


def _done(outcome: Outcome, folder: Path) -> Outcome:
    for fault in outcome.faults:
        print(f"{fault}: {outcome.name}: {' '.join(outcome.words)[:200]!r} -> {outcome.code}, {outcome.seconds} s, "
              f"{outcome.peak_gb} GB: {outcome.said[-300:]!r}", flush=True)  # fmt: skip
    with (folder.parent / "said.txt").open("a") as log:
        log.write(
            f"{outcome.name}: {shlex.join(outcome.words)[:300]} -> {outcome.code}\n    {outcome.said.strip()[-500:]}\n"
        )
    shutil.rmtree(folder, ignore_errors=True)
    return outcome


def _row(title: str, cases: list[dict[str, Any]]) -> str:
    faults = collections.Counter(fault for case in cases for fault in case["faults"])
    codes = collections.Counter(case["code"] for case in cases)
    cells = [
        f"{len(cases):,}",
        str(faults["traceback"]),
        str(sum(count for code, count in codes.items() if code not in ALLOWED and code >= 0)),
        str(faults["signal"]),
        f"{max(case['peak_gb'] for case in cases):.2f}",
        f"{max(case['seconds'] for case in cases):.1f}",
        f"{max(case.get('cpu', 0.0) for case in cases):.1f}",
        str(faults["control"]),
        ", ".join(f"{code}: {count}" for code, count in sorted(codes.items())),
    ]
    return f"| {title} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "vaekit-rubbish")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mutated", type=int, default=600)
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--only", choices=_SECTIONS, nargs="*", default=list(_SECTIONS))
    parser.add_argument("--out", type=Path, default=_RESULTS / "rubbish")
    chosen = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["VAEKIT_CACHE"] = str(chosen.work.absolute() / "cache")
    sys.path.insert(0, str(Path(__file__).parents[2]))
    yard = _Yard(chosen.work.absolute())
    _import_all()
    made = {
        "mutated": lambda: _mutated(yard, chosen.mutated, chosen.seed),
        "crafted": lambda: _crafted(yard),
        "lines": lambda: _lines(yard, chosen.lines, chosen.seed),
    }
    for section in chosen.only:
        title = section if section == "crafted" else f"{section}, seed {chosen.seed}"
        write({title: [_case(outcome) for outcome in made[section]()]}, chosen.out)


def _import_all() -> None:
    """Import what the verbs import, so that a fork need not; no thread is started by that."""
    import vaekit.interfaces.cli.comparing
    import vaekit.interfaces.cli.diagnosing
    import vaekit.interfaces.cli.entry
    import vaekit.interfaces.cli.imputing
    import vaekit.interfaces.cli.training
    import vaekit.interfaces.cli.using  # noqa: F401


def _case(outcome: Outcome) -> dict[str, Any]:
    kept = ("name", "code", "seconds", "cpu", "peak_gb", "faults")
    return {name: getattr(outcome, name) for name in kept}


def write(found: dict[str, list[dict[str, Any]]], out: Path) -> None:
    """Write the cases by section; those of sections that were not run stay."""
    path = out.with_suffix(".json")
    cases = {**(json.loads(path.read_text()) if path.exists() else {}), **found}
    head = ("rubbish", "cases", "tracebacks", "other exits", "signals", "peak memory, GB", "longest, s")
    head = (*head, "most processor time, s", "control characters", "exits")
    about = {name: machine()[name] for name in ("date", "processor", "cores", "load_before", "python", "torch")}
    lines = [
        "# rubbish",
        "",
        "Does anything that a user can type, or a damaged or hostile file, end in a traceback, a crash, a wait or a full memory?",
        "",
        f"| {' | '.join(head)} |",
        f"| {' | '.join('---' for _ in head)} |",
        *(_row(title, outcomes) for title, outcomes in cases.items()),
        "",
        "Each case is a fork of a process that holds the imported package, and its memory counts too. Other exits are those"
        f" that are none of {', '.join(map(str, ALLOWED))}. Other load lengthens the seconds, but not the processor time.",
        "",
        ", ".join(f"{name} {value}" for name, value in about.items()),
    ]
    print("\n".join(lines))
    out.with_suffix(".md").write_text("\n".join(lines) + "\n")
    path.write_text(json.dumps(cases) + "\n")


if __name__ == "__main__":
    main()
