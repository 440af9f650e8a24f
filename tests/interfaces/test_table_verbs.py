"""Every verb on tables, as a new user tries it: what it prints, what it writes, and that its JSON is one object."""

import json
import random
import signal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

import vaekit as library
from vaekit.errors import NotApplicable
from vaekit.interfaces.cli import comparing
from vaekit.interfaces.cli.progress import ProgressReport
from vaekit.interfaces.media.tables import medium

from .conftest import vaekit
from .table_files import TINY, all_hold, people, read, write

pytestmark = pytest.mark.usefixtures("no_report")

NAMES = people(2).column_names


def rows_of(answer):
    return answer.json["rows"]


def test_inspect_names_the_columns_their_kinds_and_why(people_file):
    answer = vaekit("inspect", people_file, "target=plan")
    assert answer.code == 0
    for word in (
        "200 rows, 8 columns, 7 variables",
        "labels: basic, gold",
        "identifier",
        "datetime",
        "quantile",
        "goal",
    ):
        assert word in answer.out, word
    found = vaekit("inspect", people_file, "target=plan", "--json").json
    assert found["data"]["schema"]["columns"]["city"] == "categorical (categories)"
    assert found["data"]["schema"]["target"] == "plan"
    assert all(choice["reason"] for choice in found["experiment"]["choices"])


def test_a_schema_that_inspect_wrote_is_read_back_and_can_be_edited(people_file, tmp_path):
    schema = tmp_path / "schema.yaml"
    assert f"schema: {schema}; change it" in vaekit("inspect", people_file, "--schema", schema).out
    whole = vaekit("inspect", people_file, "--json").json
    assert (
        vaekit("inspect", people_file, f"schema_file={schema}", "--json").json["data"]["schema"]
        == whole["data"]["schema"]
    )
    schema.write_text(
        schema.read_text().replace("kind: identifier", "use: drop #").replace("    codec: identifier\n", "")
    )
    assert (
        "id" not in vaekit("inspect", people_file, f"schema_file={schema}", "--json").json["data"]["schema"]["columns"]
    )


def test_fit_prints_one_json_object_and_writes_a_run_that_explains_itself(people_gaps, tmp_path):
    out = tmp_path / "a run ü"
    answer = vaekit("fit", people_gaps, *TINY, "target=plan", "--out", out, "--json")
    found = answer.json
    assert {"run", "report", "seconds", "evaluation", "choices", "quarantine"} == set(found)
    assert (found["evaluation"]["unit"], found["evaluation"]["dimension"]) == ("row", "variable")
    assert "rows/s" in answer.err
    for path in out.rglob("*.json"):
        json.loads(path.read_text(), parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("goal", "objective", "hide", "missing", "stage"),
    [
        ("synthesis", "elbo", 0.0, "model", "choose"),
        ("density", "elbo", 0.0, "ignore", "none"),
        ("imputation", "iwae", 0.1, "ignore", "none"),
    ],
)
def test_a_goal_sets_its_keys(people_gaps, tmp_path, monkeypatch, goal, objective, hide, missing, stage):
    monkeypatch.chdir(tmp_path)
    found = vaekit("fit", people_gaps, "--dry-run", "--json", f"goal={goal}").json
    assert (found["model"]["goal"], found["objective"]["kind"], found["model"]["hide"]) == (goal, objective, hide)
    assert (found["data"]["missing"], found["training"]["second_stage"]) == (missing, stage)
    typed = vaekit(
        "fit", people_gaps, "--dry-run", "--json", f"goal={goal}", "second_stage=flow", "objective.beta=0.5"
    ).json
    assert (typed["training"]["second_stage"], typed["objective"]["kind"]) == ("flow", "elbo")
    assert list(tmp_path.iterdir()) == []


