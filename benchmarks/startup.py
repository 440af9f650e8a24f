"""How long does a user wait for the command line: for its help, for a plan, and for samples of a trained model?

Whole processes, from start to exit, of this tree and of another checkout in turns: `--other FOLDER`. Each tree trains
the model that it samples from, and a first round, which fills caches and compiles files, is left out.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measuring import Ratio, Time, interleaved, machine, options, ratio, report, settings, table

HERE = Path(__file__).parents[1]
RUN = "run"
COMMANDS = {
    "vaekit --help": ("--help",),
    "vaekit inspect digits": ("inspect", "digits"),
    "vaekit sample RUN": ("sample", RUN, "-n", "64", "--out", "samples"),
}
_TRAINING = ("fit", "digits", "steps=5", "--preset", "fast", "--out", RUN)
_ENTRY = "from vaekit.interfaces.cli import main; main()"


class _Tree:
    """A checkout, and a folder of its own in which its command line runs."""

    def __init__(self, root: Path, folder: Path, threads: int) -> None:
        folder.mkdir()
        self.folder = folder
        self.environment = {**os.environ, "PYTHONPATH": str(root.resolve() / "src"), "OMP_NUM_THREADS": str(threads)}
        self.run(_TRAINING)

    def run(self, words: tuple[str, ...]) -> Time:
        """Run one command to its end, and return what it took."""
        wall, cpu = time.perf_counter(), _seconds_of_children()
        subprocess.run(
            [sys.executable, "-c", _ENTRY, *words],
            cwd=self.folder,
            env=self.environment,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return Time(time.perf_counter() - wall, _seconds_of_children() - cpu)


def main() -> None:
    parser = options(__doc__, rounds=9)
    parser.add_argument("--other", type=Path, required=True, help="the checkout to compare this tree with")
    arguments = parser.parse_args()
    before = machine()
    times, ratios = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        trees = {
            name: _Tree(root, Path(folder) / name, arguments.threads)
            for name, root in (("this", HERE), ("other", arguments.other))
        }
        for command, words in COMMANDS.items():
            arms = {name: _arm(tree, words) for name, tree in trees.items()}
            interleaved(arms, 1)  # a first start compiles files and fills caches
            times[command] = interleaved(arms, arguments.rounds)
            ratios[command] = ratio(times[command]["this"], times[command]["other"])
    rows = [_row(command, times[command], ratios[command]) for command in COMMANDS]
    results = {
        "machine": before,
        "settings": settings(arguments, other=_commit(arguments.other), this=_commit(HERE)),
        "times": times,
        "ratios": ratios,
    }
    report("startup", (__doc__ or "").split("\n")[0], arguments.out, results, [table(rows)])


def _arm(tree: _Tree, words: tuple[str, ...]) -> Callable[[], Time]:
    return lambda: tree.run(words)


def _row(command: str, times: dict[str, list[Time]], found: Ratio) -> dict[str, str | float]:
    return {
        "command": command,
        "this tree, s": statistics.median(one.wall for one in times["this"]),
        "other tree, s": statistics.median(one.wall for one in times["other"]),
        "time this / other": f"{found.wall:.3f}",
        "quartiles": "{:.3f}-{:.3f}".format(*found.wall_quartiles),
        "of the processor": f"{found.cpu:.3f}",
    }


def _seconds_of_children() -> float:
    """Return the processor time of all processes that were started and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _commit(root: Path) -> str:
    done = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
