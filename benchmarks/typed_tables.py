"""Tables with declared kinds whose cells are hidden and filled in again: rows of Adult in the form of HI-VAE, and small tables.

What is hidden is kept in files, so that everything that fills in sees the same cells.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from vaekit.evaluation.tables import Cells, comparable, imputation_error, mar, mcar, mnar

__all__ = ["MASKS", "TYPED", "Hidden", "Kind", "Typed", "every_mask", "hide"]

MASKS = {"MCAR": mcar, "MAR": mar, "MNAR": mnar}
"""How cells are hidden: at random, by other columns, by their own values."""

Kind = Literal["numeric", "ordinal", "categorical"]

_ADULT = (
    "age",
    "workclass",
    "fnlwgt",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
)
_KINDS: dict[str, Kind] = {
    "count": "numeric",
    "pos": "numeric",
    "real": "numeric",
    "ordinal": "ordinal",
    "cat": "categorical",
}
_JUDGED: dict[Kind, Literal["numeric", "categorical"]] = {
    "numeric": "numeric",
    "ordinal": "numeric",
    "categorical": "categorical",
}


@dataclass(frozen=True)
class Typed:
    """A table of numbers: categories and ranks are codes.

    Args:
        title: What stands above its figures.
        columns: Names.
        kinds: What each column is.
        values: `(N, D)`; NaN where the table itself has no value.
    """

    title: str
    columns: tuple[str, ...]
    kinds: tuple[Kind, ...]
    values: np.ndarray

    def of(self, kind: Kind) -> list[int]:
        """Return the positions of the columns of a kind."""
        return [j for j, found in enumerate(self.kinds) if found == kind]

    def arrow(self, values: np.ndarray) -> pa.Table:
        """Return `(N, D)` values as a table: whole numbers where all of a column are, null for NaN."""
        return pa.table({name: _column(values[:, j]) for j, name in enumerate(self.columns)})

    def cells(self, *tables: pa.Table) -> tuple[Cells, ...]:
        """Return this table and others as they are compared: ranks count as numbers."""
        kinds = {name: _JUDGED[kind] for name, kind in zip(self.columns, self.kinds, strict=True)}
        return comparable(self.arrow(self.values), *tables, kinds=kinds)

    def errors(self, filled: pa.Table, hidden: Hidden) -> dict[str, Any]:
        """Return the errors of hidden cells that were filled in: means over the columns of a kind, and by column."""
        error = imputation_error(*self.cells(filled), hidden.cells)
        named = {"NRMSE by range": error.nrmse_range, "NRMSE by sd": error.nrmse_deviation, "error": error.error}
        means = {f"{kind} {name}": self._mean(kind, values) for kind in _JUDGED for name, values in named.items()}
        return {name: mean for name, mean in means.items() if mean is not None} | {"columns": named}

    def _mean(self, kind: Kind, values: Mapping[str, float]) -> float | None:
        found = [values[self.columns[j]] for j in self.of(kind) if self.columns[j] in values]
        return float(np.mean(found)) if found else None


@dataclass(frozen=True)
class Hidden:
    """A table with hidden cells.

    Args:
        mechanism: Of `MASKS`.
        share: Of the known cells that is hidden.
        seed: Of the choice.
        cells: `(N, D)`, true where a known cell is hidden.
        values: The table's, NaN where hidden.
    """

    mechanism: str
    share: float
    seed: int
    cells: np.ndarray
    values: np.ndarray

    @property
    def name(self) -> str:
        """What files are called."""
        return f"{self.mechanism}-{round(100 * self.share)}-{self.seed}"

    @property
    def about(self) -> dict[str, Any]:
        """What says which cells are hidden."""
        return {"hidden by": self.mechanism, "share": self.share, "mask": self.seed}

    def write(self, table: Typed, folder: Path) -> Path:
        """Write the hidden cells as `hidden-NAME.npz`, and return the .csv with what is left of the table."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(folder / f"hidden-{self.name}.npz", cells=self.cells, columns=np.array(table.columns))
        path = folder / f"given-{self.name}.csv"
        arrow_csv.write_csv(table.arrow(self.values), path, arrow_csv.WriteOptions(quoting_style="none"))
        return path


