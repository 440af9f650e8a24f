"""Whatever can be wrong with tables, their keys and their runs is answered by one sentence that names the column, and exit code 2."""

import pyarrow as pa
import pytest

from .conftest import vaekit
from .table_files import TINY, people, write

pytestmark = pytest.mark.usefixtures("no_report")

GOOD = "".join(f"{i},{i * 2.5},{'ab'[i % 2]}\n" for i in range(40))


FILES = {
    "ragged.csv": (f"x,y,z\n{GOOD}1,2\n", "must have 3 cells as its first, but line 42 has 2"),
    "twice.csv": (f"x,x,z\n{GOOD}", "columns 1 and 2 are called 'x'; rename one"),
    "mixed.csv": (f"x,y,z\n{GOOD}nix,1,a\n", "column 'x' of mixed.csv must hold numbers or words"),
    "infinite.csv": (f"x,y,z\n{GOOD}1,inf,a\n", "column 'y' of infinite.csv must hold finite numbers, but row 41 has"),
    "empty.csv": ("", "empty.csv must hold a table, but is empty"),
    "header.csv": ("x,y,z\n", "header.csv must have rows, but has nothing below its header (x, y, z)"),
    "three_rows.csv": ("x,y,z\n1,2,a\n2,3,b\n3,4,c\n", "but the 3 here leave 1; give more rows"),
    "one_row.csv": ("x,y,z\n1,2,a\n", "learning needs two rows at least, but"),
    "one_column.csv": (
        "x\n" + "".join(f"{i}\n" for i in range(40)),
        "one_column.csv has only 'x'; give more columns",
    ),
    "binary.csv": ("a\0" + "b" * 99, "binary.csv must hold text, but byte 1 (line 1) is 0"),
    "cut.parquet": ("PAR1", "cut.parquet must be a parquet table, but cannot be read"),
    "constant.csv": ("x,y\n" + "1,2\n" * 40, ""),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be(tmp_path, name):
    content, said = FILES[name]
    (tmp_path / name).write_text(content)
    for verb in (("inspect", tmp_path / name), ("fit", tmp_path / name, "steps=3", "--out", tmp_path / "run")):
        assert said in vaekit(*verb).sentence
    assert not (tmp_path / "run").exists()


def test_a_separator_that_is_none_of_the_file(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("x;y;z\n" + GOOD.replace(",", ";"))
    assert vaekit("inspect", path).code == 0
    for typed in ("delimiter=,", "delimiter=comma"):
        assert "rows.csv" in vaekit("inspect", path, typed).sentence


KEYS = {
    "goal=nonsense": "goal=nonsense is not one of synthesis, density, imputation",
    "target=plann": "target must be one of id, age, income, city, country, since, until, plan, but is 'plann'",
    "schema_file=/nowhere.yaml": "there is no '/nowhere.yaml'; check the path",
    "test=/nowhere.csv": "there is no '/nowhere.csv'; check the path",
    "condition=label": "condition=label needs a categorical target: name its column with target=",
    "condition=context": "condition",
    "condition=label target=income": "needs a categorical target",
    "prior=vamp": "prior=vamp learns pseudo-inputs by gradient, which categories have none of; use prior=gmm",
    "prior=uniform_sphere": "prior=uniform_sphere on unit vectors",
    "hide=0.9": "hide=0.9: input should be less than or equal to 0.5",
    "net=conv": "net=conv is not one of mlp, column_transformer",
    "net.widths=[]": "net.widths=[]: list should have at least 1 item",
    "latent=0": "latent=0: input should be greater than or equal to 1",
    "likelihood.real=bernoulli": "likelihood.real=bernoulli is not one of logistic_mixture, gaussian, student_t",
    "likelihood.count=gaussian": "likelihood.count=gaussian is not one of poisson, negative_binomial, zero_inflated",
    "second_stage=nothing": "second_stage=nothing",
    "missing=guess": "missing=guess: input should be 'model' or 'ignore'",
    "header=maybe": "header=maybe: input should be 'auto', 'yes' or 'no'",
    "delimiter=ab": "delimiter must be one character",
    "encoding=klingon": "encoding must be one such as utf-8 or cp1252, but is 'klingon'",
    "size=8": "key 'size' is one of images, which these data are not",
    "tokenizer=word": "key 'tokenizer' is one of texts, which these data are not",
    "recipe=anneal": "recipe",
    "context=3": "unknown key 'context'",
    "slots=[]": "unknown key 'slots'",
}


@pytest.mark.parametrize("words", KEYS)
def test_a_key_that_cannot_be(people_file, words):
    assert KEYS[words] in vaekit("fit", people_file, "--dry-run", *words.split(" ")).sentence


@pytest.mark.parametrize("word", ["goal=density", "hide=0.1", "net=column_transformer", "missing=ignore", "header=yes"])
def test_a_key_of_tables_on_images(classes, word):
    assert word.split("=")[0] in vaekit("fit", classes, "--dry-run", word).sentence


def test_a_target_of_images(classes):
    assert vaekit("fit", classes, "--dry-run", "target=x").sentence


SCHEMAS = {
    "columns:\n  - {name: agee, kind: count}\n": "column 'agee' is declared, but the table has only id, age",
    "columns:\n  - {name: income, kind: count}\n": "column 'income' is declared a count, so it must hold non-negative",
    "columns:\n  - {name: city, kind: continuous}\n": "column 'city' is declared continuous, so it must hold numbers",
    "columns:\n  - {name: city, knd: binary}\n": "column 'city': there is no key 'knd'; did you mean kind?",
    "columns:\n  - {name: age, kind: nonsense}\n": "column 'age': kind must be one of",
    "columns:\n  - {name: age, min: 30}\n": "constraint 30 <= age must hold in every row, but row 6 has age = 20",
    "constraints:\n  - {kind: inequality, low: until, high: since}\n": "must hold in every row, but row 1 has until =",
    "constraints:\n  - {kind: inequality, low: nowhere, high: since}\n": "the table has no column 'nowhere'",
    "constraints:\n  - {kind: inequality, low: city, high: since}\n": "but 'city' holds string",
    "target: nowhere\n": "target must be one of id, age",
    "columns: 5\n": "columns is refused",
    "- 1\n": "must have the keys columns, constraints, target",
    "a: [\n": "must be YAML, but cannot be read",
}


@pytest.mark.parametrize("content", SCHEMAS)
def test_a_schema_that_cannot_be(people_file, tmp_path, content):
    (tmp_path / "schema.yaml").write_text(content)
    told = vaekit(
        "fit", people_file, f"schema_file={tmp_path / 'schema.yaml'}", *TINY, "--out", tmp_path / "run"
    ).sentence
    assert SCHEMAS[content] in told
    assert not (tmp_path / "run").exists()


def test_a_schema_of_what_is_no_table(classes, tmp_path):
    assert "these data are not a table" in vaekit("inspect", classes, "--schema", tmp_path / "s.yaml").sentence


def changed(name, cell):
    """Return other rows, of which the first has another cell."""
    table = people(40, seed=3)
    cells = table.column(name).cast("string").to_pylist()
    return table.set_column(table.column_names.index(name), name, pa.array([cell, *cells[1:]]))


def scores(people_run, table, folder):
    out = folder / "scores.csv"
    answer = vaekit("score", people_run, write(table, folder / "rows.csv"), "--samples", 2, "--out", out)
    return answer, out.read_text() if answer.code == 0 else ""


def test_columns_are_known_by_name_and_others_are_told(people_run, tmp_path):
    table = people(40, seed=3)
    plain, wanted = scores(people_run, table, tmp_path)
    more, extra = scores(people_run, table.append_column("zzz", pa.array(range(40))), tmp_path)
    other, reordered = scores(people_run, table.select(table.column_names[::-1]), tmp_path)
    assert plain.err == other.err == "" and wanted == extra == reordered != ""
    assert more.err == "note: column 'zzz' is not one of the model's and is ignored\n"


def test_columns_that_are_missing_or_of_another_kind(people_run, tmp_path):
    without = people(40).drop_columns(["age"])
    assert "the table must have the column 'age'" in scores(people_run, without, tmp_path)[0].sentence
    assert "column 'age'" in scores(people_run, changed("age", "old"), tmp_path)[0].sentence
    words = people(40).set_column(1, "age", pa.array(["old", "young"] * 20))
    assert (
        "column 'age' must hold int64, as in training, but holds string"
        in scores(people_run, words, tmp_path)[0].sentence
    )
    out = tmp_path / "o.csv"
    told = vaekit("impute", people_run, write(without, tmp_path / "without.csv"), "--out", out).sentence
    assert "the table must have the column 'age'" in told and not out.exists()
    assert "the table must have the column 'id'" in vaekit("evaluate", people_run, "wine").sentence


@pytest.mark.parametrize(("name", "cell"), [("city", "Atlantis"), ("plan", "silver")])
def test_a_class_that_training_did_not_have_is_told(people_run, tmp_path, name, cell):
    answer, _ = scores(people_run, changed(name, cell), tmp_path)
    assert answer.code == 0
    assert f"note: column '{name}' has values that training did not: {cell}" in answer.err


def test_rows_that_break_a_constraint_are_told(people_bound_run, tmp_path):
    answer, _ = scores(people_bound_run, changed("city", "Atlantis"), tmp_path)
    assert answer.code == 0 and "break the constraint only seen combinations of city and country" in answer.err


GIVEN = {
    "agee=3": "the model has no column 'agee'; did you mean 'age'?",
    "zzz=1": "the model has no column 'zzz'; the columns are id, age",
    "age": "--given is column=value, such as --given age=40, got 'age'",
    "age=old": "column 'age' holds int64, and 'old' is none",
    "age=": "column 'age' holds int64, and '' is none",
    "age=40.5": "column 'age' holds int64, and '40.5' is none",
    "age=1e400": "column 'age' holds int64",
    "income=nan": "column 'income' holds float64, and 'nan' is none",
    "income=inf": "column 'income' holds float64, and 'inf' is none",
    "since=yesterday": "column 'since' holds timestamp[s], and 'yesterday' is none",
    "plan=silver": "column 'plan' never had the value 'silver' in training; it had basic, gold",
    "id=p0001": "column 'id' is not modelled, so nothing can depend on it",
    "age=30 age=40": "--given names column 'age' twice; give one value",
}


@pytest.mark.parametrize("typed", GIVEN)
def test_what_cannot_be_given(people_run, people_bound_run, typed):
    words = [word for part in typed.split(" ") for word in ("--given", part)]
    for one in (people_run, people_bound_run):
        assert GIVEN[typed] in vaekit("sample", one, *words).sentence


def test_what_cannot_be_given_where_constraints_hold(people_bound_run):
    for typed, said in {
        "age=400": "the given values break the constraint 18 <= age <= 90",
        "city=Atlantis": "column 'city' never had the value 'Atlantis' in training",
    }.items():
        assert said in vaekit("sample", people_bound_run, "--given", typed).sentence


def test_a_class_never_seen_of_a_column_with_missing_cells(make_run, tmp_path):
    people_run = make_run(write(people(gaps=0.1), tmp_path / "gaps.csv"), base=TINY)
    assert (
        "column 'city' never had the value 'Atlantis'"
        in vaekit("sample", people_run, "--given", "city=Atlantis").sentence
    )


def test_given_and_what_it_does_not_go_with(people_run, class_run, tmp_path):
    for more in (("--temperature", 2), ("--noise",), ("--decode", "greedy")):
        assert vaekit("sample", people_run, "--given", "age=40", *more).sentence
    told = vaekit("sample", class_run, "--given", "age=40", "--out", tmp_path).sentence
    assert "--given names columns of a table, and this is a model of images" in told


def test_options_files_and_rows_that_cannot_be(people_run, people_file, tmp_path):
    decoded = "only texts are decoded token by token; leave decoding out for other data"
    suffixes = "--out must end in .csv, .parquet, .arrow"
    for words, said in {
        ("sample", "--noise"): "noise applies to pixels; new rows are drawn anyway",
        ("sample", "--decode", "greedy"): decoded,
        ("reconstruct", people_file, "--decode", "greedy"): decoded,
        ("interpolate", 0, 1, "--decode", "beam"): decoded,
        ("analogy", 0, 1, 2, "--decode", "beam"): decoded,
        ("sample", "--label", "gold"): "so a label means nothing to it",
        ("sample", "--temperature", "inf"): "temperature must be a finite number",
        ("sample", "--out", tmp_path / "a.txt"): suffixes,
        ("sample", "--out", tmp_path): suffixes,
        ("interpolate", 0, 1, "--out", tmp_path / "a.png"): suffixes,
        ("interpolate", 0, 9999): "test data, numbered from 0; got 9999",
        ("interpolate", 0, 1, "--how", "cubic"): "linear or slerp, got 'cubic'",
        ("encode", people_file, "--out", tmp_path / "a.txt"): "--out must end in .npz, .parquet, .csv",
        ("impute", people_file, "--out", tmp_path / "a.txt"): suffixes,
        ("impute", people_file, "--out", tmp_path / "a.csv", "--intervals", tmp_path / "a.txt"): suffixes,
        ("impute", people_file, "--out", tmp_path / "a.csv", "--level", 2): "level between 0 and 1",
        ("impute", "nowhere.csv", "--out", tmp_path / "a.csv"): "there is no 'nowhere.csv'; check the path",
        ("manipulate", people_file, "--toward", "label=silver"): "have no label 'silver'; its labels are basic, gold",
        ("evaluate", "digits"): "a table needs a file",
        ("evaluate", "names-demo"): "a table needs a file",
        ("fit-prior", "--kind", "nonsense"): "prior=nonsense is not one of",
    }.items():
        assert said in vaekit(words[0], people_run, *words[1:]).sentence, words
    assert list(tmp_path.iterdir()) == []


def test_impute_of_images(class_run, people_file, tmp_path):
    told = vaekit("impute", class_run, people_file, "--out", tmp_path / "a.csv").sentence
    assert "this is a model of images" in told


def test_impute_of_texts(make_run, tmp_path):
    keys = ("steps=1", "net=gru", "net.hidden=4", "net.embedding=4", "latent=2", "device=cpu", "precision=fp32")
    told = vaekit("impute", make_run("names-demo", base=keys), "names-demo", "--out", tmp_path / "a.csv").sentence
    assert "this is a model of texts" in told


def test_tables_that_have_changed_are_noticed(tmp_path, make_run):
    data = write(people(60), tmp_path / "people.csv")
    people_run = make_run(data, base=TINY)
    write(people(60, seed=1), data)
    assert "have changed since" in vaekit("evaluate", people_run).sentence


def test_a_table_is_no_test_part_of_itself(people_file):
    assert (
        "test must be a file of other rows" in vaekit("fit", people_file, f"test={people_file}", "--dry-run").sentence
    )
