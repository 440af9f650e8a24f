"""How well do the usual ways fill in missing cells: means and modes, nearest neighbours, a regression per column in turns?

    python -m benchmarks.imputation_rivals [--data DIR] [--tables adult breast-cancer] [--shares 10 30 50] [--masks 1]

Cells are hidden completely at random, and each rival gets the rest of the same table. Numbers are standardised and
categories one-hot for it, and the largest of the numbers that come back is the category. The hidden cells are kept in
`--work`, so that others fill in exactly the same. Results are kept by table and share: `--tables` and `--shares` may be done
one at a time.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401, which makes the import after it possible
from sklearn.impute import IterativeImputer, KNNImputer

from benchmarks.measuring import RESULTS, machine, report, table
from benchmarks.typed_tables import TYPED, Hidden, Typed, hide

__all__ = ["RIVALS", "Codes", "fill"]

DONORS = 5000  # rows among which neighbours are looked for
MEANING = (
    "NRMSE: root mean square over the hidden cells of a column, divided by its range or its standard deviation, mean over "
    "the columns. Ordinal columns are ranks. Error: share of hidden cells with another category, mean over the columns. "
    f"Nearest neighbours are looked for among {DONORS:,} rows at most. 'own left out': no indicator of a category is "
    "predicted from the others of the same column, which add up to one with it and keep it where it began."
)


class Codes:
    """A table as the rivals take it: standardised numbers, and indicators of categories.

    Args:
        typed: Tells kinds and categories.
        values: `(N, D)` with NaN; mean and scale are those of what is there.
    """

    def __init__(self, typed: Typed, values: np.ndarray) -> None:
        self.typed, self.loc, self.scale = typed, np.nanmean(values, 0), np.nanstd(values, 0)
        self.levels = {j: _levels(typed.values[:, j]) for j in typed.of("categorical")}
        self.column = np.repeat(np.arange(len(typed.kinds)), [len(self.levels.get(j, [0])) for j in self._all])

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return `(N, W)`, where all indicators of a missing cell are missing."""
        return np.column_stack([self._encoded(j, values[:, j]) for j in self._all])

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Return `(N, D)`; the category with the largest number."""
        return np.column_stack([self._decoded(j, codes[:, self.column == j]) for j in self._all])

    @property
    def _all(self) -> range:
        return range(len(self.typed.kinds))

    def _encoded(self, j: int, x: np.ndarray) -> np.ndarray:
        if j not in self.levels:
            return (x[:, None] - self.loc[j]) / self.scale[j]
        return np.where(np.isnan(x)[:, None], np.nan, x[:, None] == self.levels[j])

    def _decoded(self, j: int, codes: np.ndarray) -> np.ndarray:
        if j not in self.levels:
            return codes[:, 0] * self.scale[j] + self.loc[j]
        return self.levels[j][codes.argmax(1)]


class OthersOnly(IterativeImputer):
    """Predicts no indicator from the others of its own column.

    Args:
        column: `(W,)`, the column of each indicator.
        seed: Of ties.
    """

    def __init__(self, column: np.ndarray | None = None, random_state: int | None = None) -> None:
        super().__init__(random_state=random_state)
        self.column = column

    def _get_neighbor_feat_idx(self, n_features: int, feat_idx: int, abs_corr_mat: Any) -> np.ndarray:
        return np.flatnonzero(self.column != self.column[feat_idx])


def constants(codes: Codes, given: np.ndarray, seed: int) -> np.ndarray:
    """Return the mean of each number, and the shares of categories, of which the largest is the mode."""
    return np.where(np.isnan(given), np.nanmean(given, 0), given)


def neighbours(codes: Codes, given: np.ndarray, seed: int) -> np.ndarray:
    """Return the means of the five nearest rows that know the cell, among some."""
    donors = np.random.default_rng(seed).permutation(len(given))[:DONORS]
    return KNNImputer(keep_empty_features=True).fit(given[donors]).transform(given)


def iterative(codes: Codes, given: np.ndarray, seed: int) -> np.ndarray:
    """Return what a ridge regression per column, ten times in turns, ends with."""
    return IterativeImputer(random_state=seed).fit_transform(given)


def iterative_others(codes: Codes, given: np.ndarray, seed: int) -> np.ndarray:
    """Return the same, but with `OthersOnly`."""
    return OthersOnly(codes.column, random_state=seed).fit_transform(given)


RIVALS: dict[str, Callable[[Codes, np.ndarray, int], np.ndarray]] = {
    "mean / mode": constants,
    "k-NN": neighbours,
    "iterative": iterative,
    "iterative, own left out": iterative_others,
}


def fill(rival: str, typed: Typed, hidden: Hidden) -> tuple[pa.Table, float]:
    """Return the table with the hidden cells filled in, and the seconds of the processor that it took."""
    codes, began = Codes(typed, hidden.values), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # ten turns are its default, and seldom the end
        filled = codes.decode(RIVALS[rival](codes, codes.encode(hidden.values), hidden.seed))
    seconds = time.process_time() - began
    return typed.arrow(np.where(hidden.cells, filled, hidden.values)), seconds


def _levels(x: np.ndarray) -> np.ndarray:
    return np.unique(x[~np.isnan(x)])


def job(rival: str, name: str, typed: Typed, hidden: Hidden) -> dict[str, Any]:
    """Fill in and measure."""
    filled, seconds = fill(rival, typed, hidden)
    about = {"table": name, "title": typed.title, "share": hidden.share, "mask": hidden.seed, "rival": rival}
    return {**about, "cpu_seconds": seconds, **typed.errors(filled, hidden)}


def rows(jobs: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return a row per share and rival on a table: means over masks."""
    there = [job for job in jobs.values() if job["table"] == name]
    cases = sorted({(job["share"], list(RIVALS).index(job["rival"])) for job in there})
    found = []
    for share, position in cases:
        rival = list(RIVALS)[position]
        same = [job for job in there if (job["share"], job["rival"]) == (share, rival)]
        means = {key: _mean(same, key) for key, value in same[0].items() if " " in key and value is not None}
        found.append({"hidden": f"{share:.0%}", "rival": rival, **means, "CPU s": _mean(same, "cpu_seconds")})
    return found


