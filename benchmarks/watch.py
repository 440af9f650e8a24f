"""What does the watch cost that looks at every validation while a run trains?

Arms in turns: a `fit` as users run it, and the same without the watch. Beside the ratio of their times stands the share of
training that was spent inside the watch, by a clock around it, which noise does not hide; the goal is 2 % at most. The
validations that it reads are there anyway, for early stopping and the choice of the best weights; their share is told too.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measuring import Time, interleaved, machine, options, ratio, report, settings, summary, table
from vaekit.data import Dataset, read_images
from vaekit.interfaces.describing.planning import plan
from vaekit.interfaces.runs.folder import RunFolder
from vaekit.interfaces.runs.recording import Recording
from vaekit.modalities import modality_named
from vaekit.training import Progress

GOAL = 0.02


class _Clocked:
    """A function, and the seconds that were spent in each of its calls."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.seconds: list[float] = []

    def __call__(self, *given: Any) -> Any:
        began = time.perf_counter()
        result = self.function(*given)
        self.seconds.append(time.perf_counter() - began)
        return result


class _LastStep(Exception):
    """Training is over: bounds and report, which come after it, are not asked about."""


@dataclasses.dataclass(frozen=True)
class _Share:
    """What one training spent on being looked at.

    Args:
        watch: The share of its seconds inside the watch.
        validation: The share in validations.
        validations: How many there were.
    """

    watch: float
    validation: float
    validations: int


def main() -> None:
    arguments = _parser().parse_args()
    before = machine()
    data = read_images(arguments.data)
    shares: list[_Share] = []
    arms = {
        "with": lambda: _training(data, arguments, shares),
        "without": lambda: _training(data, arguments, None),
    }
    interleaved(arms, 1)  # caches, threads and allocators warm up
    shares.clear()
    times = interleaved(arms, arguments.rounds)
    extra, share = ratio(times["with"], times["without"]), statistics.median(one.watch for one in shares)
    row = {
        "steps/s": summary(times["with"])["per_second"],
        "validations": shares[0].validations,
        "share inside the watch": f"{share:.3%}",
        "largest": f"{max(one.watch for one in shares):.3%}",
        "time with / without": f"{extra.wall:.3f}",
        "quartiles": "{:.3f}-{:.3f}".format(*extra.wall_quartiles),
        "goal": f"{GOAL:.0%}",
        "share of validations": f"{statistics.median(one.validation for one in shares):.1%}",
    }
    results = {
        "machine": before,
        "settings": settings(arguments, preset="fast"),
        "share": share,
        "shares": shares,
        "ratio": extra,
        "times": times,
    }
    report("watch", (__doc__ or "").split("\n")[0], arguments.out, results, [table([row])])


def _training(data: Dataset, arguments: argparse.Namespace, shares: list[_Share] | None) -> Time:
    """Train from the first step to the last, with the watch where there is a list for its share; return the time per step."""
    given = {"training": {"steps": arguments.steps, "threads": arguments.threads, "seed": arguments.seed}}
    experiment = plan(data, modality_named("image").opened({"source": "mnist"}), given, "fast")
    with tempfile.TemporaryDirectory() as folder:
        recording = Recording(RunFolder(Path(folder) / "run"), experiment, data)
        trainer = recording.trainer
        watch, validate = _Clocked(trainer.watch), _Clocked(trainer.validate)
        trainer.watch = watch if shares is not None else _silent
        trainer.validate = validate
        recording.begin()
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            recording.run(_until(arguments.steps))
        except _LastStep:
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if shares is not None:
        shares.append(_Share(sum(watch.seconds) / wall, sum(validate.seconds) / wall, len(watch.seconds)))
    return Time(wall / arguments.steps, cpu / arguments.steps)


def _until(last: int) -> Callable[[Progress, int], None]:
    """Return a listener that ends training after its last step, which has been validated, watched and saved by then."""

    def listen(progress: Progress, _batch: int) -> None:
        if progress.step >= last:
            raise _LastStep

    return listen


def _silent(*_given: Any) -> list[str]:
    return []


def _parser() -> argparse.ArgumentParser:
    parser = options(__doc__, rounds=12, steps=400)
    parser.add_argument("--mnist", dest="data", default=argparse.SUPPRESS, help="the same as --data")
    return parser


if __name__ == "__main__":
    main()
