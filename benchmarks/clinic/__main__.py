"""Does the doctor find what was planted, is it silent about the healthy, and do its prescriptions work?

    python -m benchmarks.clinic train|examine|treat|table --mnist DIR [--work DIR] [--workers 2]

`train` fits every case (see `cases.py`). `examine` writes the number behind every check of the healthy, and behind the check
for what was planted of the sick. `treat` runs the first held-out sick cases again with the doctor's prescription on top, and
measures again. `table` counts. Each phase does what is not yet done, so that it may be stopped at any time.

Thresholds may be chosen on cases below number 1000 (`--first 0`). What is reported are cases from 3000 on, with seeds that no
threshold was chosen on.
"""

import argparse
import multiprocessing
import os
import time
from pathlib import Path

from benchmarks.clinic import data
from benchmarks.clinic.cases import HEALTHY, REPORTED
from benchmarks.clinic.phases import PHASES, TREATED, Task, cases, work_on
from benchmarks.clinic.tables import conclude
from benchmarks.measuring import RESULTS


def main() -> None:
    """Run a phase."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("phase", choices=(*PHASES, "table"))
    parser.add_argument("--mnist", default="mnist", help="a folder with MNIST's four IDX files; downloaded by default")
    parser.add_argument("--work", type=Path, default=Path("runs/clinic"), help="runs and numbers are kept here")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--first", type=int, default=REPORTED, help="number of the first case; below 1000 for development"
    )
    parser.add_argument("--kinds", nargs="*", default=["image", "table", "text"])
    parser.add_argument("--minutes", type=float, default=1e6, help="no case is begun later; the next call goes on")
    parser.add_argument("--only", nargs="*", default=[], help="cases planted with these, or healthy")
    parser.add_argument("--checks", nargs="*", default=[], help="measure these again, though they are known")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    work = arguments.work
    if arguments.phase == "table":
        conclude(cases(arguments.first), work, arguments.out)
        return
    data.prepare(work, arguments.mnist, images="image" in arguments.kinds)
    chosen = [one for one in cases(arguments.first) if one.kind in arguments.kinds]
    chosen = [one for one in chosen if not arguments.only or one.planted in arguments.only]
    if arguments.phase == "treat":
        chosen = [one for one in chosen if one.planted != HEALTHY and one.number < arguments.first + TREATED]
    end = time.time() + 60 * arguments.minutes
    os.environ["OMP_NUM_THREADS"] = "1"
    with multiprocessing.get_context("spawn").Pool(arguments.workers, maxtasksperchild=50) as pool:
        tasks = [Task(arguments.phase, one, work, tuple(arguments.checks), end) for one in chosen]
        for said in pool.imap_unordered(work_on, tasks):
            if said:
                print(said, flush=True)


if __name__ == "__main__":
    main()