def _mean(jobs: list[Mapping[str, Any]], key: str) -> float:
    return float(np.mean([job[key] for job in jobs]))


def kept(out: Path) -> dict[str, Any]:
    """Return what was done before, by table, share, mask and rival."""
    path = out / "imputation_rivals.json"
    return json.loads(path.read_text(encoding="utf-8"))["jobs"] if path.is_file() else {}


def conclude(jobs: Mapping[str, Any], out: Path) -> None:
    """Write all figures, and a table of each table."""
    titles = {job["table"]: job["title"] for job in jobs.values()}
    tables = [f"## {title}\n\n{table(rows(jobs, name))}" for name, title in titles.items()]
    question, chosen = (__doc__ or "").splitlines()[0], {"donors": DONORS}
    report(
        "imputation_rivals", question, out, {"machine": machine(), "settings": chosen, "jobs": jobs}, [*tables, MEANING]
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with data.csv and data_types.csv of adult")
    parser.add_argument("--tables", nargs="*", choices=TYPED, default=list(TYPED))
    parser.add_argument("--shares", nargs="*", type=int, default=[10, 20, 30, 40, 50], help="hidden cells, in percent")
    parser.add_argument("--masks", type=int, default=1, help="masks per share, of seeds 0, 1, ...")
    parser.add_argument(
        "--only", nargs="*", choices=RIVALS, default=list(RIVALS), metavar="RIVAL", help=", ".join(RIVALS)
    )
    parser.add_argument("--work", type=Path, default=Path("runs/benchmarks"), help="folder for hidden cells")
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser


def main() -> None:
    """Fill in with each rival."""
    parser = _parser()
    arguments = parser.parse_args()
    try:
        tables = {name: TYPED[name](arguments.data) for name in arguments.tables}
    except (OSError, ValueError) as error:
        parser.error(str(error))
    for name, typed in tables.items():
        for hidden in (hide(typed, share / 100, seed) for share in arguments.shares for seed in range(arguments.masks)):
            hidden.write(typed, arguments.work / f"imputation-{name}")
            done = {f"{name} {hidden.name} {rival}": job(rival, name, typed, hidden) for rival in arguments.only}
            # Read again: another process may have ended meanwhile.
            conclude(kept(arguments.out) | done, arguments.out)


if __name__ == "__main__":
    main()
