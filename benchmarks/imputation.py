"""How well does vaekit fill in missing cells, and do its intervals hold what was there, beside the usual ways?

    python -m benchmarks.imputation [--data DIR] [--tables adult wine ...] [--shares 10 30 50] [--masks 1] [--hide MCAR MAR MNAR] [--keys KEY=VALUE ...]

It takes the very cells that `imputation_rivals` hides. A model with `goal=imputation` is trained on the table with holes, with
the kinds of columns in a schema file, and fills the holes. Results are kept by table, mechanism, share, mask and name: `--keys`
are part of it. What is kept is not done again. `--tables` without one makes the page again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml

import vaekit
from benchmarks.imputation_page import rows
from benchmarks.imputation_rivals import RIVALS
from benchmarks.measuring import RESULTS, machine, report, table
from benchmarks.typed_tables import MASKS, TYPED, Hidden, Typed, every_mask

__all__ = ["coverage", "write_schema"]

NAME = "vaekit"
LEVEL = 0.9
MEANING = (
    "NRMSE and error as `imputation_rivals` has them: root mean square over the hidden cells of a column, divided by its "
    "range or its standard deviation, mean over the columns; share of hidden cells with another category. A number is "
    f"filled in by the mean of its draws, a rank by their median, a category by the likeliest. Coverage: share of hidden numbers inside intervals of "
    f"{LEVEL:.0%}, mean over the columns; they leave out as much on either side, of a column with spikes they are the shortest. Ordinal columns "
    "are ranks, and not in it. A twentieth of the rows (a tenth of a small table) is kept from the weights, to choose the "
    "best ones and the weights of VAE, Gaussian and forest by; rivals have all rows. ± is the standard error of the mean over masks. CPU s: of fit and "
    "impute; of rivals, of the filling in."
)


@dataclass(frozen=True)
class Order:
    """What is asked of a fit.

    Args:
        name: Of its rows in the page.
        keys: Beside `goal=imputation`.
        draws: Latents that are compared per row, and draws behind an interval.
        seed: Of weights, noise and draws.
    """

    name: str
    keys: tuple[str, ...]
    draws: int
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
    given = hidden.write(typed, folder)
    schema = write_schema(typed, folder / "schema.yaml")
    # A copy of it is the test part, of which nothing is asked here: so no row is set aside for that.
    again = shutil.copy(given, folder / "test.csv")
    keys = dict(key.split("=", 1) for key in order.keys)
    began = time.process_time()
    model = vaekit.fit(str(given), goal="imputation", schema_file=str(schema), test=str(again), seed=order.seed, **keys)
    fitted = time.process_time()
    check_kinds(model, typed)
    filled = model.impute(str(given), proposals=order.draws, level=LEVEL, seed=order.seed)
    ended = time.process_time()
    return {
        **{
            "table": name,
            "title": typed.title,
            **hidden.about,
            "rival": order.name,
            "keys": order.keys,
            "seed": order.seed,
        },
        **{"date": about["date"], "load_before": about["load_before"]},
        "weights": model.model.stacking.weight.mean(1).tolist() if hasattr(model.model, "stacking") else [1.0],
        "ess": filled.ess.nanmean().item(),
        "fit_cpu_seconds": fitted - began,
        "cpu_seconds": ended - began,
        "coverage": coverage(typed, hidden, filled.cells, order.draws),
        **typed.errors(filled.table, hidden),
    }


def check_kinds(model: vaekit.TrainedModel, typed: Typed) -> None:
    """Refuse a model whose columns are not of the declared kinds.

    Raises:
        ValueError: The first column of another kind.
    """
    kinds = model.schema.kinds  # type: ignore[union-attr]
    for name, kind in zip(typed.columns, typed.kinds, strict=True):
        if (kind == "numeric") != (kinds.get(name) == "numeric") and kind != "ordinal":
            raise ValueError(f"column {name!r} must be {kind}, but the model has it as {kinds.get(name)}")


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
        if not known.any():
            continue
        truth = typed.values[places, j]
        inside = (some["low"].to_numpy() <= truth) & (truth <= some["high"].to_numpy())
        shares[typed.columns[j]] = float(inside[known].mean())
    return {"mean": float(np.mean(list(shares.values()))), "draws": draws, "shares": shares}


def kept(path: Path) -> dict[str, Any]:
    """Return what was done before, by table, share, mask and name."""
    return json.loads(path.read_text(encoding="utf-8"))["jobs"] if path.is_file() else {}


def conclude(jobs: Mapping[str, Any], rivals: Path, out: Path) -> None:
    """Write all figures, and a table of each table."""
    own, others = list(jobs.values()), list(kept(rivals).values())
    titles = {job["table"]: job["title"] for job in (*own, *others)}
    ways = list(dict.fromkeys((*RIVALS, *(job["rival"] for job in own))))
    tables = [f"## {title}\n\n{table(rows([*others, *own], name, ways))}" for name, title in titles.items()]
    keys = {job["rival"]: f"{job['rival']}: `{' '.join(('goal=imputation', *job['keys']))}`" for job in own}
    about = {"machine": machine(), "settings": {"seed": sorted({job["seed"] for job in own})}, "jobs": jobs}
    report("imputation", (__doc__ or "").splitlines()[0], out, about, [*tables, "; ".join(keys.values()), MEANING])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with data.csv and data_types.csv of adult")
    parser.add_argument("--tables", nargs="*", choices=TYPED, default=list(TYPED))
    parser.add_argument("--shares", nargs="*", type=int, default=[10, 30, 50], help="hidden cells, in percent")
    parser.add_argument("--masks", type=int, default=1, help="masks per share, of seeds 0, 1, ...")
    parser.add_argument("--hide", nargs="*", choices=MASKS, default=["MCAR"], help="mechanisms")
    parser.add_argument("--draws", type=int, default=200, help="latents per row, and draws behind an interval")
    parser.add_argument("--keys", nargs="*", default=[], metavar="KEY=VALUE", help="more keys of vaekit fit")
    parser.add_argument("--name", help="of the rows in the page; by default vaekit and the keys")
    parser.add_argument("--seed", type=int, default=0, help="of weights and draws")
    parser.add_argument("--rivals", type=Path, help="imputation_rivals.json; by default the one in --out")
    parser.add_argument("--work", type=Path, default=Path("runs/benchmarks"), help="folder for hidden cells")
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser


def main() -> None:
    """Fill in each table at each share."""
    parser = _parser()
    given = parser.parse_args()
    name = given.name or " ".join((NAME, *given.keys))
    order = Order(name, tuple(given.keys), given.draws, given.seed)
    rivals, path = given.rivals or given.out / "imputation_rivals.json", given.out / "imputation.json"
    try:
        tables = {name: TYPED[name](given.data) for name in given.tables}
    except (OSError, ValueError) as error:
        parser.error(str(error))
    for name, typed in tables.items():
        for hidden in every_mask(typed, given.hide, given.shares, given.masks):
            if (key := f"{name} {hidden.name} {order.name}") not in kept(path):
                done = {key: job(name, typed, hidden, order, given.work)}
                # Read again after the work: another process may have ended meanwhile.
                conclude(kept(path) | done, rivals, given.out)
    if not tables:
        conclude(kept(path), rivals, given.out)


if __name__ == "__main__":
    main()
