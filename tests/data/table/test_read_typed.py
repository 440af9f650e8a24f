"""Tables whose columns have types already: Parquet, Arrow, Feather, and frames in memory."""

from __future__ import annotations

import datetime as dt
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from vaekit.data.table.peek import is_frame
from vaekit.data.table.raw import ReadOptions, check_trainable
from vaekit.data.table.reading import frame_to_raw, read_raw

TABLE = pa.table(
    {
        "small": pa.array([1, None], pa.int8()),
        "float": pa.array([0.1, float("nan")], pa.float32()),
        "decimal": pa.array([Decimal("1.50"), None], pa.decimal128(10, 2)),
        "whole": pa.array([Decimal(5), None], pa.decimal128(10, 0)),
        "word": pa.array(["ü", None], pa.large_string()),
        "view": pa.array(["v", None], pa.string_view()),
        "code": pa.array(["x", None]).dictionary_encode(),
        "day": pa.array([dt.date(2024, 2, 29), None]),
        "time": pa.array([dt.datetime(2024, 2, 29), None], pa.timestamp("ns", "Europe/Berlin")),
        "truth": pa.array([True, None]),
        "nothing": pa.nulls(2),
    }
)

CANONICAL = ["int64", "double", "double", "int64", "string", "string", "string", "timestamp[s]",
             "timestamp[ns, tz=Europe/Berlin]", "bool", "string"]  # fmt: skip


def written(path, table):
    if path.suffix == ".parquet":
        parquet.write_table(table, path)
    elif path.suffix == ".feather":
        feather.write_feather(table, path)
    else:
        make = pa.ipc.new_file if path.suffix == ".arrow" else pa.ipc.new_stream
        with pa.OSFile(str(path.with_suffix(".arrow")), "wb") as file, make(file, table.schema) as writer:
            writer.write_table(table)
    return path if path.suffix != ".stream" else path.with_suffix(".arrow")


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".feather", ".stream"])
def test_types_become_the_few_and_values_stay(tmp_path, suffix):
    raw = read_raw(written(tmp_path / f"a{suffix}", TABLE))
    assert [str(field.type) for field in raw.table.schema] == CANONICAL
    first, second = raw.table.to_pylist()
    assert set(second.values()) == {None}
    assert (first["small"], first["float"], first["decimal"], first["whole"]) == (1, 0.1, 1.5, 5)
    assert (first["word"], first["view"], first["code"], first["truth"]) == ("ü", "v", "x", True)
    assert first["day"] == dt.datetime(2024, 2, 29)
    assert raw.table["time"][0].value == TABLE["time"][0].value


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pa.array([[1]]), "'a' of a.parquet must hold numbers, words, truths or times, but its type is list<"),
        (pa.array([{"x": 1}]), "but its type is struct<x: int64>; convert it, or leave it out"),
        (pa.array([b"x"]), "but its type is binary"),
        (pa.array([dt.timedelta(1)]), "but its type is duration"),
        (pa.array([2**63], pa.uint64()), "column 'a' of a.parquet must fit into 64 bits with a sign, but does not"),
        (pa.array([-np.inf]), "column 'a' of a.parquet must hold finite numbers, but row 1 has -inf"),
        (pa.array([], pa.int64()), "a.parquet must have columns and rows, but has 1 columns and 0 rows"),
    ],
)
def test_a_column_that_cannot_be_is_named(tmp_path, column, said):
    with pytest.raises(ValueError) as error:
        read_raw(written(tmp_path / "a.parquet", pa.table({"a": column})))
    assert said in str(error.value)


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.feather"])
def test_a_damaged_file_is_told(tmp_path, name):
    (tmp_path / name).write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=rf"{name} must be a \w+ table, but cannot be read \(.*\); save it again"):
        read_raw(tmp_path / name)


