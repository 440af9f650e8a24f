"""The tables that table models are compared on, each written as a folder of train.csv and test.csv.

    python -m benchmarks.table_data adult --data DIR [--rows 1000000] [--work DIR]

Adult has the split of its publishers, Default credit a fixed random one. `--rows` makes a large table of it too:
rows drawn with replacement, their magnitudes shaken. A missing cell is an empty one.
"""

from __future__ import annotations

import argparse
import csv
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

__all__ = ["TABLES", "Table", "resampled"]

Rows = list[list[str]]

ADULT = (
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
    "native-country",
    "income",
)
DEFAULT = (
    *("LIMIT_BAL", "SEX", "EDUCATION", "MARRIAGE", "AGE"),
    *("PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6"),
    *(f"BILL_AMT{month}" for month in range(1, 7)),
    *(f"PAY_AMT{month}" for month in range(1, 7)),
    "default",
)
_ADULT_FILES = (("adult-train.csv", "adult-test.csv"), ("adult.data", "adult.test"))
_PARTS = ("train", "test")
_EMPTY_IS_MISSING = arrow_csv.ConvertOptions(strings_can_be_null=True)
_JITTER = 0.05  # of a magnitude
_TESTED = 20  # training rows per test row of a resampled table


@dataclass(frozen=True)
class Table:
    """A table, and what all comparisons on it share.

    Args:
        title: What stands above its figures.
        columns: Names, in the order of the file.
        discrete: The columns whose values are categories, numbers or not.
        target: What is predicted when a table is judged by what can be learnt from it.
        shaken: The columns that a resampled table jitters: magnitudes that no other column repeats.
        split: Reads what the user has into the rows of train and test.
    """

    title: str
    columns: tuple[str, ...]
    discrete: tuple[str, ...]
    target: str
    shaken: tuple[str, ...]
    split: Callable[[Path], Mapping[str, Rows]]

    @property
    def kinds(self) -> dict[str, Literal["numeric", "categorical"]]:
        """How each column is to be judged."""
        return {name: "categorical" if name in self.discrete else "numeric" for name in self.columns}

    def folder(self, source: Path, out: Path) -> Path:
        """Return the folder of parts, written where it is not there yet; a source that is one is taken as it is.

        Raises:
            ValueError: The source does not hold what is needed.
        """
        if _is_split(source):
            return source
        if not _is_split(out):
            parts = self.split(source)
            out.mkdir(parents=True, exist_ok=True)
            for name, rows in parts.items():
                _write(out / f"{name}.csv", self.columns, rows)
        return out


def resampled(table: Table, folder: Path, out: Path, rows: int, seed: int = 0) -> Path:
    """Write a large table: rows drawn with replacement, training rows of training rows and test rows of test rows.

    A magnitude x becomes x (1 + .05 e), e from N(0, 1), rounded to whole numbers and kept in the observed range. Zeros and
    the largest value stay where they are, since they stand for something (no gain, a capped one).

    Args:
        table: What `folder` holds.
        folder: Holds train.csv and test.csv.
        out: Gets the same, with `rows` training rows and a twentieth of it to test on.
        rows: Training rows.
        seed: Of draws and jitter.
    """
    rng = np.random.default_rng(seed)
    out.mkdir(parents=True, exist_ok=True)
    for part, count in zip(_PARTS, (rows, max(1, rows // _TESTED)), strict=True):
        small = arrow_csv.read_csv(folder / f"{part}.csv", convert_options=_EMPTY_IS_MISSING)
        large = small.take(rng.integers(len(small), size=count))
        for name in table.shaken:
            shaken = pa.array(_shaken(large[name].to_numpy(), rng))
            large = large.set_column(large.schema.get_field_index(name), name, shaken)
        arrow_csv.write_csv(large, out / f"{part}.csv", arrow_csv.WriteOptions(quoting_style="none"))
    return out


def _shaken(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    low, high = values.min(), values.max()
    moved = np.rint(values * (1 + _JITTER * rng.standard_normal(len(values)))).clip(low, high)
    return np.where(values == high, values, moved).astype(np.int64)


def _split_adult(source: Path) -> dict[str, Rows]:
    """Return the split of the publishers: question marks are missing cells, and test incomes end with a dot."""
    names = next((pair for pair in _ADULT_FILES if all((source / name).is_file() for name in pair)), None)
    if names is None:
        needed = " or ".join(" and ".join(pair) for pair in _ADULT_FILES)
        raise ValueError(f"adult needs a folder of {needed}, or of train.csv and test.csv, but {source} has neither")
    parts = {part: _read(source / name, ADULT) for part, name in zip(_PARTS, names, strict=True)}
    return {part: [["" if cell == "?" else cell.rstrip(".") for cell in row] for row in parts[part]] for part in parts}


def _split_default(source: Path) -> dict[str, Rows]:
    """Return rows in a random order: a tenth to test on."""
    if not (source / "data.csv").is_file():
        raise ValueError(f"default-credit needs a folder of data.csv, or of train.csv and test.csv, but got {source}")
    rows = _read(source / "data.csv", DEFAULT)
    random.Random(0).shuffle(rows)
    tested = len(rows) // 10
    return {"train": rows[tested:], "test": rows[:tested]}


def _read(path: Path, columns: Sequence[str]) -> Rows:
    """Return the rows of a file without a header; empty lines and remarks are none."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.reader(stream, skipinitialspace=True) if row and not row[0].startswith("|")]
    if any(len(row) != len(columns) for row in rows):
        raise ValueError(f"each line of {path} needs {len(columns)} cells and no header; give the original file")
    return rows


def _write(path: Path, columns: Iterable[str], rows: Rows) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerows([list(columns), *rows])


def _is_split(folder: Path) -> bool:
    return all((folder / f"{part}.csv").is_file() for part in _PARTS)


_ADULT_NUMBERS = ("age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week")

TABLES = {
    "adult": Table(
        title="Adult: 32,561 training rows, 16,281 test rows, 15 columns",
        columns=ADULT,
        discrete=tuple(name for name in ADULT if name not in _ADULT_NUMBERS),
        target="income",
        shaken=tuple(name for name in _ADULT_NUMBERS if name != "education-num"),  # which repeats education
        split=_split_adult,
    ),
    "default-credit": Table(
        title="Default of credit card clients: 27,000 training rows, 3,000 test rows, 24 columns",
        columns=DEFAULT,
        discrete=("SEX", "EDUCATION", "MARRIAGE", *(f"PAY_{month}" for month in (0, 2, 3, 4, 5, 6)), "default"),
        target="default",
        shaken=("LIMIT_BAL", "AGE", *(name for name in DEFAULT if "_AMT" in name)),
        split=_split_default,
    ),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--data", type=Path, required=True, help="folder with the files of the table as published")
    parser.add_argument("--rows", type=int, help="make a large table of so many training rows too")
    parser.add_argument("--work", type=Path, default=Path("runs/benchmarks"), help="folder for the folders of parts")
    return parser


def main() -> None:
    """Write the parts, and say where."""
    parser = _parser()
    arguments = parser.parse_args()
    table, name = TABLES[arguments.table], f"table-{arguments.table}"
    try:
        folder = table.folder(arguments.data, arguments.work / name)
        print(folder)
        if arguments.rows:
            print(resampled(table, folder, arguments.work / f"{name}-{arguments.rows}", arguments.rows))
    except (OSError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
