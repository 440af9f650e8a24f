"""How well does vaekit fill in missing cells, and do its intervals hold what was there, beside the usual ways?

    python -m benchmarks.imputation [--data DIR] [--tables adult breast-cancer] [--shares 10 30 50] [--masks 1] [--keys KEY=VALUE ...]

It takes the very cells that `imputation_rivals` hides. A model with `goal=imputation` is trained on the table with holes by
`vaekit fit`, with the kinds of columns in a schema file, and the holes are filled by `vaekit impute`. Results are kept by
table, share, mask and name: `--keys` go with a `--name` of their own. `--tables` without one makes the page again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as parquet
import yaml

from benchmarks.commands import vaekit
from benchmarks.measuring import RESULTS, machine, report, table
from benchmarks.typed_tables import TYPED, Hidden, Typed, hide
from vaekit import load

__all__ = ["coverage", "write_schema"]

NAME = "vaekit"
LEVEL = 0.9
MEANING = (
    "NRMSE and error as `imputation_rivals` has them: root mean square over the hidden cells of a column, divided by its "
    "range or its standard deviation, mean over the columns; share of hidden cells with another category. A number is "
    f"filled in by the mean of its draws, a rank by their median, a category by the likeliest. Coverage: share of hidden numbers inside intervals of "
    f"{LEVEL:.0%}, mean over the columns; they leave out as much on either side, of a column with spikes they are the shortest. Ordinal columns "
    "are ranks, and not in it. A twentieth of the rows (a tenth of a small table) is kept from the weights, to choose the "
    "best ones by; rivals have all rows. CPU s: of fit and impute; of rivals, of the filling in."
)


@dataclass(frozen=True)
class Order:
    """What is asked of a fit.

    Args:
        name: Of its rows in the page.
        keys: Beside `goal=imputation`.
        seconds: The time limit.
        draws: Latents that are compared per row, and draws behind an interval.
        threads: Of each command.
        seed: Of weights, noise and draws.
    """

    name: str
    keys: tuple[str, ...]
    seconds: float
    draws: int
    threads: int
    seed: int


def write_schema(typed: Typed, path: Path) -> Path:
    """Write the kinds that are declared; of numbers, what they are is left to be found out."""
    declared = {"categorical": {"kind": "categorical"}, "ordinal": {"kind": "ordinal"}, "numeric": {}}
    columns = [{"name": name, **declared[kind]} for name, kind in zip(typed.columns, typed.kinds, strict=True)]
    path.write_text(yaml.safe_dump({"columns": columns}, sort_keys=False), encoding="utf-8")
    return path


def job(name: str, typed: Typed, hidden: Hidden, order: Order, work: Path) -> dict[str, Any]:
    """Train on the table with holes, fill them in, and measure."""
    folder, about = (work / f"imputation-{name}").absolute(), machine()
    given, run = hidden.write(typed, folder), folder / f"run-{hidden.name}-{int(time.time())}"
    schema = write_schema(typed, folder / "schema.yaml")
    # A copy of it is the test part, of which nothing is asked here: so no row is set aside for that. It is what is filled.
    again = shutil.copy(given, folder / "test.csv")
    keys = ("goal=imputation", f"schema_file={schema}", f"test={again}", *order.keys)
    limit = ("--time-limit", f"{order.seconds:g}s", "--seed", str(order.seed))
    fitted = vaekit("fit", str(given), *keys, *limit, "--out", str(run), threads=order.threads)
    print(f"run: {run}", flush=True)
    check_kinds(run, typed)
    out, cells = run / "filled.parquet", run / "cells.parquet"
    asked = ("--level", str(LEVEL), "--samples", str(order.draws), "--seed", str(order.seed))
    filled = vaekit(
        "impute", str(run), str(again), "--out", str(out), "--intervals", str(cells), *asked, threads=order.threads
    )
    return {
        **{"table": name, "title": typed.title, "share": hidden.share, "mask": hidden.seed, "rival": order.name},
        **{"keys": order.keys, "seconds": order.seconds, "seed": order.seed, "threads": order.threads},
        **{"date": about["date"], "load_before": about["load_before"], "run": run.name},
        "fit": fitted.figures(),
        "impute": filled.figures(),
        "ess": filled.answer["ess"],
        "cpu_seconds": fitted.cpu + filled.cpu,
        "coverage": coverage(typed, hidden, parquet.read_table(cells), order.draws),
        **typed.errors(parquet.read_table(out), hidden),
    }


def check_kinds(run: Path, typed: Typed) -> None:
    """Refuse a run whose columns are not of the declared kinds.

    Raises:
        ValueError: The first column of another kind.
    """
    kinds = load(run).schema.kinds  # type: ignore[union-attr]
    for name, kind in zip(typed.columns, typed.kinds, strict=True):
        if (kind == "numeric") != (kinds.get(name) == "numeric") and kind != "ordinal":
            raise ValueError(f"column {name!r} must be {kind}, but {run} has it as {kinds.get(name)}")


def coverage(typed: Typed, hidden: Hidden, cells: pa.Table, draws: int) -> dict[str, Any]:
    """Return the share of hidden numbers between low and high by column, and the mean.

    Args:
        typed: The table without holes.
        hidden: Its hidden cells.
        cells: A row for each cell that was filled in: its row, column, low and high.
        draws: Draws behind an interval.
    """
    shares = {}
    for j in typed.of("numeric"):
        some = cells.filter(pc.equal(cells["column"], typed.columns[j]))
        places = some["row"].to_numpy()
        known = hidden.cells[places, j]  # cells that the table itself lacks have no truth
        truth = typed.values[places, j]
        inside = (some["low"].to_numpy() <= truth) & (truth <= some["high"].to_numpy())
        shares[typed.columns[j]] = float(inside[known].mean())
    return {"mean": float(np.mean(list(shares.values()))), "draws": draws, "shares": shares}


def rows(jobs: Sequence[Mapping[str, Any]], rivals: Sequence[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return a row per share and way of filling in: means over the masks, which are those of this script."""
    own = [job for job in jobs if job["table"] == name]
    masks = {(job["share"], job["mask"]) for job in own}
    others = [job for job in rivals if job["table"] == name and (job["share"], job["mask"]) in masks]
    ways = list(dict.fromkeys(job["rival"] for job in (*others, *own)))
    cases = [(share, way) for share in sorted({share for share, _ in masks}) for way in ways]
    found = []
    for share, way in cases:
        same = [job for job in (*others, *own) if (job["share"], job["rival"]) == (share, way)]
        if same:
            found.append(_row(share, way, same))
    return found


