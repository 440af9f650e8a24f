"""What does a table of a million rows take: seconds and memory of reading, training, scoring and sampling?

    python -m benchmarks.million --adult DIR [--only STAGE ...] [--rows 1000000] [--seconds 120] [--samples 5]

The tables are Adult's rows, drawn with replacement and shaken (`table_data`). Each stage is a process of its own. Stages may
be done one at a time: results are kept by name in `million.json`, and the page is made of all that are there; `score` and
`sample` take the last run of `fit` in `--work`. `--only` without a stage runs nothing and makes the page again.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.commands import Ran, python, vaekit
from benchmarks.measuring import RESULTS, machine, report, table
from benchmarks.table_data import TABLES, resampled

NAME = "adult"
TABLE = TABLES[NAME]
GOAL_GB = 8.0
MEANING = (
    "Seconds are those of the whole command, of which importing torch is two or three; of `prepare` (reading, columns told "
    "apart and coded, as every command begins) those of the work itself. Peak: the most memory that the process held, of "
    f"which torch is .4 GB. Goal: {GOAL_GB:g} GB at most in every stage, and seconds that grow no faster than rows."
)


@dataclass(frozen=True)
class Place:
    """What a stage is given.

    Args:
        source: Holds Adult as published, or its train.csv and test.csv.
        work: Folder for tables, runs and what is made of them.
        rows: Of the largest table.
        seconds: Time limit of `fit`.
        samples: K of the bound that `score` writes.
        threads: Of each command.
        seed: Of the tables, the weights and the draws.
    """

    source: Path
    work: Path
    rows: int
    seconds: float
    samples: int
    threads: int
    seed: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """Rows of the tables whose preparation is timed: from a tenth on."""
        return self.rows // 10, 3 * self.rows // 10, self.rows

    def table(self, rows: int) -> Path:
        """Return the folder of a table of so many training rows, made where it is not there yet."""
        out = self.work / f"table-{NAME}-{rows}"
        if not all((out / f"{part}.csv").is_file() for part in ("train", "test")):
            resampled(TABLE, TABLE.folder(self.source, self.work / f"table-{NAME}"), out, rows, self.seed)
        return out

    def run(self) -> Path:
        """Return the last run.

        Raises:
            ValueError: There is none.
        """
        runs = sorted(path.parent for path in self.work.glob(f"million-{self.rows}-*/evaluation.json"))
        if not runs:
            raise ValueError("score and sample need a run; do the stage fit first")
        return runs[-1]


def prepare(place: Place) -> dict[str, Any]:
    """Read tables of several sizes."""
    return {f"prepare {rows}": _prepared(place, rows) for rows in place.sizes}


def _prepared(place: Place, rows: int) -> dict[str, Any]:
    ran = python("table_reading", str(place.table(rows)), TABLE.target, threads=place.threads)
    return {**ran.figures(), **ran.answer}


def fit(place: Place) -> dict[str, Any]:
    """Train on the largest table."""
    run = place.work / f"million-{place.rows}-{int(time.time())}"
    limit = ("--time-limit", f"{place.seconds:g}s", "--seed", str(place.seed))
    folder, target = str(place.table(place.rows)), f"target={TABLE.target}"
    ran = vaekit("fit", folder, target, *limit, "--out", str(run), threads=place.threads)
    history = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    last = json.loads(history[-1])
    trained = {key: last[key] for key in ("step", "epoch", "seconds", "data_per_second")}
    found = {"rows": place.rows, "limit": place.seconds, "run": run.name, "trained": trained}
    return {"fit": {**ran.figures(), **found, "notes": ran.answer["evaluation"]["notes"]}}


def score(place: Place) -> dict[str, Any]:
    """Write the bounds of all training rows."""
    run = place.run()
    rows, out = place.table(place.rows) / "train.csv", run / "scores.parquet"
    ran = vaekit(
        *("score", str(run), str(rows), "--out", str(out), "--samples", str(place.samples)), threads=place.threads
    )
    return {"score": _written(ran, out) | {"samples": place.samples, "rows": ran.answer["n"]}}


def sample(place: Place) -> dict[str, Any]:
    """Write as many new rows."""
    run = place.run()
    out = run / "synthetic.parquet"
    ran = vaekit("sample", str(run), "-n", str(place.rows), "--out", str(out), threads=place.threads)
    return {"sample": _written(ran, out) | {"rows": ran.answer["n"]}}


def _written(ran: Ran, out: Path) -> dict[str, Any]:
    return {**ran.figures(), "megabytes": round(out.stat().st_size / 1e6, 1)}


STAGES: dict[str, Callable[[Place], dict[str, Any]]] = {
    "prepare": prepare,
    "fit": fit,
    "score": score,
    "sample": sample,
}


def rows(jobs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row per stage."""
    ordered = sorted(jobs.items(), key=lambda item: (list(STAGES).index(item[0].split()[0]), item[1]["rows"]))
    return [_row(name, job) for name, job in ordered]


