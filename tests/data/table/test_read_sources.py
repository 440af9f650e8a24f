"""Which sources are tables, and tables in several parts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from vaekit.data.table.bundled import raw_from_sklearn
from vaekit.data.table.peek import is_table
from vaekit.data.table.raw import ReadOptions
from vaekit.data.table.reading import read_raw


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("a,b\n1,x\n", True),
        ("39, x, 5\n50, y, 6\n", True),
        ("a;b\n1,5;2\n2;3\n", True),
        ("age\n1\n2\n", True),
        ("review\nhello, you\nthis is a text\n", False),
        ("id,Text\n1,x\n", False),
        ("id;caption;size\n1;x;2\n", False),
        ("name,kind\nanna,f\nbob,m\n", False),
        ("name,kind,age\nanna,f,3\n", True),
        ("title,body\nx,y\nz,w\n", True),
        ("", True),
        (b"PK\x03\x04abc", False),
    ],
)
def test_a_csv_is_a_table_unless_it_holds_texts(tmp_path, content, found):
    path = tmp_path / "a.CSV"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert is_table(path) is is_table(str(path)) is found


@pytest.mark.parametrize(
    ("columns", "found"),
    [({"a": [1], "b": ["x"]}, True), ({"text": ["x"], "y": [1]}, False), ({"a": ["x"]}, False), ({"a": [1]}, True)],
)
def test_so_is_a_parquet(tmp_path, columns, found):
    parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert is_table(tmp_path / "a.parquet") is found


def test_other_names_are_tables_or_not_by_their_ends(tmp_path):
    (tmp_path / "no.parquet").write_bytes(b"PAR1")
    assert not any(
        map(is_table, [tmp_path / "no.parquet", "none.csv", "none.tsv.gz", "a.jsonl", "a.txt", "mnist", tmp_path])
    )
    assert all(map(is_table, ["a.arrow", "a.feather", "Breast_Cancer", "diabetes"]))


def test_a_folder_of_parts_is_an_official_split(tmp_path):
    (tmp_path / "test.csv").write_text("b,a\nx,2.5\n")
    (tmp_path / "my-train.csv").write_text("a,b\n1,x\n3,y\n")
    (tmp_path / "validation.csv").write_text("a,b\n,y\n")
    (tmp_path / "SOURCE.txt").write_text("nothing")
    assert is_table(tmp_path)
    raw = read_raw(tmp_path)
    assert raw.table.to_pydict() == {"a": [1.0, 3.0, None, 2.5], "b": ["x", "y", "y", "x"]}
    assert raw.parts is not None
    assert (raw.parts.tolist(), raw.parts.dtype) == ([0, 0, 1, 2], np.int8)


def test_a_folder_of_texts_or_of_nothing_is_no_table(tmp_path):
    (tmp_path / "train.csv").write_text("text,y\na b,1\n")
    assert not is_table(tmp_path)
    (tmp_path / "train.csv").write_text("file,kind\na.png,1\n")
    assert is_table(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").touch()
    assert not is_table(tmp_path)
    (tmp_path / "train.csv").unlink()
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(
        ValueError, match=r"a folder of a table needs a file with train in its name, but .* holds a\.csv"
    ):
        read_raw(tmp_path)


def test_a_file_of_the_test_part_gets_the_columns_and_the_types_of_the_other(tmp_path):
    (tmp_path / "a.csv").write_text("39, Private, <=50K\n50, ?, >50K\n38, Private, <=50K\n39, Local, <=50K\n")
    (tmp_path / "b.csv").write_text("25, Private, >50K.\n")
    raw = read_raw(tmp_path / "a.csv", ReadOptions(test=tmp_path / "b.csv"))
    assert raw.table.slice(4).to_pydict() == {"c0": [25], "c1": ["Private"], "c2": [">50K"]}
    assert raw.parts.tolist() == [0, 0, 0, 0, 2]
    assert raw.notes == (
        "no line names the columns: they are called c0 to c2",
        "'?' marks a missing cell in c1 (1)",
        "spaces around the cells are removed: c1, c2",
        "the full stop at the end of the words of 'c2' is removed in one part",
    )


def test_parts_that_do_not_fit_are_told(tmp_path):
    (tmp_path / "train.csv").write_text("a,b\n1,x\n")
    (tmp_path / "test.csv").write_text("a,c\n1,x\n")
    with pytest.raises(
        ValueError, match=r"train\.csv and test\.csv must have the same columns, but 'b' is missing in test"
    ):
        read_raw(tmp_path)
    (tmp_path / "test.csv").unlink()
    parquet.write_table(pa.table({"a": ["x"], "b": ["y"]}), tmp_path / "test.parquet")
    with pytest.raises(
        ValueError, match=r"column 'a' must have one type in train\.csv and test\.parquet, but is int64 and string"
    ):
        read_raw(tmp_path)
    parquet.write_table(pa.table({"b": pa.nulls(1), "a": [0.5]}), tmp_path / "test.parquet")
    assert read_raw(tmp_path).table.to_pydict() == {"a": [1.0, 0.5], "b": ["x", None]}


def test_sources_that_are_not_there(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="one of breast-cancer, diabetes, wine, but there is no 'breastcancer'; did you"
    ):
        read_raw("breastcancer")
    with pytest.raises(FileNotFoundError, match=r"but there is no 'no\.csv'; check the path"):
        read_raw("no.csv")
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(ValueError, match=r"a table must end in \.csv, .*, but a\.json came"):
        read_raw(tmp_path / "a.json")


def test_the_tables_of_scikit_learn():
    cancer, wine, diabetes = map(raw_from_sklearn, ["breast-cancer", "wine", "diabetes"])
    assert cancer.table.shape == (569, 31)
    assert set(cancer.table["target"].to_pylist()) == {"benign", "malignant"}
    assert set(wine.table["target"].to_pylist()) == {"class_0", "class_1", "class_2"}
    assert pa.types.is_floating(diabetes.table["target"].type)
    assert read_raw("Diabetes").table.equals(diabetes.table)
    with pytest.raises(ValueError, match="a bundled table is one of breast-cancer, diabetes, wine, but 'iris' came"):
        raw_from_sklearn("iris")
