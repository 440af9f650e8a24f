"""The quality of synthetic rows and of scores, and what `evaluate` says of a run of tables."""

import json

import pyarrow as pa
import pyarrow.csv
import pytest
import torch

import vaekit
from vaekit.data import table_to_dataset
from vaekit.errors import NotApplicable
from vaekit.evaluation import Chains
from vaekit.evaluation.tables import auroc
from vaekit.interfaces.measures import general, measure
from vaekit.interfaces.measures.deep import deep, deep_lines, measures_of
from vaekit.interfaces.media import MEDIA, Answer
from vaekit.interfaces.media.tables import medium, quality as quality_module
from vaekit.interfaces.media.tables.quality import anomalies, judged_by, table_quality_of
from vaekit.trained.files import plain

from .conftest import vaekit as command

pytestmark = pytest.mark.usefixtures("no_report")


@pytest.fixture
def asked(monkeypatch):
    """Return what the measures are asked, which have tests of their own."""

    def ask(run, *args, **keys):
        found = {}

        def remember(made, train, holdout, **options):
            found.update(options, made=made, train=train, holdout=holdout)

        monkeypatch.setattr(quality_module, "table_quality", remember)
        table_quality_of(run, *args, **keys)
        return found

    return ask


@pytest.fixture(scope="module")
def found(table_run):
    return table_quality_of(table_run)


def test_as_many_rows_are_made_as_were_trained_on_and_held_against_the_test_part(table_run, asked):
    data = table_run.data
    found = asked(table_run)
    assert found["made"].equals(table_run.sample(len(data.part("train"))))
    assert sorted(found["train"].column(0).to_pylist()) == sorted(
        data.table.take(data.part("train").numpy()).column(0).to_pylist()
    )
    assert found["holdout"].num_rows == len(data.part("test"))
    assert (found["target"], found["seed"]) == ("target", 0)
    assert found["kinds"] == table_run.schema.kinds


def test_other_data_are_the_holdout_and_the_count_and_the_seed_are_what_was_asked(table_run, asked):
    data = table_run.data
    other = data.table.slice(0, 40)
    found = asked(table_run, other, count=25, seed=3)
    assert found["holdout"].equals(other)
    assert found["made"].equals(table_run.sample(25, seed=3))
    assert found["seed"] == 3


def test_no_more_than_the_most_rows_are_used(table_run, asked):
    found = asked(table_run, most=40)
    assert [len(found[part]) for part in ("made", "train", "holdout")] == [40, 40, 40]


def test_quality_stands_beside_floor_and_ceiling(found):
    assert found.target == "target"
    assert found.ceiling.efficacy.auc > 0.9 > found.floor.efficacy.auc
    assert found.floor.tree.auc > found.ceiling.tree.auc


def test_the_target_is_what_was_named_or_the_last_column_of_classes():
    rows = {"a": ["x", "y"] * 30, "b": ["u", "v", "w"] * 20, "n": [i / 7 for i in range(60)]}
    table = pa.table(rows)
    schema = table_to_dataset(table).schema
    assert judged_by(schema, table) == "b"
    assert judged_by(schema.replace(target="n"), table) == "n"
    assert judged_by(schema.replace(target="a"), table) == "a"
    alike = pa.table({**rows, "b": ["u"] * 60})
    assert judged_by(schema, table, alike) == "a"  # of one class in the holdout nothing can be predicted
    assert judged_by(schema.replace(target="b"), table, alike) is None
    numbers = pa.table({"n": rows["n"], "m": rows["n"][::-1]})
    assert judged_by(table_to_dataset(numbers).schema, numbers) is None
    alone = pa.table({"a": rows["a"], "same": ["x"] * 60})
    assert judged_by(table_to_dataset(alone).schema, alone) is None


def test_other_runs_have_no_such_quality(class_run):
    assert MEDIA["image"].quality(vaekit.load(class_run), None) == Answer({}, [])