def _row(name: str, job: Mapping[str, Any]) -> dict[str, Any]:
    detail = {"fit": f"limit {job.get('limit', 0):g} s", "score": f"K = {job.get('samples')}"}
    return {
        "stage": name.split()[0],
        "rows": f"{job['rows']:,}",
        "seconds": f"{job['wall']:.1f}",
        "CPU s": f"{job['cpu']:.1f}",
        "us per row": f"{1e6 * job['wall'] / job['rows']:.1f}",
        "peak GB": f"{job['peak_gb']:.2f}",
        "within the goal": "yes" if job["peak_gb"] < GOAL_GB else "NO",
        "": detail.get(name, ""),
        "load before": job["load_before"],
    }


def growth(jobs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return how the time per row grows from the smallest table to the others; nothing where there is but one."""
    sizes = sorted((job for name, job in jobs.items() if name.startswith("prepare")), key=lambda job: job["rows"])
    return [_growth(sizes[0], job) for job in sizes[1:]]


def _growth(small: Mapping[str, Any], large: Mapping[str, Any]) -> dict[str, Any]:
    factor = large["rows"] / small["rows"]
    ratios = {name: large[key] / small[key] / factor for name, key in (("seconds", "wall"), ("CPU s", "cpu"))}
    return {
        "rows": f"{small['rows']:,} to {large['rows']:,}",
        **{f"{name} per row, ratio": f"{ratio:.2f}" for name, ratio in ratios.items()},
        "bytes more per row": f"{1e9 * (large['peak_gb'] - small['peak_gb']) / (large['rows'] - small['rows']):,.0f}",
    }


def kept(out: Path) -> dict[str, Any]:
    """Return the stages done before, by name."""
    path = out / "million.json"
    return json.loads(path.read_text(encoding="utf-8"))["jobs"] if path.is_file() else {}


def conclude(jobs: Mapping[str, Any], out: Path, asked: Mapping[str, Any]) -> None:
    """Write all figures, a table of the stages, and how preparation grows."""
    tables = [table(part) for part in (rows(jobs), growth(jobs)) if part]
    question = (__doc__ or "").splitlines()[0]
    report("million", question, out, {"machine": machine(), "settings": asked, "jobs": jobs}, [*tables, MEANING])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adult", type=Path, help="folder with Adult as published, or its train.csv and test.csv")
    parser.add_argument("--only", nargs="*", choices=STAGES, default=list(STAGES), metavar="STAGE")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the largest table")
    parser.add_argument("--seconds", type=float, default=120.0, help="time limit of fit")
    parser.add_argument("--samples", type=int, default=5, help="K of the bounds that score writes")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("runs/benchmarks"), help="folder for tables and runs")
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser


def main() -> None:
    """Do the stages."""
    parser = _parser()
    given = parser.parse_args()
    asked = {key: getattr(given, key) for key in ("rows", "seconds", "samples", "threads", "seed")}
    place = Place(given.adult, given.work.absolute(), **asked)
    for stage in given.only:
        about = machine()
        try:
            if given.adult is None:
                raise ValueError("the tables are made of --adult, a folder with its files")
            found = STAGES[stage](place)
        except (OSError, ValueError) as error:
            parser.error(str(error))
        began = {key: about[key] for key in ("date", "load_before")}
        # Read again after the stage: another one may have ended meanwhile.
        conclude(kept(given.out) | {name: job | began for name, job in found.items()}, given.out, asked)
    if not given.only:
        conclude(kept(given.out), given.out, asked)


if __name__ == "__main__":
    main()
