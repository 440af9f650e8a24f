"""How well do the usual ways fill in missing cells: means and modes, nearest neighbours, a regression per column in turns?

    python -m benchmarks.imputation_rivals [--data DIR] [--tables adult wine ...] [--shares 10 30 50] [--masks 1] [--hide MCAR MAR MNAR]

Cells are hidden by three mechanisms, and each rival gets the rest of the same table. Numbers are standardised and
categories one-hot for it, and the largest of the numbers that come back is the category. The hidden cells are kept in
`--work`, so that others fill in exactly the same. What is kept is not done again.
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
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401, which makes the import after it possible
from sklearn.impute import IterativeImputer, KNNImputer

from benchmarks.imputation_page import rows
from benchmarks.measuring import RESULTS, machine, report, table
from benchmarks.typed_tables import MASKS, TYPED, Hidden, Typed, every_mask

__all__ = ["RIVALS", "Codes", "fill"]

DONORS = 5000  # rows among which neighbours are looked for
TREES = {True: 100, False: 50}  # of a forest for less than a thousand rows, and for more
TURNS = 10  # of forests
MEANING = (
    "NRMSE: root mean square over the hidden cells of a column, divided by its range or its standard deviation, mean over "
    "the columns. Ordinal columns are ranks. Error: share of hidden cells with another category, mean over the columns. "
    f"Nearest neighbours are looked for among {DONORS:,} rows at most. 'own left out': no indicator of a category is "
    "predicted from the others of the same column, which add up to one with it and keep it where it began. missForest: "
    f"scikit-learn's forests ({TREES[True]} trees, {TREES[False]} from 1,000 rows on) for each column in turns, as Stekhoven and Bühlmann, "
    "2012, have it."
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


def forests(codes: Codes, given: np.ndarray, seed: int) -> np.ndarray:
    """Return what a random forest per column, in turns, ends with: at the last turn before the changes grow again.

    References:
        Stekhoven and Bühlmann, 2012, "MissForest: non-parametric missing value imputation for mixed-type data".
    """
    missing, parts = np.isnan(given), [np.flatnonzero(codes.column == j) for j in range(codes.column.max() + 1)]
    filled = np.where(missing, np.nanmean(given, 0), given)
    for part in parts:
        if len(part) > 1:
            filled[:, part] = np.where(missing[:, part], _one_hot(filled[:, part].mean(0), len(part)), filled[:, part])
    order = sorted((part for part in parts if missing[:, part[0]].any()), key=lambda part: missing[:, part[0]].sum())
    last = dict.fromkeys(("numbers", "categories"), np.inf)
    for _ in range(TURNS):
        before = filled.copy()
        for part in order:
            _regrow(filled, missing[:, part[0]], part, seed)
        change = _changes(parts, before, filled)
        if all(change[kind] >= last[kind] for kind in change):
            return before
        last = change
    return filled


RIVALS: dict[str, Callable[[Codes, np.ndarray, int], np.ndarray]] = {
    "mean / mode": constants,
    "k-NN": neighbours,
    "iterative": iterative,
    "iterative, own left out": iterative_others,
    "missForest": forests,
}


def fill(rival: str, typed: Typed, hidden: Hidden) -> tuple[pa.Table, float]:
    """Return the table with the hidden cells filled in, and the seconds of the processor that it took."""
    codes, began = Codes(typed, hidden.values), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # ten turns are its default, and seldom the end
        filled = codes.decode(RIVALS[rival](codes, codes.encode(hidden.values), hidden.seed))
    seconds = time.process_time() - began
    return typed.arrow(np.where(hidden.cells, filled, hidden.values)), seconds


def _regrow(filled: np.ndarray, missing: np.ndarray, part: np.ndarray, seed: int) -> None:
    """Predict the missing cells of one column by a forest of all others, in place."""
    others = np.delete(filled, part, axis=1)
    known = {"n_estimators": TREES[len(filled) < 1000], "max_features": "sqrt", "random_state": seed}
    if len(part) == 1:
        forest = RandomForestRegressor(min_samples_leaf=5, **known).fit(others[~missing], filled[~missing, part[0]])
        filled[missing, part[0]] = forest.predict(others[missing])
    else:
        forest = RandomForestClassifier(**known).fit(others[~missing], filled[~missing][:, part].argmax(1))
        filled[np.ix_(missing, part)] = np.eye(len(part))[forest.predict(others[missing])]


def _changes(parts: list[np.ndarray], before: np.ndarray, after: np.ndarray) -> dict[str, float]:
    """Return the change of numbers, relative to their squares, and of indicators."""
    square = (after - before) ** 2
    found = {"numbers": [p for p in parts if len(p) == 1], "categories": [p for p in parts if len(p) > 1]}
    places = {kind: np.concatenate(some) for kind, some in found.items() if some}
    return {kind: float(square[:, some].sum() / (after[:, some] ** 2).sum()) for kind, some in places.items()}


def _one_hot(shares: np.ndarray, count: int) -> np.ndarray:
    return np.eye(count)[shares.argmax()]


def _levels(x: np.ndarray) -> np.ndarray:
    return np.unique(x[~np.isnan(x)])


def job(rival: str, name: str, typed: Typed, hidden: Hidden) -> dict[str, Any]:
    """Fill in and measure."""
    filled, seconds = fill(rival, typed, hidden)
    about = {"table": name, "title": typed.title, **hidden.about, "rival": rival}
    return {**about, "cpu_seconds": seconds, **typed.errors(filled, hidden)}


def kept(out: Path) -> dict[str, Any]:
    """Return what was done before, by table, share, mask and rival."""
    path = out / "imputation_rivals.json"
    return json.loads(path.read_text(encoding="utf-8"))["jobs"] if path.is_file() else {}


def conclude(jobs: Mapping[str, Any], out: Path) -> None:
    """Write all figures, and a table of each table."""
    titles = {job["table"]: job["title"] for job in jobs.values()}
    found = list(jobs.values())
    tables = [f"## {title}\n\n{table(rows(found, name, list(RIVALS)))}" for name, title in titles.items()]
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
    parser.add_argument("--hide", nargs="*", choices=MASKS, default=["MCAR"], help="mechanisms")
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
        for hidden in every_mask(typed, arguments.hide, arguments.shares, arguments.masks):
            hidden.write(typed, arguments.work / f"imputation-{name}")
            left = [rival for rival in arguments.only if f"{name} {hidden.name} {rival}" not in kept(arguments.out)]
            done = {f"{name} {hidden.name} {rival}": job(rival, name, typed, hidden) for rival in left}
            # Read again: another process may have ended meanwhile.
            conclude(kept(arguments.out) | done, arguments.out)


if __name__ == "__main__":
    main()