def _row(share: float, way: str, same: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    errors = {
        key: _mean(job[key] for job in same) for key, value in same[0].items() if " " in key and value is not None
    }
    held = [job["coverage"] for job in same if "coverage" in job]
    return {
        "hidden": f"{share:.0%}",
        "masks": len(same),
        "filled by": way,
        **errors,
        "coverage of 90 %": f"{_mean(c['mean'] for c in held):.3f}" if held else "",
        "CPU s": _mean(job["cpu_seconds"] for job in same),
    }


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def kept(path: Path) -> dict[str, Any]:
    """Return what was done before, by table, share, mask and name."""
    return json.loads(path.read_text(encoding="utf-8"))["jobs"] if path.is_file() else {}


def conclude(jobs: Mapping[str, Any], rivals: Path, out: Path) -> None:
    """Write all figures, and a table of each table."""
    own, others = list(jobs.values()), list(kept(rivals).values())
    titles = {job["table"]: job["title"] for job in own}
    tables = [f"## {title}\n\n{table(rows(own, others, name))}" for name, title in titles.items()]
    ways = {job["rival"]: f"{job['rival']}: `{' '.join(('goal=imputation', *job['keys']))}`" for job in own}
    chosen = {key: sorted({job[key] for job in own}) for key in ("seconds", "threads", "seed")}
    about = {"machine": machine(), "settings": chosen, "jobs": jobs}
    report("imputation", (__doc__ or "").splitlines()[0], out, about, [*tables, "; ".join(ways.values()), MEANING])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with data.csv and data_types.csv of adult")
    parser.add_argument("--tables", nargs="*", choices=TYPED, default=list(TYPED))
    parser.add_argument("--shares", nargs="*", type=int, default=[10, 30, 50], help="hidden cells, in percent")
    parser.add_argument("--masks", type=int, default=1, help="masks per share, of seeds 0, 1, ...")
    parser.add_argument("--seconds", type=float, default=180.0, help="time limit of each fit")
    parser.add_argument("--draws", type=int, default=200, help="latents per row, and draws behind an interval")
    parser.add_argument("--keys", nargs="*", default=[], metavar="KEY=VALUE", help="more keys of vaekit fit")
    parser.add_argument("--name", help="of the rows in the page; by default vaekit and the keys")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of weights and draws")
    parser.add_argument("--rivals", type=Path, help="imputation_rivals.json; by default the one in --out")
    parser.add_argument("--work", type=Path, default=Path("runs/benchmarks"), help="folder for hidden cells and runs")
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser


def main() -> None:
    """Fill in each table at each share."""
    parser = _parser()
    given = parser.parse_args()
    name = given.name or " ".join((NAME, *given.keys))
    order = Order(name, tuple(given.keys), given.seconds, given.draws, given.threads, given.seed)
    rivals, path = given.rivals or given.out / "imputation_rivals.json", given.out / "imputation.json"
    try:
        tables = {name: TYPED[name](given.data) for name in given.tables}
    except (OSError, ValueError) as error:
        parser.error(str(error))
    for name, typed in tables.items():
        for hidden in (hide(typed, share / 100, seed) for share in given.shares for seed in range(given.masks)):
            done = {f"{name} {hidden.name} {order.name}": job(name, typed, hidden, order, given.work)}
            # Read again after the work: another process may have ended meanwhile.
            conclude(kept(path) | done, rivals, given.out)
    if not tables:
        conclude(kept(path), rivals, given.out)


if __name__ == "__main__":
    main()