def test_how_a_file_is_read_is_typed_as_it_is_said(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("".join(f"{i};{i % 7 - 3}.5;{'nix' if i % 9 == 0 else 'ab'[i % 2]}\n" for i in range(60)))
    for keys in (("delimiter=;", "header=no"), ("delimiter=semicolon", "header=auto")):
        found = vaekit("inspect", path, *keys, "missing_marks=nix", "--json").json
        assert [*found["data"]["schema"]["columns"]] == ["c0", "c1", "c2"]
        assert found["experiment"]["data"]["missing_marks"] == ["nix"]


def test_the_rows_of_another_file_are_the_test_part(tmp_path, monkeypatch):
    """Also where both are named from the folder one is in."""
    monkeypatch.chdir(tmp_path)
    write(people(100), tmp_path / "train.csv"), write(people(30, seed=4), tmp_path / "later.csv")
    made = vaekit("fit", "train.csv", *TINY, "test=later.csv", "--out", "run", "--json").json
    assert made["evaluation"]["n"] == 30
    monkeypatch.setattr(medium, "table_quality_of", refuse)
    assert vaekit("evaluate", "run", "--samples", 2, "--json").json["n"] == 30


def refuse(*_):
    raise NotApplicable("not measured here")


def test_evaluate_takes_other_rows(people_run, people_file, monkeypatch):
    monkeypatch.setattr(medium, "table_quality_of", refuse)
    found = vaekit("evaluate", people_run, people_file, "--samples", 3, "--json").json
    assert (found["n"], found["measure"], found["bounds"]["iw"]["samples"]) == (200, "mixed", 3)
    assert "nats per row" in vaekit("evaluate", people_run, "--samples", 2).out


def test_sample_prints_or_writes_by_suffix(people_run, tmp_path):
    printed = rows_of(vaekit("sample", people_run, "-n", 30, "--json"))
    assert [*printed[0]] == NAMES and len(printed) == 30
    told = vaekit("sample", people_run, "-n", 30).out
    assert "10 more" in told and all(name in told for name in NAMES)
    tables = {}
    for suffix, reads in {".csv": read, ".parquet": pa.parquet.read_table, ".arrow": pa.feather.read_table}.items():
        out = tmp_path / f"made{suffix}"
        assert vaekit("sample", people_run, "-n", 30, "--out", out, "--json").json == {"out": str(out), "n": 30}
        tables[suffix] = reads(out)
    assert (
        tables[".parquet"].to_pydict() == tables[".csv"].to_pydict()
        and tables[".csv"].to_pydict() == tables[".arrow"].to_pydict()
    )
    assert tables[".csv"].column("age").to_pylist() == [row["age"] for row in printed]


def test_what_is_made_looks_like_what_was_read(people_run, tmp_path):
    vaekit("sample", people_run, "-n", 300, "--out", tmp_path / "made.csv")
    made, real = read(tmp_path / "made.csv"), people()
    assert made.schema == read(write(real, tmp_path / "real.csv")).schema
    assert all(round(value, 2) == value for value in made.column("income").to_pylist())
    assert {value.hour for value in made.column("since").to_pylist()} == {0}
    assert not set(made.column("id").to_pylist()) & set(real.column("id").to_pylist())
    for name in ("age", "income", "since"):
        low, high = (pc.min_max(real.column(name))[end].as_py() for end in ("min", "max"))
        assert all(low <= value <= high for value in made.column(name).to_pylist())


def test_sample_draws_by_its_seed(people_run):
    first, same, other = (
        rows_of(vaekit("sample", people_run, "-n", 5, "--seed", seed, "--json")) for seed in (0, 0, 1)
    )
    assert first == same != other


@pytest.mark.parametrize(
    ("typed", "name", "value"),
    [
        ("age=40", "age", 40),
        ("age = 40.0", "age", 40),
        ("income=1234.56", "income", 1234.56),
        ("city=Lyon", "city", "Lyon"),
        ("plan=gold", "plan", "gold"),
        ("since=2021-03-04", "since", "2021-03-04T00:00:00"),
    ],
)
def test_rows_have_what_is_given(people_run, typed, name, value):
    words = ("sample", people_run, "-n", 40, "--given", typed, "--json")
    rows = rows_of(vaekit(*words))
    assert {row[name] for row in rows} == {value} and len(rows) == 40
    assert rows == rows_of(vaekit(*words)) != rows_of(vaekit(*words, "--seed", 1))
    assert len({row["income" if name != "income" else "age"] for row in rows}) > 5


def test_several_columns_are_given_where_constraints_hold(people_bound_run, tmp_path):
    out = tmp_path / "given.csv"
    words = ("--given", "since=2021-03-04", "--given", "plan=gold", "--given", "age=33")
    assert vaekit("sample", people_bound_run, "-n", 200, *words, "--out", out).code == 0
    made = read(out)
    assert {name: {*made.column(name).to_pylist()} for name in ("plan", "age")} == {"plan": {"gold"}, "age": {33}}
    assert {str(value) for value in made.column("since").to_pylist()} == {"2021-03-04 00:00:00"}
    assert all_hold(made)


def test_a_number_outside_those_of_training_is_told(people_run):
    answer = vaekit("sample", people_run, "-n", 5, "--given", "income=1e9", "--json")
    assert answer.code == 0 and "note: income = 1e9 lies outside what training had, " in answer.err
    assert "note: income" not in vaekit("sample", people_run, "-n", 5, "--given", "income=1234.56", "--json").err


def test_a_part_of_a_constraint_is_given(people_bound_run):
    rows = rows_of(vaekit("sample", people_bound_run, "-n", 60, "--given", "city=Lyon", "--json"))
    assert {(row["city"], row["country"]) for row in rows} <= {("Lyon", "France"), ("Lyon", None)}
    rows = rows_of(vaekit("sample", people_bound_run, "-n", 60, "--given", "until=2021-06-01", "--json"))
    since = {row["since"] for row in rows if row["since"]}
    assert {row["until"] for row in rows} == {"2021-06-01T00:00:00"} and max(since) <= "2021-06-01" and len(since) > 5


def test_constraints_hold_in_every_row_that_is_made(people_bound_run, tmp_path):
    vaekit("sample", people_bound_run, "-n", 2000, "--out", tmp_path / "made.csv")
    vaekit("sample", people_bound_run, "-n", 500, "--temperature", 5, "--out", tmp_path / "far.csv")
    assert all_hold(read(tmp_path / "made.csv")) and all_hold(read(tmp_path / "far.csv"))


def test_the_pattern_of_missing_cells_is_made_too(people_bound_run, tmp_path):
    vaekit("sample", people_bound_run, "-n", 500, "--out", tmp_path / "made.csv")
    made = read(tmp_path / "made.csv")
    assert made.column("age").null_count and not made.column("plan").null_count


def test_reconstruct_keeps_rows_and_columns(people_run, people_file):
    rows = rows_of(vaekit("reconstruct", people_run, people_file, "--json"))
    assert len(rows) == 200 and [*rows[0]] == NAMES


@pytest.mark.parametrize("how", ["linear", "slerp"])
def test_interpolate_begins_and_ends_at_the_reconstructions(people_run, how):
    rows = rows_of(vaekit("interpolate", people_run, 0, 1, "--steps", 4, "--how", how, "--json"))
    assert [row["share"] for row in rows] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    _, own = library.load(people_run).reconstruct()
    for row, wanted in ((rows[0], own.slice(0, 1)), (rows[-1], own.slice(1, 1))):
        assert [row[name] for name in ("age", "city", "plan")] == [
            wanted.column(name)[0].as_py() for name in ("age", "city", "plan")
        ]


def test_analogy_of_twice_the_same_is_the_reconstruction(people_run):
    (found,) = rows_of(vaekit("analogy", people_run, 0, 0, 1, "--json"))
    assert found["income"] == library.load(people_run).reconstruct()[1].column("income")[1].as_py()


def test_traverse_varies_every_dimension(people_run, tmp_path):
    found = vaekit("traverse", people_run, 3, "--steps", 3, "--json").json
    assert sorted(found["dimensions"]) == [0, 1] and [row["value"] for row in found["rows"]] == 2 * [-3, 0, 3]
    vaekit("traverse", people_run, "--steps", 2, "--out", tmp_path / "t.csv")
    assert len(read(tmp_path / "t.csv")) == 4


def test_manipulate_moves_toward_a_class_of_the_target(people_run, people_file, tmp_path):
    rows = rows_of(vaekit("manipulate", people_run, people_file, "--toward", "label=gold", "--steps", 2, "--json"))
    assert [row["strength"] for row in rows[:3]] == [0, 1, 0] and len(rows) == 400
    assert rows[0]["income"] == rows_of(vaekit("reconstruct", people_run, people_file, "--json"))[0]["income"]
    vaekit(
        "manipulate", people_run, people_file, "--toward", "plan=gold", "--steps", 2, "--out", tmp_path / "m.parquet"
    )
    assert len(pa.parquet.read_table(tmp_path / "m.parquet")) == 400


@pytest.mark.parametrize("suffix", [".npz", ".csv"])
def test_encode_and_score_write_named_columns(people_run, people_file, tmp_path, suffix):
    codes, scores = tmp_path / f"codes{suffix}", tmp_path / f"scores{suffix}"
    assert vaekit("encode", people_run, people_file, "--out", codes, "--json").json["latent"] == 2
    found = vaekit("score", people_run, people_file, "--out", scores, "--samples", 3, "--json").json
    assert len(found["lowest"]) == 5 and 0 <= found["anomalies"]["auroc"] <= 1
    if suffix == ".npz":
        assert np.load(codes, allow_pickle=False)["mean"].shape == (200, 2)
        return
    table = read(scores)
    assert table.column_names == ["name", "label", "elbo", "iw_3", "bits_per_dim", "ess"]
    assert table.column("label").to_pylist() == people().column("plan").to_pylist()


def test_a_model_that_is_conditional_makes_the_class_that_was_asked_for(make_run, people_file, tmp_path):
    people_run = make_run(people_file, "target=plan", "condition=label", base=TINY)
    assert len(rows_of(vaekit("sample", people_run, "-n", 6, "--label", "gold", "--json"))) == 6
    assert "conditional on labels" in vaekit("sample", people_run, "--given", "age=30").sentence
    assert len(rows_of(vaekit("reconstruct", people_run, people_file, "--json"))) == 200
    out = tmp_path / "filled.csv"
    assert (
        vaekit(
            "impute", people_run, write(people(30, seed=2, gaps=0.3), tmp_path / "h.csv"), "--out", out, "--samples", 5
        ).code
        == 0
    )


def test_fit_prior_leaves_a_run_beside_the_first_and_compare_sets_them_side_by_side(people_run, tmp_path):
    out = tmp_path / "prior"
    words = ("prior.covariance=full", "prior.components=2", "--out", out, "--json")
    assert vaekit("fit-prior", people_run, "--kind", "gmm", *words).json["run"] == str(out)
    assert library.load(out).experiment.model.prior.covariance == "full"
    found = vaekit("compare", people_run, out, "--json").json
    assert found["comparable"] and {row["prior"] for row in found["runs"]} == {"standard", "gmm"}
    assert {row["likelihood"] for row in found["runs"]} == {"columns"}
    assert len(rows_of(vaekit("sample", out, "-n", 4, "--json"))) == 4


def test_report_and_diagnose(people_run, monkeypatch):
    monkeypatch.setattr(comparing, "write_report", lambda people_run, *_: people_run.folder.report)
    assert vaekit("report", people_run, "--json").json["report"].endswith("report.html")
    assert vaekit("diagnose", people_run, "--json").json["checked"]


@pytest.mark.parametrize(
    "keys",
    [
        ("hide=0.3", "objective=iwae", "objective.samples=2"),
        ("second_stage=gmm",),
        ("net=column_transformer", "net.width=8"),
    ],
    ids=" ".join,
)
def test_a_resumed_run_ends_at_the_bytes_of_an_uninterrupted_one(people_gaps, tmp_path, monkeypatch, keys):
    base = [key for key in TINY if key.partition("=")[0] not in {word.partition("=")[0] for word in keys}]
    base = [key for key in base if "net=column_transformer" not in keys or not key.startswith("net.")]
    words = ("fit", people_gaps, *base, "steps=8", "validate_every=2", *keys, "--out")
    assert vaekit(*words, tmp_path / "whole").code == 0

    def stop(_self, progress, _batch):
        if progress.step == 5:
            signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(ProgressReport, "__call__", stop)
        stopped = vaekit(*words, tmp_path / "run")
    assert stopped.code == 128 + signal.SIGTERM and "stopped at step 5, saved" in stopped.err
    assert vaekit("resume", tmp_path / "run").code == 0
    whole, resumed = ((tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("whole", "run"))
    assert whole == resumed
    assert [line["step"] for line in library.load(tmp_path / "run").history] == [2, 4, 6, 8]


@pytest.mark.parametrize("goal", ["synthesis", "imputation"])
def test_rare_categories_go_through_every_verb(tmp_path, goal):
    """They share a class of the model, in which their codes are no integers."""
    dice = random.Random(0)
    names = ["red"] * 170 + ["blue"] * 170 + [f"rare {i}" for i in range(12) for _ in range(3)]
    rows = [f"{name},{dice.gauss(5, 2):.2f},{dice.choice('xy')}" for name in dice.sample(names, len(names))]
    table, out = tmp_path / "t.csv", tmp_path / "run"
    table.write_text("color,size,kind\n" + "\n".join(rows) + "\n")
    keys = (f"goal={goal}", "steps=5", "latent=2", "net.widths=[8]", "device=cpu", "threads=1")
    assert vaekit("fit", table, *keys, "--out", out).code == 0
    (tmp_path / "holes.csv").write_text(table.read_text().replace(",x\n", ",\n"))
    for words in (
        ("evaluate", out, table, "--samples", "2"),
        ("score", out, table, "--samples", "2", "--out", tmp_path / "s.csv"),
        ("encode", out, table, "--out", tmp_path / "z.npz"),
        ("reconstruct", out, table, "--out", tmp_path / "again.csv"),
        ("impute", out, tmp_path / "holes.csv", "--out", tmp_path / "full.csv"),
        ("sample", out, "-n", "20", "--out", tmp_path / "new.csv"),
        ("diagnose", out, table),
        ("report", out),
    ):
        answer = vaekit(*words)
        assert answer.code == 0, answer.err
