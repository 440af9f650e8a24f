"""How good and how quick are synthetic rows beside those of CTGAN's TVAE at equal wall-clock?

    python -m benchmarks.tables --adult DIR --default-credit DIR [--only NAME ...] [--seconds 180] [--tvae-epochs 300]

Each job is one table: `vaekit fit` as a new user would run it, whose time limit holds all from reading to the report, then
TVAE with its own defaults and as many seconds for preparation and training (more where vaekit took more). `--tvae-epochs`
adds TVAE with so many epochs, whatever they take. Jobs may be run one at a time: results are kept by table and arm in `tables.json`, and the page is made
of all that are there; `--only` without a name runs nothing and makes it again.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet
import torch

from benchmarks.commands import vaekit
from benchmarks.measuring import RESULTS, machine, report
from benchmarks.table_data import TABLES, Table
from benchmarks.table_page import sections
from benchmarks.table_reading import prepared
from benchmarks.tvae_peer import EPOCHS, Order, tvae
from vaekit import load
from vaekit.evaluation.tables import TableQuality, table_quality
from vaekit.interfaces.runs.run import Run

SAMPLED = 100_000  # rows that sampling is timed on
WARM = 10_000  # rows made before
WORST = 5  # columns that are named
_EMPTY_IS_MISSING = arrow_csv.ConvertOptions(strings_can_be_null=True)


@dataclass(frozen=True)
class Place:
    """What a job is given.

    Args:
        name: Of the table.
        folder: Holds train.csv and test.csv.
        work: Folder for what arms write.
        seconds: For each arm.
        threads: For each arm.
        seed: Of each arm.
    """

    name: str
    folder: Path
    work: Path
    seconds: float
    threads: int
    seed: int

    @property
    def table(self) -> Table:
        """The table."""
        return TABLES[self.name]

    def part(self, name: str) -> pa.Table:
        """Return the rows of a part."""
        return arrow_csv.read_csv(self.folder / f"{name}.csv", convert_options=_EMPTY_IS_MISSING)

    def new(self, arm: str) -> Path:
        """Return where an arm may write."""
        return self.work / f"tables-{self.name}-{arm}-{int(time.time())}"


def vaekit_arm(place: Place) -> dict[str, Any]:
    """Train by the command line, make rows, and time making them and reading."""
    run, target = place.new("vaekit"), f"target={place.table.target}"
    limit = ("--time-limit", f"{place.seconds:g}s", "--seed", str(place.seed))
    fitted = vaekit("fit", str(place.folder), target, *limit, "--out", str(run), threads=place.threads)
    print(f"run: {run}", flush=True)
    rows = run / "synthetic.parquet"
    count = len(place.part("train"))
    vaekit("sample", str(run), "-n", str(count), "--out", str(rows), threads=place.threads)
    found = load(run)
    last, batch = found.history[-1], found.experiment.training.batch
    return {
        "command": f"vaekit fit FOLDER {target} {' '.join(limit)}",
        **fitted.figures(),
        "epochs": last["epoch"],
        "training_rows_per_second": last["step"] * batch / last["seconds"],
        "sampling": _sampling(found),
        "preparation_seconds": prepared(place.folder, place.table.target)["wall"],
        "notes": fitted.answer["evaluation"]["notes"],
        **judged(place, parquet.read_table(rows)),
    }


def _sampling(run: Run) -> dict[str, float]:
    run.sample(WARM)
    wall, cpu = time.perf_counter(), time.process_time()
    run.sample(SAMPLED)
    return _rates(SAMPLED, time.perf_counter() - wall, time.process_time() - cpu)


def _rates(rows: int, wall: float, cpu: float) -> dict[str, float]:
    return {"rows_per_second": rows / wall, "rows_per_cpu_second": rows / cpu}


def tvae_arm(place: Place, seconds: float | None, epochs: int = EPOCHS) -> dict[str, Any]:
    """Train and sample: as many epochs as fit into the seconds, or all of them."""
    out = place.new("tvae")
    order = Order(
        table=place.folder / "train.csv",
        discrete=place.table.discrete,
        seconds=seconds,
        epochs=epochs,
        rows=SAMPLED,
        threads=place.threads,
        seed=place.seed,
    )
    figures = tvae(order, out)
    return {
        "command": f"ctgan.TVAE, {f'{epochs} epochs' if seconds is None else f'{seconds:.0f} s'}",
        **figures["fit"],
        "epochs": figures["epochs"],
        "training_rows_per_second": figures["train"]["rows_per_second"],
        "sampling": _rates(SAMPLED, figures["sample"]["wall"], figures["sample"]["cpu"]),
        "preparation_seconds": figures["prepare"]["wall"],
        "notes": [figures["note"]] if figures["note"] else [],
        **judged(place, parquet.read_table(out / "synthetic.parquet")),
    }


def judged(place: Place, synthetic: pa.Table) -> dict[str, Any]:
    """Return the quality of as many rows as there are training rows, and the columns with the worst shapes."""
    train, began = place.part("train"), time.perf_counter()
    kinds, target = place.table.kinds, place.table.target
    found = table_quality(synthetic[: len(train)], train, place.part("test"), kinds=kinds, target=target)
    print(*found.lines(), sep="\n", flush=True)
    return {"quality": _quality(found), "judging_seconds": round(time.perf_counter() - began, 1)}


def _quality(found: TableQuality) -> dict[str, Any]:
    return {**found.summary(), "worst": found.model.shapes.worst(WORST)}


def arms(place: Place, epochs: int | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Run the arms of a job one after the other, and yield the name of each and what came of it."""
    ours = vaekit_arm(place)
    yield "vaekit", ours
    yield "TVAE", tvae_arm(place, max(place.seconds, ours["wall"]))
    if epochs:
        yield f"TVAE, {epochs} epochs", tvae_arm(place, None, epochs)


