"""Missing cells filled: nothing else changes, what is declared holds, and draws differ only where nothing was known."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import pytest

from .conftest import vaekit
from .table_files import CONSTRAINTS, TINY, all_hold, people, read, write

pytestmark = pytest.mark.usefixtures("no_report")

NAMES = people(2).column_names


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write(people(), tmp_path_factory.mktemp("data") / "people ü.csv")


@pytest.fixture(scope="module")
def gaps(tmp_path_factory):
    return write(people(gaps=0.1), tmp_path_factory.mktemp("data") / "gaps.csv")


@pytest.fixture(scope="module")
def holes(tmp_path_factory):
    """Other rows, of which a good third of the cells is missing."""
    return write(people(60, seed=7, gaps=0.35), tmp_path_factory.mktemp("data") / "holes.csv")


@pytest.fixture(scope="module")
def declared(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "schema.yaml"
    path.write_text(CONSTRAINTS)
    return path


@pytest.fixture(scope="module")
def bound_run(make_run, gaps, declared):
    """A run of a table with missing cells, in every row of which the constraints hold."""
    return make_run(gaps, f"schema_file={declared}", base=TINY)


def test_impute_fills_every_hole_and_leaves_the_rest(bound_run, holes, tmp_path):
    out, cells = tmp_path / "filled.csv", tmp_path / "cells.csv"
    words = ("impute", bound_run, holes, "--out", out, "--intervals", cells, "--samples", 20)
    found = vaekit(*words, "--json").json
    before, after, known = read(holes), read(out), read(cells)
    empty = {name: np.asarray(pc.is_null(before.column(name))) for name in NAMES}
    assert after.column_names == before.column_names and len(after) == len(before)
    for name in NAMES:
        old, new = np.array(before.column(name).to_pylist()), np.array(after.column(name).to_pylist())
        assert (old == new)[~empty[name]].all(), name
        assert None not in {*new.tolist()}, name
    assert {value.hour for value in after.column("until").to_pylist()} == {0}  # as in every row of training
    assert all_hold(after)
    assert found["cells"] == len(known) == sum(cell.sum() for cell in empty.values())
    numbers = known.filter(pc.is_in(known.column("column"), pa.array(["age", "income", "since", "until"])))
    assert (
        pc.all(pc.less_equal(numbers.column("low"), numbers.column("high"))).as_py()
        and not numbers.column("low").null_count
    )
    words_ = known.filter(pc.is_in(known.column("column"), pa.array(["city", "country"])))
    assert pc.all(
        pc.and_(pc.greater(words_.column("probability"), 0), pc.less_equal(words_.column("probability"), 1.0001))
    ).as_py()
    vaekit(*words)
    assert read(out).equals(after)


@pytest.mark.parametrize("samples", [2, 30])
def test_draws_are_whole_tables_that_differ_only_in_what_was_missing(bound_run, holes, tmp_path, samples):
    out = tmp_path / "draws.parquet"
    assert (
        vaekit("impute", bound_run, holes, "--draws", 3, "--samples", samples, "--out", out, "--json").json["draws"]
        == 3
    )
    made = pa.parquet.read_table(out)
    assert made.column_names == ["draw", *NAMES] and made.column("draw").to_pylist() == [
        draw for draw in range(3) for _ in range(60)
    ]
    assert all_hold(made)
    first, second = made.slice(0, 60), made.slice(60, 60)
    assert first.column("plan").equals(second.column("plan")) and not first.column("income").equals(
        second.column("income")
    )
    assert all(not column.null_count for column in made.columns)


def test_a_table_without_holes_comes_back_as_it_is(bound_run, file, tmp_path):
    out, cells = tmp_path / "same.csv", tmp_path / "cells.csv"
    found = vaekit("impute", bound_run, file, "--out", out, "--intervals", cells, "--draws", 1, "--json").json
    assert (found["cells"], found["ess"]) == (0, None)
    assert read(out).drop_columns(["draw"]).equals(read(file))
    assert len(read(cells)) == 0 and read(cells).column_names == [
        "row",
        "column",
        "value",
        "low",
        "high",
        "probability",
    ]


def test_a_run_for_imputation_fills_holes(make_run, gaps, holes, tmp_path):
    keys = [key for key in TINY if not key.startswith("second_stage")]
    run = make_run(gaps, "goal=imputation", base=keys)
    vaekit("impute", run, holes, "--out", tmp_path / "filled.parquet", "--samples", 5)
    assert not pa.parquet.read_table(tmp_path / "filled.parquet").column("income").null_count
