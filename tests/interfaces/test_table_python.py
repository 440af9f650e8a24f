"""Tables in Python: frames of every kind, rows as Arrow tables, and seeds."""

import numpy as np
import pyarrow as pa
import pytest

import vaekit as library
from vaekit.data import read_table

from .table_files import people, write

pytestmark = pytest.mark.usefixtures("no_report")

KEYS = {"steps": 3, "device": "cpu", "precision": "fp32", "second_stage": "none"}
QUICK = library.Training(**KEYS)
ROWS = people(120, gaps=0.1)


def as_pandas(table):
    return pytest.importorskip("pandas") and table.to_pandas()


def as_polars(table):
    return pytest.importorskip("polars").from_arrow(table)


FRAMES = {"arrow": lambda table: table, "columns": pa.Table.to_pydict, "pandas": as_pandas, "polars": as_polars}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return library.fit(ROWS, training=QUICK, out=tmp_path_factory.mktemp("runs") / "run", preset="fast")


@pytest.mark.parametrize("kind", FRAMES)
def test_fit_takes_a_frame_and_chooses_everything(tmp_path, kind):
    frame = FRAMES[kind](ROWS)
    found = library.fit(frame, training=QUICK, out=tmp_path / "run", preset="fast")
    assert {choice.key for choice in found.experiment.choices} >= {"net", "latent", "goal", "batch"}
    assert found.kind == "table"
    made = found.sample(4)
    assert isinstance(made, pa.Table) and made.column_names == ROWS.column_names and len(made) == 4
    again = library.load(tmp_path / "run")
    with pytest.raises(ValueError, match="came as arrays and are not kept; give data"):
        again.evaluate()
    assert len(again.evaluate(frame, samples=2).elbo) == 120


def test_a_loaded_run_makes_and_reads_the_same_rows(run):
    again = library.load(run.path)
    assert again.sample(9).equals(run.sample(9))
    inputs, rows = again.reconstruct(ROWS)
    assert rows.equals(run.reconstruct(ROWS)[1])
    assert inputs.column("income").to_pylist() == ROWS.column("income").to_pylist()
    means, deviations = again.encode(ROWS)
    assert means.shape == deviations.shape and len(means) == 120 and (deviations > 0).all()


def test_seeded_runs_are_equal_bit_for_bit_and_others_are_not(run, tmp_path):
    weights = [(run.path / "model" / "model.safetensors").read_bytes()]
    for name, seed in (("same", 0), ("other", 1)):
        found = library.fit(ROWS, training=library.Training(**KEYS, seed=seed), out=tmp_path / name, preset="fast")
        weights.append((tmp_path / name / "model" / "model.safetensors").read_bytes())
        assert found.sample(20).equals(run.sample(20)) == (seed == 0)
    assert weights[0] == weights[1] != weights[2]


def test_what_is_sampled_depends_on_the_seed_alone(run):
    assert run.sample(10, seed=3).equals(run.sample(10, seed=3))
    assert not run.sample(10, seed=3).equals(run.sample(10, seed=4))
    with pytest.raises(ValueError, match="n must be at least 1"):
        run.sample(0)


def test_interpolate_traverse_and_decode_return_tables(run):
    walk = run.interpolate(ROWS.slice(0, 1), ROWS.slice(1, 1), 3)
    assert isinstance(walk, pa.Table) and len(walk) == 3
    rows, order, _ = run.traverse(ROWS.slice(0, 1), steps=2)
    assert all(isinstance(row, pa.Table) for row in rows) and order
    means, _ = run.encode(ROWS)
    # Identifiers are made anew, and those of inputs and of reconstructions are told apart.
    assert run.decode(means).drop_columns(["id"]).equals(run.reconstruct(ROWS)[1].drop_columns(["id"]))


def test_given_values_may_be_python_values(run):
    found = run.sample_given(6, {"age": 40, "city": "Lyon"}, seed=1)
    assert found.table.column("age").to_pylist() == 6 * [40] and found.table.column("city").to_pylist() == 6 * ["Lyon"]
    assert 1 <= found.ess <= 20_000
    with pytest.raises(ValueError, match="n must be at least 1"):
        run.sample_given(0, {"age": 40})


def test_impute_fills_a_frame(run):
    found = run.impute(ROWS, proposals=5, draws=2)
    gone = {name: np.asarray(ROWS.column(name).is_null()) for name in ROWS.column_names}
    assert not any(column.null_count for column in found.table.columns) and len(found.draws) == 2
    assert len(found.cells) == sum(cell.sum() for cell in gone.values())
    assert found.ess.isnan().tolist() == (~np.any([*gone.values()], axis=0)).tolist()


def test_data_that_are_opened_first_may_have_a_target(tmp_path):
    data = read_table(write(ROWS, tmp_path / "rows.csv"), target="plan")
    assert data.classes == ("basic", "gold")
    run = library.fit(data, training=QUICK, out=tmp_path / "run", preset="fast")
    assert len(run.manipulate(ROWS, "gold", steps=2)) == 120
    with pytest.raises(ValueError, match="learning needs two rows at least, but the table has 1"):
        library.fit({"a": [1.0]}, training=QUICK, out=tmp_path / "none")
    assert not (tmp_path / "none").exists()
