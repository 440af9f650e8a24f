"""Missing cells filled: nothing else changes, what is declared holds, and draws differ only where nothing was known."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import pytest

import vaekit as library
from vaekit.modalities.table import imputing

from .conftest import vaekit
from .table_files import TINY, all_hold, people, read, write

pytestmark = pytest.mark.usefixtures("no_report")

NAMES = people(2).column_names


@pytest.fixture(scope="module")
def holes(tmp_path_factory):
    """Other rows, of which a good third of the cells is missing."""
    return write(people(60, seed=7, gaps=0.35), tmp_path_factory.mktemp("data") / "holes.csv")


def test_impute_fills_every_hole_and_leaves_the_rest(people_bound_run, holes, tmp_path):
    out, cells = tmp_path / "filled.csv", tmp_path / "cells.csv"
    words = ("impute", people_bound_run, holes, "--out", out, "--intervals", cells, "--samples", 20)
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
def test_draws_are_whole_tables_that_differ_only_in_what_was_missing(people_bound_run, holes, tmp_path, samples):
    out = tmp_path / "draws.parquet"
    assert (
        vaekit("impute", people_bound_run, holes, "--draws", 3, "--samples", samples, "--out", out, "--json").json[
            "draws"
        ]
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


def test_a_table_without_holes_comes_back_as_it_is(people_bound_run, people_file, tmp_path):
    out, cells = tmp_path / "same.csv", tmp_path / "cells.csv"
    found = vaekit(
        "impute", people_bound_run, people_file, "--out", out, "--intervals", cells, "--draws", 1, "--json"
    ).json
    assert (found["cells"], found["ess"]) == (0, None)
    assert read(out).drop_columns(["draw"]).equals(read(people_file))
    assert len(read(cells)) == 0 and read(cells).column_names == [
        "row",
        "column",
        "value",
        "low",
        "high",
        "probability",
    ]


def test_a_run_for_imputation_fills_holes(make_run, people_gaps, holes, tmp_path):
    keys = [key for key in TINY if not key.startswith("second_stage")]
    people_run = make_run(people_gaps, "goal=imputation", base=keys)
    vaekit("impute", people_run, holes, "--out", tmp_path / "filled.parquet", "--samples", 5)
    assert not pa.parquet.read_table(tmp_path / "filled.parquet").column("income").null_count


def test_blocks_of_rows_are_filled_as_one_table(people_bound_run, holes, monkeypatch):
    """What is in memory at once must not show: rows are counted through, nothing known changes, constraints hold."""
    run, before = library.load(people_bound_run), read(holes)
    monkeypatch.setattr(imputing, "_BLOCK", 17)
    found = run.impute(before, draws=2, proposals=10)
    for table in (found.table, *found.draws):
        assert len(table) == len(before) == 60 and all_hold(table)
        for name in NAMES:
            known = np.asarray(pc.is_valid(before.column(name)))
            old, new = (np.array(part.column(name).to_pylist()) for part in (before, table))
            assert (old == new)[known].all() and None not in {*new.tolist()}
    places = {(cell["row"], cell["column"]) for cell in found.cells.to_pylist()}
    assert places == {
        (i, name) for name in NAMES for i, cell in enumerate(before.column(name).to_pylist()) if cell is None
    }
    assert len(found.ess) == 60


def test_the_filled_file_is_the_given_one_but_for_its_holes(people_bound_run, tmp_path):
    """Columns that the model does not know, their order, and how observed cells are written stay."""
    table = people(30, seed=9, gaps=0.2)
    names = ["note", *reversed(table.column_names)]
    holes = table.append_column("note", pa.array([f"n{i:03}" for i in range(30)])).select(names)
    path, out = write(holes, tmp_path / "holes.csv"), tmp_path / "filled.csv"
    assert vaekit("impute", people_bound_run, path, "--out", out, "--samples", 20).code == 0
    before, after = (file.read_bytes().decode().split("\n") for file in (path, out))
    assert before[0] == after[0] and len(before) == len(after)
    for old, new in zip(before[1:], after[1:], strict=True):
        pairs = list(zip(old.split(","), new.split(","), strict=True))
        assert all(a == b for a, b in pairs if a not in ("", '""')) and (not old or "" not in [b for _, b in pairs])


def test_intervals_and_draws_of_a_smaller_number_know_the_larger_one(people_bound_run, tmp_path):
    """Table, draws and intervals come from one set of draws, given the observed partner."""
    table = people(40, seed=3, gaps=0.0)
    place = table.column_names.index("since")
    holes = table.set_column(place, "since", pa.nulls(40, table.schema.field("since").type))
    found = library.load(people_bound_run).impute(holes, draws=20, proposals=50)
    until = table.column("until")
    drawn = [draw.column("since").to_pylist() for draw in found.draws]
    for i, latest in enumerate(until.to_pylist()):
        assert all(draw[i] <= latest for draw in drawn)
    assert sum(len({draw[i] for draw in drawn}) > 3 for i in range(40)) > 30  # they vary
    ends = found.cells.filter(pc.equal(found.cells.column("column"), "since"))
    value = pc.cast(found.table.column("since"), pa.timestamp("s")).cast(pa.int64()).to_numpy()
    low, high = (ends.column(end).to_numpy() for end in ("low", "high"))
    latest = pc.cast(until, pa.timestamp("s")).cast(pa.int64()).to_numpy()
    assert (low <= value).all() and (value <= high).all() and (high <= latest + 86400).all()
