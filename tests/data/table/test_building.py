"""From a raw table to a data set: the split, the labels, the notes; and the doors."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
import torch

from vaekit.data.dataset import TEST, TRAIN, VALIDATION
from vaekit.data.table import TableSchema, read_table, table_to_dataset
from vaekit.data.table.building import infer_schema, row_contents, table_dataset
from vaekit.data.table.column import Declared, SchemaFile
from vaekit.data.table.raw import RawTable

rng = np.random.default_rng(0)
ROWS = 1000


def people(rows=ROWS, seed=0):
    draw = np.random.default_rng(seed)
    return pa.table(
        {
            "age": draw.integers(18, 90, rows),
            "wage": np.round(draw.lognormal(3, 1, rows), 2),
            "job": draw.choice(["a", "b", "c"], rows),
            "rich": draw.choice(["no", "yes"], rows),
        }
    )


def test_a_data_set_has_codes_split_labels_and_rows():
    data = table_dataset(RawTable(people(), ("a note",)), target="rich")
    assert data.values.shape == (ROWS, 4) and data.values.dtype == torch.float32
    assert data.classes == ("no", "yes") == data.schema.classes
    assert [data.classes[label] for label in data.labels[:50]] == data.table.column("rich")[:50].to_pylist()
    assert data.table.equals(people()) and data.notes[0] == "a note"
    counts = [len(data.part(part)) for part in ("train", "validation", "test")]
    assert counts[0] == pytest.approx(800, abs=50) and min(counts[1:]) > 60


def test_rows_that_are_taken_bring_their_cells():
    data = table_dataset(RawTable(people()), target="rich")
    rows = data.part("test")
    taken = data.taken(rows)
    assert taken.table.equals(people().take(rows.numpy())) and torch.equal(taken.values, data.values[rows])
    with pytest.raises(ValueError, match="table must have one entry for each of the 1000 rows, but has 3"):
        replace(data, table=people(3))


def test_codecs_know_the_training_rows_alone():
    table = people(3000)
    split = table_dataset(RawTable(table)).split
    ages = np.where(split.numpy() == TRAIN, table.column("age").to_numpy(), 200 + np.arange(3000) % 3)
    table = table.set_column(0, "age", pa.array(ages))
    data = table_dataset(RawTable(table, parts=split.numpy()))
    labels = data.schema.column("age").codec.labels
    assert max(labels) < 90 and torch.equal(data.split, split)
    assert data.values[split != TRAIN, 0].isposinf().all() and data.values[split == TRAIN, 0].isfinite().all()
    assert data.notes == (
        "values that only held-out rows have, which no model can learn:"
        f" age ({', '.join(map(str, dict.fromkeys(ages[split.numpy() != TRAIN].tolist())))})",
    )


def test_the_split_is_blind_to_the_order_of_rows_and_columns():
    table = people()
    order = rng.permutation(ROWS)
    shuffled = table.take(pa.array(order)).select(table.column_names[::-1])
    first, second = table_dataset(RawTable(table)), table_dataset(RawTable(shuffled))
    assert torch.equal(first.split[torch.from_numpy(order)], second.split)


def test_equal_rows_share_a_part():
    table = people(300)
    twice = pa.concat_tables([table, table])
    split = table_dataset(RawTable(twice)).split
    assert torch.equal(split[:300], split[300:])


def test_contents_tell_rows_apart():
    columns = {
        "a": pa.array([1, 2, 1, None, None, 1]),
        "b": pa.array([2, 1, 2, 2, None, 2]),
        "c": pa.array(["x", "x", "x", "x", "x", "y"]),
        "d": pa.array([0.0, 0.0, -0.0, 0.0, 0.0, 0.0]),
        "e": pa.array([True, True, True, True, True, True]),
        "f": pa.array([1, 1, 1, 1, 1, 1]).cast(pa.timestamp("s", "UTC")),
    }
    found = row_contents(pa.table(columns)).flatten().tolist()
    assert found[0] == found[2] and len(set(found)) == 5
    assert found == row_contents(pa.table(dict(reversed(columns.items())))).flatten().tolist()
    many = people(20_000)
    assert len(row_contents(many).unique()) == many.group_by(many.column_names).aggregate([]).num_rows


def test_official_parts_are_kept():
    parts = np.repeat([TRAIN, TEST], [800, 200]).astype(np.int8)
    data = table_dataset(RawTable(people(), parts=parts))
    assert (data.split[800:] == TEST).all() and (data.split[:800] != TEST).all()
    assert (data.split == VALIDATION).sum() > 40


def test_a_models_schema_codes_another_table():
    schema = infer_schema(people(), target="rich")
    other = people(50, seed=1).append_column("more", pa.array([0] * 50))
    data = table_dataset(RawTable(other), schema=schema)
    assert data.schema is schema and data.notes == ("column 'more' is not one of the model's and is ignored",)
    assert data.classes == ("no", "yes") and data.table.column_names == people().column_names


def test_rows_without_a_class_have_no_labels():
    table = people()
    rich = pa.array([None, *table.column("rich").to_pylist()[1:]])
    data = table_dataset(RawTable(table.set_column(3, "rich", rich)), target="rich")
    assert data.labels is None and data.classes == ()
    assert data.notes == ("1 of 1000 rows have no class in 'rich', so the rows have no labels",)
    assert table_dataset(RawTable(table), target="wage").labels is None


@pytest.fixture
def file(tmp_path):
    pyarrow.csv.write_csv(people(), tmp_path / "people.csv")
    return tmp_path / "people.csv"


def test_a_file_is_read_and_coded(file):
    data = read_table(file, target="rich")
    assert data.table.equals(people()) and data.source == str(file) and data.classes == ("no", "yes")
    again = read_table(file, schema=TableSchema.model_validate_json(data.schema.model_dump_json()))
    assert torch.equal(again.values, data.values) and torch.equal(again.split, data.split)


def test_names_of_a_schema_serve_a_file_without_a_header(file, tmp_path):
    bare = tmp_path / "bare.csv"
    bare.write_text("\n".join(file.read_text().splitlines()[1:]) + "\n")
    overrides = SchemaFile(columns=tuple(Declared(name=name) for name in people().column_names), target="rich")
    data = read_table(bare, overrides=overrides, header="no")
    assert data.table.column_names == people().column_names and data.classes == ("no", "yes")
    data = read_table(bare, schema=data.schema, header="no")
    assert data.table.equals(people())


def test_numbers_and_a_few_words_may_be_classes(tmp_path):
    path = tmp_path / "mixed.csv"
    path.write_text("zone,x\n" + "".join(f"{row % 9},{row / 7:.3f}\n" for row in range(200)) + "A1,0.5\nA1,0.25\n")
    with pytest.raises(ValueError, match=r"column 'zone' of mixed\.csv must hold numbers or words, .* 'A1'"):
        read_table(path)
    data = read_table(path, overrides=SchemaFile(columns=(Declared(name="zone", kind="categorical"),)))
    assert data.schema.column("zone").kind == "categorical" and "A1" in data.table.column("zone").to_pylist()


def test_words_stay_words_where_the_model_knows_words(tmp_path):
    schema = infer_schema(pa.table({"zip": ["01", "02", "ab"] * 20, "x": rng.normal(size=60)}))
    (tmp_path / "new.csv").write_text("zip,x\n01,0.5\n02,1.5\n")
    data = read_table(tmp_path / "new.csv", schema=schema)
    assert data.table.column("zip").to_pylist() == ["01", "02"] and not data.values.isnan().any()


def test_a_frame_is_a_table():
    columns = {name: people().column(name).to_pylist() for name in people().column_names}
    data = table_to_dataset(columns, target="job", model_missing=True)
    assert data.classes == ("a", "b", "c") and data.schema.model_missing


@pytest.mark.parametrize("name", ["wine", "breast-cancer", "diabetes"])
def test_bundled_tables_come_by_name(name):
    data = read_table(name, target="target")
    assert len(data) == len(data.table) and (data.labels is None) == (name == "diabetes")


def test_one_row_teaches_nothing_but_can_be_coded():
    schema = infer_schema(people())
    with pytest.raises(ValueError, match="learning needs two rows at least"):
        table_to_dataset({"age": [30], "wage": [1.0]})
    one = {"age": [30], "wage": [12.5], "job": ["a"], "rich": ["no"]}
    assert table_to_dataset(one, schema=schema).values.shape == (1, 4)
