"""Files of tables for tests, and the keys of a model that trains in no time."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

TINY = [
    "steps=3",
    "net.widths=[8]",
    "latent=2",
    "precision=fp32",
    "device=cpu",
    "threads=1",
    "second_stage=none",
    "batch=32",
]
"""Keys of a model of a table that trains in no time."""

CITIES = {"Oslo": "Norway", "Bergen": "Norway", "Lyon": "France", "Nice": "France"}
"""Cities, each with its country."""


def people(rows: int = 200, *, seed: int = 0, gaps: float = 0.0) -> pa.Table:
    """Return people: numbers, words, dates, a class; no gap in what `target=plan` needs.

    In every row `since <= until`, and a city lies in its country.

    Args:
        rows: How many.
        seed: Seed of the cells.
        gaps: Share of the cells of age, income, city, country, since and until that are missing.
    """
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 91, rows)
    city = rng.choice([*CITIES], rows, p=[0.4, 0.3, 0.2, 0.1])
    since = np.datetime64("2020-01-01") + rng.integers(0, 700, rows)
    until = since + rng.integers(0, 400, rows)
    plan = np.where(rng.random(rows) < 0.2 + 0.6 * (age > 50), "gold", "basic")
    columns = {
        "id": [f"p{i:04}" for i in range(rows)],
        "age": age,
        "income": np.exp(rng.normal(7 + 0.01 * age, 0.4)).round(2),
        "city": city,
        "country": np.array([CITIES[name] for name in city]),
        "since": since.astype("datetime64[s]"),
        "until": until.astype("datetime64[s]"),
        "plan": plan,
    }
    missing = {name: rng.random(rows) < gaps for name in ("age", "income", "city", "since", "until")}
    missing["country"] = missing["city"]
    return pa.table({name: pa.array(cells, mask=missing.get(name)) for name, cells in columns.items()})


def write(table: pa.Table, path: Path) -> Path:
    """Write a table to a CSV file."""
    pyarrow.csv.write_csv(table, path)
    return path


CONSTRAINTS = """\
target: plan
constraints:
  - {kind: inequality, low: since, high: until}
  - {kind: fixed_combinations, columns: [city, country]}
  - {kind: range, column: age, min: 18, max: 90}
"""
"""What holds in every row of people, as schema.yaml says it."""


def read(path: Path) -> pa.Table:
    """Read a CSV file; an empty cell is missing."""
    return pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True))


def all_hold(table: pa.Table) -> bool:
    """Say whether what is declared holds in every row that has both of its cells; some row must have them."""
    later = pc.less_equal(table.column("since"), table.column("until"))
    pairs = set(zip(table.column("city").to_pylist(), table.column("country").to_pylist(), strict=True))
    ages = pc.and_(pc.greater_equal(table.column("age"), 18), pc.less_equal(table.column("age"), 90))
    assert pc.any(later).as_py()
    return pc.all(later).as_py() and pc.all(ages).as_py() and pairs <= {*CITIES.items(), (None, None)}