def kept(out: Path) -> dict[str, Any]:
    """Return the arms done before, by table and name."""
    path = out / "tables.json"
    return json.loads(path.read_text(encoding="utf-8"))["jobs"] if path.is_file() else {}


def conclude(jobs: Mapping[str, Any], out: Path) -> None:
    """Write all figures, and two tables of each table."""
    about = {"machine": machine(), "settings": {"sampled": SAMPLED}, "jobs": jobs}
    report("tables", (__doc__ or "").splitlines()[0], out, about, sections(jobs))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in TABLES:
        parser.add_argument(f"--{name}", type=Path, help="folder with its files as published, or of train and test.csv")
    parser.add_argument("--only", nargs="*", choices=TABLES, metavar="NAME", help=", ".join(TABLES))
    parser.add_argument("--seconds", type=float, default=180.0, help="of the wall, for each arm")
    parser.add_argument("--tvae-epochs", type=int, help=f"also TVAE with so many epochs; {EPOCHS} are its default")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("runs/benchmarks"), help="folder for tables, runs and rows")
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser


def main() -> None:
    """Run the jobs."""
    parser = _parser()
    given = parser.parse_args()
    sources = {name: getattr(given, name.replace("-", "_")) for name in TABLES}
    names = [name for name in TABLES if sources[name]] if given.only is None else given.only
    torch.set_num_threads(given.threads)
    pa.set_cpu_count(given.threads)
    for name in names:
        try:
            if sources[name] is None:
                raise ValueError(f"{name} needs --{name} with the folder of its files")
            folder = TABLES[name].folder(sources[name], given.work / f"table-{name}").absolute()
        except (OSError, ValueError) as error:
            parser.error(str(error))
        place = Place(name, folder, given.work.absolute(), given.seconds, given.threads, given.seed)
        asked = {key: value for key, value in asdict(place).items() if key in ("seconds", "threads", "seed")}
        about = machine()
        for arm, found in arms(place, given.tvae_epochs):
            done = asked | {key: about[key] for key in ("date", "load_before")} | found
            about = machine()
            # Read again after it: another job may have ended meanwhile.
            jobs = kept(given.out)
            conclude({**jobs, name: {**jobs.get(name, {}), arm: done}}, given.out)
    if not names:
        conclude(kept(given.out), given.out)


if __name__ == "__main__":
    main()