def hide(table: Typed, share: float, seed: int, mechanism: str = "MCAR") -> Hidden:
    """Hide a share of the known cells."""
    (whole,) = table.cells()
    cells = MASKS[mechanism](whole, share, seed=seed)
    return Hidden(mechanism, share, seed, cells, np.where(cells, np.nan, table.values))


def every_mask(table: Typed, mechanisms: Sequence[str], percents: Sequence[int], masks: int) -> Iterator[Hidden]:
    """Yield the table with cells hidden by each mechanism, at each share, with seeds 0, 1, ..."""
    for mechanism in mechanisms:
        for percent in percents:
            yield from (hide(table, percent / 100, seed, mechanism) for seed in range(masks))


def adult(folder: Path | None) -> Typed:
    """Return Adult with the kinds that HI-VAE declares, of a folder with its data.csv and data_types.csv.

    Raises:
        ValueError: There is no such folder, or it holds other columns.
    """
    if folder is None or not all((folder / name).is_file() for name in ("data.csv", "data_types.csv")):
        raise ValueError(f"adult needs --data with a folder of data.csv and data_types.csv, but got {folder}")
    with (folder / "data_types.csv").open(newline="", encoding="utf-8") as stream:
        kinds = tuple(_KINDS[row["type"]] for row in csv.DictReader(stream))
    values = np.genfromtxt(folder / "data.csv", delimiter=",")
    if not values.shape[1] == len(kinds) == len(_ADULT):
        raise ValueError(f"adult needs {len(_ADULT)} columns, but {folder} has {values.shape[1]}; give another folder")
    return Typed(f"Adult, typed: {len(values):,} rows, {len(kinds)} columns", _ADULT, kinds, values)


def adult_rows(folder: Path | None, count: int = 1000, columns: tuple[str, ...] = _ADULT) -> Typed:
    """Return some rows of Adult, drawn with seed 0, and some of its columns."""
    whole = adult(folder)
    places = [whole.columns.index(name) for name in columns]
    rows = np.random.default_rng(0).choice(len(whole.values), count, replace=False)
    title = f"{count:,} rows and {len(columns)} columns of Adult, typed"
    return Typed(title, columns, tuple(whole.kinds[j] for j in places), whole.values[np.ix_(rows, places)])


def adult_small(folder: Path | None) -> Typed:
    """Return a small table of mixed columns."""
    columns = ("age", "education-num", "marital-status", "occupation", "relationship", "sex", "hours-per-week")
    return adult_rows(folder, 275, columns)


def shipped(title: str, load: Callable[[], Any], target: Kind, categories: tuple[str, ...] = ()) -> Typed:
    """Return a table that scikit-learn ships, with its target as a column."""
    found = load()
    values = np.column_stack([found.data, found.target]).astype(np.float64)
    names = [str(name) for name in found.feature_names]
    kinds: list[Kind] = ["categorical" if name in categories else "numeric" for name in names]
    columns = (*names, "target")
    return Typed(f"{title}: {len(values)} rows, {len(columns)} columns", columns, (*kinds, target), values)


def _column(x: np.ndarray) -> pa.Array:
    known = x[~np.isnan(x)]
    column = pa.array(x, mask=np.isnan(x))
    return column.cast(pa.int64()) if (known == np.rint(known)).all() else column


TYPED: dict[str, Callable[[Path | None], Typed]] = {
    "adult": adult_rows,
    "adult-small": adult_small,
    "breast-cancer": lambda _: shipped("Breast cancer", load_breast_cancer, "categorical"),
    "diabetes": lambda _: shipped("Diabetes", lambda: load_diabetes(scaled=False), "numeric", ("sex",)),
    "wine": lambda _: shipped("Wine", load_wine, "categorical"),
}
