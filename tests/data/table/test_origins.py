"""Typed columns come back as they came: narrow numbers, decimals, categories with their order, and the index of a frame."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

import vaekit
from vaekit.data import table_to_dataset

QUICK = {"latent": 2, "steps": 2, "preset": "fast", "threads": 1, "second_stage": "none"}
RNG = np.random.default_rng(0)
ROWS = 90
CENTS = RNG.integers(100, 99_999, ROWS)

COLUMNS = {
    "cents": pa.array([Decimal(int(cent)) / 100 for cent in CENTS], pa.decimal128(10, 2)),
    "single": pa.array(RNG.normal(size=ROWS).astype("f4")),
    "tenths": pa.array((RNG.integers(0, 900, ROWS) / 10).astype("f4")),
    "byte": pa.array(RNG.integers(0, 90, ROWS).astype("i1")),
    "word": pa.array(RNG.integers(0, 60_000, ROWS).astype("u2")),
    "mark": pa.DictionaryArray.from_arrays(RNG.integers(0, 3, ROWS).astype("i1"), ["low", "mid", "high"], ordered=True),
    "code": pa.DictionaryArray.from_arrays(RNG.integers(0, 3, ROWS).astype("i1"), pa.array([1, 2, 9])),
    "large": pa.array(RNG.choice(["x", "y"], ROWS), pa.large_string()),
    "day": pa.array(RNG.integers(19_000, 19_400, ROWS).astype("i4"), pa.date32()),
    "plain": pa.array(RNG.normal(size=ROWS)),
}
TABLE = pa.table(COLUMNS)


@pytest.fixture(scope="module")
def model():
    return vaekit.fit(TABLE, **QUICK)


def alike(found, before=TABLE):
    """Say that columns are of the types in which they came, but for the width of the indices of categories."""
    for field in before.schema:
        type_ = found.schema.field(field.name).type
        if pa.types.is_dictionary(field.type):
            assert (type_.value_type, type_.ordered) == (field.type.value_type, field.type.ordered), field.name
            dictionary = found.column(field.name).chunk(0).dictionary
            assert dictionary.equals(before.column(field.name).chunk(0).dictionary), field.name
        else:
            assert type_ == field.type, field.name


def test_rows_come_back_in_the_types_in_which_they_came(model, tmp_path):
    made, (inputs, again) = model.sample(20), model.reconstruct(TABLE.slice(0, 5))
    for found in (made, inputs, again, model.sample(3, given={"mark": "mid"}), model.impute(TABLE.slice(0, 4)).table):
        alike(found)
        model.score(found, samples=2)
    for name in TABLE.column_names:
        assert inputs.column(name).to_pylist() == TABLE.column(name).slice(0, 5).to_pylist(), name
    assert all(cell == round(cell, 2) for cell in made.column("cents").to_pylist())
    loaded = vaekit.TrainedModel.load(model.save(tmp_path / "model"))
    assert loaded.sample(20).equals(made)


def test_decimals_are_exact_and_lie_on_their_grid():
    """Arrow's own cast turns some decimals into the float beside the one that is nearest."""
    data = table_to_dataset(TABLE)
    assert data.table.column("cents").to_pylist() == (CENTS / 100).tolist()
    assert data.schema.column("cents").codec.axis.kind == "grid"


def test_a_parquet_file_gives_rows_of_its_types(tmp_path, model):
    pyarrow.parquet.write_table(TABLE, tmp_path / "rows.parquet")
    read = pyarrow.parquet.read_table(tmp_path / "rows.parquet")  # in which Parquet has categories of strings alone
    alike(vaekit.fit(tmp_path / "rows.parquet", **QUICK).sample(4), read)


def test_a_frame_keeps_its_index_and_its_types():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "a": RNG.normal(size=60).astype("f4"),
            "b": pandas.Categorical(RNG.choice(["x", "y"], 60), ["y", "x", "unused"]),
            "c": RNG.integers(0, 9, 60).astype("i1"),
        },
        index=pandas.Index([f"row {i}" for i in range(60)], name="who"),
    )
    frame.iloc[1, 0] = np.nan
    model = vaekit.fit(frame, **QUICK)
    some = frame.iloc[:6]
    inputs, again = (found.to_pandas() for found in model.reconstruct(some))
    filled = model.impute(some).table.to_pandas()
    pandas.testing.assert_frame_equal(inputs, some)
    assert filled.index.equals(some.index) and not filled["a"].isna().any()
    for found in (again, filled, model.sample(3).to_pandas()):
        assert list(found.columns) == list(frame.columns) and found.dtypes.equals(frame.dtypes)
    two = frame.set_index(pandas.MultiIndex.from_product([range(6), list("abcdefghij")], names=["n", None]))
    pandas.testing.assert_frame_equal(model.reconstruct(two)[0].to_pandas(), two)
    assert model.reconstruct(frame.reset_index(drop=True))[0].column_names == ["a", "b", "c"]
