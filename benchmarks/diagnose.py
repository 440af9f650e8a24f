"""How long does `vaekit diagnose RUN` take on a run of MNIST's 60,000 images, and what in it takes so long?

Two runs, one of the MLP that preset fast chooses and one of a small convolutional net, are trained for a few hundred steps
through the command line and diagnosed through it, from the start of the process to its end; the goal is 2 minutes on two
threads. Then every measurement is made once more in this process, and timed: one that rests on another is charged only
for what was not yet measured, and what is left is loading, the checks, and the report with its pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from benchmarks.images import vaekit
from benchmarks.measuring import machine, options, report, settings, table
from vaekit import load
from vaekit.diagnosis import Examination, values

GOAL = 120  # seconds
RUNS: dict[str, tuple[str, ...]] = {
    "MLP of preset fast": ("--preset", "fast"),
    "small conv": ("--preset", "fast", "net=conv", "net.widths=[16,32]"),
}
MEASUREMENTS = tuple(name for name, value in vars(Examination).items() if isinstance(value, cached_property))


def main() -> None:
    arguments = _parser().parse_args()
    before = machine()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        found = {name: _diagnosed(Path(folder) / f"run-{i}", name, arguments) for i, name in enumerate(RUNS)}
    whole = [
        {
            "run": name,
            "training images": one["images"],
            "seconds of vaekit diagnose": round(statistics.median(one["seconds"]), 1),
            "slowest": round(max(one["seconds"]), 1),
            "goal": GOAL,
            "findings": ", ".join(one["findings"]) or "none",
        }
        for name, one in found.items()
    ]
    order = sorted(MEASUREMENTS, key=lambda part: -max(one["measurements"][part] for one in found.values()))
    parts = [
        {"measurement": part} | {f"{name}, s": round(one["measurements"][part], 2) for name, one in found.items()}
        for part in (*order, "checks")
    ]
    results = {"machine": before, "settings": settings(arguments), "runs": found}
    report("diagnose", (__doc__ or "").split("\n")[0], arguments.out, results, [table(whole), table(parts)])


def _diagnosed(run: Path, name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Train and diagnose; return the seconds of each round, of each measurement, and what was found."""
    keys = (f"steps={arguments.steps}", f"threads={arguments.threads}", f"seed={arguments.seed}")
    vaekit("fit", arguments.data, *RUNS[name], *keys, "--out", str(run))
    seconds, told = [], {}
    for _ in range(arguments.rounds):
        began = time.perf_counter()
        told = vaekit("diagnose", str(run))
        seconds.append(time.perf_counter() - began)
    split = json.loads((run / "data.json").read_text(encoding="utf-8"))["split"]
    return {
        "images": split["train"],
        "seconds": seconds,
        "findings": [finding["name"] for finding in told["findings"]],
        "measurements": _measurements(run),
    }


def _measurements(run: Path) -> dict[str, float]:
    """Return the seconds of every measurement of an examination, and of the checks that read them."""
    examination = load(run).examined()[0]
    seconds = {}
    for name in MEASUREMENTS:
        began = time.perf_counter()
        getattr(examination, name)
        seconds[name] = time.perf_counter() - began
    began = time.perf_counter()
    values(examination)
    return seconds | {"checks": time.perf_counter() - began}


def _parser() -> argparse.ArgumentParser:
    parser = options(__doc__, rounds=3, steps=400)
    parser.add_argument("--mnist", dest="data", default=argparse.SUPPRESS, help="the same as --data")
    return parser


if __name__ == "__main__":
    main()