def test_evaluate_tells_it_and_writes_it(table_run, found, monkeypatch):
    monkeypatch.setattr(medium, "table_quality_of", lambda run, holdout: found)
    answer = command("evaluate", table_run.path, "--samples", 2, "--json").json
    assert answer["quality"] == json.loads(json.dumps(plain(found.summary())))
    assert answer["bounds"]["iw"]["samples"] == 2
    said = command("evaluate", table_run.path, "--samples", 2).out
    rows = found.rows
    assert f"({rows['synthetic']} synthetic, {rows['train']} training and {rows['holdout']} held-out rows)" in said
    assert all(line in said for line in found.lines())


def test_evaluate_of_other_data_takes_them_for_the_holdout(table_run, found, monkeypatch, tmp_path):
    taken = []
    monkeypatch.setattr(medium, "table_quality_of", lambda run, holdout: taken.append(holdout) or found)
    path = tmp_path / "some.csv"
    pyarrow.csv.write_csv(table_run.data.table.slice(0, 30), path)
    assert command("evaluate", table_run.path, path, "--samples", 2).code == 0
    assert len(taken[0]) == 30


def test_evaluate_says_why_there_is_no_quality(table_run, monkeypatch):
    def refuse(run, holdout):
        raise NotApplicable("detection needs rows")

    monkeypatch.setattr(medium, "table_quality_of", refuse)
    answer = command("evaluate", table_run.path, "--samples", 2, "--json").json
    assert (answer["quality"], answer["quality_why"]) == (None, "detection needs rows")
    said = command("evaluate", table_run.path, "--samples", 2).out
    assert "no quality of synthetic rows: detection needs rows" in said


def test_images_have_no_quality_of_rows(class_run):
    assert "quality" not in command("evaluate", class_run, "--samples", 2, "--json").json


def test_scores_are_held_against_two_classes(table_run, tmp_path):
    data, rows = table_run.open(table_run.data.table)
    result = table_run.score(data, 5)
    found = anomalies(data, rows, result.iw)
    rare = data.labels == data.classes.index("malignant")
    assert (found.anomalous, found.count, found.rows) == ("malignant", int(rare.sum()), len(data))
    assert found.auroc == pytest.approx(auroc(-result.iw, rare))
    assert found.scored and "includes 'target' itself" in found.line()
    path = tmp_path / "rows.csv"
    pyarrow.csv.write_csv(data.table, path)
    answer = command("score", table_run.path, path, "--samples", 5, "--out", tmp_path / "s.csv", "--json").json
    assert answer["anomalies"] == found.summary()
    said = command("score", table_run.path, path, "--samples", 5, "--out", tmp_path / "s.csv").out
    assert found.line() in " ".join(said.split())


def test_scores_of_one_class_or_of_none_are_held_against_nothing(table_run, class_run):
    data, _ = table_run.open(table_run.data.table)
    one = torch.arange(len(data))[data.labels == 0]
    assert anomalies(data, one, torch.zeros(len(one))) is None
    assert anomalies(data, torch.arange(2), torch.tensor([0.0, torch.nan])) is None
    images, rows = vaekit.load(class_run).open()
    assert anomalies(images, rows, torch.zeros(len(rows))) is None


@pytest.fixture
def quick(monkeypatch):
    for name, count in {"_MOST": 50, "_STEPS": 3, "_CHAINS": Chains(2, 4, 2)}.items():
        monkeypatch.setattr(general, name, count)
    monkeypatch.setattr(measure, "_REFINED", 4)


@pytest.mark.usefixtures("quick")
def test_deep_measures_what_is_not_of_images_with_cells_missing(table_run):
    table = table_run.data.table.slice(0, 60)
    gaps = pa.array([None, *table.column(0).to_pylist()[1:]], pa.float64())
    found = deep(table_run, table.set_column(0, table.column_names[0], gaps))
    assert set(found) == {*(each.name for each in measures_of("table")), "why"}
    assert set(found["why"]) == {"disentanglement"}
    assert not {"fidelity", "samples"} & set(found)  # which are of images
    assert found["annealed"]["dimension"] == "variable"
    assert json.loads(json.dumps(found, allow_nan=False))["probes"]["base_rate"] > 0
    assert "bits/variable" in "\n".join(deep_lines("table", found))