def test_marks_of_missing_cells_count_in_typed_columns_too(tmp_path):
    table = pa.table({"n": [1, -999], "x": [-999.0, 0.5], "w": ["-999", "a"], "t": [True, False]})
    raw = read_raw(written(tmp_path / "a.parquet", table), ReadOptions(missing=("-999", "?")))
    assert raw.table.to_pydict() == {"n": [1, None], "x": [None, 0.5], "w": [None, "a"], "t": [True, False]}


DAYS = [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2)]

FRAMES = {
    "arrow": pa.table({"n": [1, None], "w": ["a", "b"], "d": pa.array(DAYS, pa.timestamp("us"))}),
    "batch": pa.record_batch({"n": [1, None], "w": ["a", "b"], "d": pa.array(DAYS, pa.timestamp("us"))}),
    "pandas": pd.DataFrame({"n": pd.array([1, None], dtype="Int64"), "w": pd.Categorical(["a", "b"]), "d": DAYS}),
    "polars": pl.DataFrame({"n": [1, None], "w": pl.Series(["a", "b"], dtype=pl.Categorical), "d": DAYS}),
    "mapping": {"n": np.array([1, None]), "w": np.array(["a", "b"]), "d": np.array(DAYS, dtype="datetime64[us]")},
}


@pytest.mark.parametrize("kind", FRAMES)
def test_frames_of_all_kinds_are_the_same_table(kind):
    assert is_frame(FRAMES[kind])
    raw = frame_to_raw(FRAMES[kind])
    assert raw.table.to_pydict() == {"n": [1, None], "w": ["a", "b"], "d": DAYS}
    assert not raw.notes


def test_what_is_no_frame():
    for found in ([1, 2], {"a": 1}, {"a": "text"}, {}, "a.csv", np.zeros((2, 2)), pd.Series([1]), pl.Series([1])):
        assert not is_frame(found)


def test_an_index_is_kept_and_an_order_that_is_not_used_is_told():
    frame = pd.DataFrame({"c": pd.Categorical(["x", "y"], ordered=True), 7: [1.5, np.nan]}, index=["p", "q"])
    raw = frame_to_raw(frame)
    assert raw.table.to_pydict() == {"c": ["x", "y"], "7": [1.5, None]}
    assert raw.notes == ("the model does not use the order of the categories of c (schema.yaml can give it)",)
    assert raw.index.to_pydict() == {"": ["p", "q"]}


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ({"a": [1, 2], "b": [1]}, "the columns of the table must have equally many cells, but 'a' has 2, 'b' has 1"),
        ({"a": [1, "x"]}, "column 'a' of the table must hold cells of one type, but mixes them"),
        ({"a": np.zeros((2, 2))}, "column 'a' of the table must have one axis, but has shape (2, 2)"),
        (pd.DataFrame({"a": [1, "x"]}), "column 'a' of the table must hold cells of one type, but mixes them"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "must have different names, but columns 1 and 2 are called 'a'"),
        (pd.DataFrame({"a": [1, np.inf]}), "column 'a' of the table must hold finite numbers, but row 2 has inf"),
        (pl.DataFrame({"a": [[1], [2]]}), "column 'a' of the table must hold numbers, words, truths or times"),
        (pd.DataFrame({"a": []}), "must have columns and rows, but has 1 columns and 0 rows"),
    ],
)
def test_a_frame_that_cannot_be_is_told(frame, said):
    with pytest.raises(ValueError) as error:
        frame_to_raw(frame)
    assert said in str(error.value)


def test_learning_needs_two_rows_and_two_columns():
    with pytest.raises(ValueError, match=r"learning needs two rows at least, but a\.csv has 1; give a table"):
        check_trainable(frame_to_raw({"a": [1], "b": [2]}), "a.csv")
    with pytest.raises(ValueError, match=r"learning needs two columns at least, but a\.csv has only 'a'; give more"):
        check_trainable(frame_to_raw({"a": [1, 2]}), "a.csv")
    check_trainable(frame_to_raw({"a": [1, 2], "b": [2, 3]}), "a.csv")


def test_a_missing_pyarrow_is_told_with_the_way_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"need pyarrow; install it with: pip install vaekit\[table\]"):
        frame_to_raw({"a": [1, 2]})
