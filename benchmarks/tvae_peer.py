"""The peer's side of a comparison of tables: CTGAN's TVAE in an environment of its own, fitted once and sampled from.

    python -m benchmarks.tvae_peer --table FILE --discrete NAME ... --out DIR [--seconds 120] [--epochs 300] [--threads 1]

ctgan (Business Source License: measured here, never copied from) and what it needs besides are installed with
`pip --target` into `.benchmark-env/tvae`, which only the worker's search path knows: the worker is the same interpreter
with the very same torch, numpy and scikit-learn. TVAE has no limit of time and is given one: as many epochs as fit.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

__all__ = ["EPOCHS", "PACKAGES", "Order", "install", "tvae"]

PACKAGES = ("ctgan==0.12.1", "rdt==2.0.0", "pandas==2.3.3", "Faker==40.63.0", "pytz", "tzdata")
EPOCHS = 300  # its default
ROOT = Path(__file__).parent.parent
HOME = ROOT / ".benchmark-env" / "tvae"
# Those of matrix products, and those of the processes that prepare columns side by side.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")


@dataclass(frozen=True)
class Order:
    """What is asked of TVAE.

    Args:
        table: A .csv or .parquet of training rows; an empty cell is a missing one.
        discrete: The columns whose values are categories, which it must be told.
        seconds: For preparation and training; None for all epochs.
        clock: Whose seconds: those on the wall, or of the processor where the machine has more to do.
        epochs: As many at most.
        rows: Synthetic rows; None for as many as the table has.
        threads: Of torch, of numpy, and processes of its preparation.
        seed: Of its mixtures, weights, noise and order.
    """

    table: Path
    discrete: tuple[str, ...]
    seconds: float | None = None
    clock: Literal["wall", "cpu"] = "wall"
    epochs: int = EPOCHS
    rows: int | None = None
    threads: int = 1
    seed: int = 0


def install() -> None:
    """Install ctgan beside this environment, unless it is there."""
    if not (HOME / "ctgan").is_dir():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(HOME)]
        subprocess.run([*pip, *PACKAGES], check=True)


def tvae(order: Order, out: Path) -> dict[str, Any]:
    """Fit and sample in a process of its own; write `synthetic.parquet` and `figures.json`, and return the figures.

    Raises:
        RuntimeError: The worker stopped, with the end of what it said.
    """
    install()
    out.mkdir(parents=True, exist_ok=True)
    setup = asdict(order) | {"table": str(order.table.resolve())}
    (out / "setup.json").write_text(json.dumps(setup), encoding="utf-8")
    threads = dict.fromkeys(_THREADS, str(order.threads))
    with (out / "stderr.txt").open("w", encoding="utf-8") as log:
        command = [sys.executable, "-m", "benchmarks.tvae_worker", str(out.resolve())]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **threads, "PYTHONPATH": str(HOME)}, stderr=log)
    if done.returncode:
        said = (out / "stderr.txt").read_text(encoding="utf-8")
        raise RuntimeError(f"the worker with ctgan stopped:\n{said[-3000:]}")
    return json.loads((out / "figures.json").read_text(encoding="utf-8"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True, help=".csv or .parquet of training rows")
    parser.add_argument("--discrete", nargs="*", default=[], metavar="NAME", help="columns whose values are categories")
    parser.add_argument("--out", type=Path, required=True, help="folder for synthetic rows and figures")
    parser.add_argument("--seconds", type=float, help="for preparation and training; no limit if not given")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="whose seconds")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="at most; the default is its own")
    parser.add_argument("--rows", type=int, help="synthetic rows; as many as the table if not given")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    return parser


def main() -> None:
    """Fit, sample, and print the figures."""
    given = vars(_parser().parse_args())
    out = given.pop("out")
    print(json.dumps(tvae(Order(**given | {"discrete": tuple(given["discrete"])}), out), indent=1))


if __name__ == "__main__":
    main()
