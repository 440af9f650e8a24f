"""What the doctor says of a run: printed worst first, as one JSON object, and written into the run folder."""

import json
import shlex

import numpy as np
import pytest
import torch

import vaekit as library
from diagnosis import subjects
from vaekit import MLP, VAE, Conditional, Gaussian, StandardNormal, Training
from vaekit.diagnosis import Check, doctor
from vaekit.interfaces.cli import comparing
from vaekit.interfaces.runs import diagnosing, ending
from vaekit.interfaces.runs.subject import Patient

from .conftest import vaekit


def check(name, value, *, severity="warning", keys=(), fires="above"):
    return Check(
        name=name,
        measure=f"the number of {name}",
        value=value,
        fires=fires,
        threshold=0.5,
        severity=severity,
        explanation="It is planted.",
        source='Nobody, 2026, "On planted findings"',
        remedy="Do something.",
        prescription=lambda _: tuple(keys),
        effect="it is gone",
        far=9.0,
    )


CHECKS = (
    check("a_hint", lambda _: 1.0, severity="info"),
    check(
        "too_slow", lambda e: 1.0 - e.subject.training.lr, severity="warning", keys=("lr=0.75", "net.widths=[16, 8]")
    ),
    check("healthy", lambda _: 0.0, severity="severe"),
    check("broken", lambda _: float("nan"), severity="severe"),
    check("not_this_one", lambda _: None, severity="severe"),
)


@pytest.fixture
def reports(monkeypatch):
    """The reports that were asked for, instead of written."""
    asked = []

    def write(run, result, diagnosis=None, **_):
        asked.append((run.path, result, diagnosis))
        return run.folder.report

    for module in (ending, diagnosing, comparing):
        monkeypatch.setattr(module, "write_report", write)
    return asked


@pytest.fixture(autouse=True)
def planted(monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", CHECKS)


def test_findings_are_one_json_object_worst_first(class_run, copy, reports):
    run = copy(class_run)
    found = vaekit("diagnose", run, "--json").json
    assert [(f["name"], f["severity"]) for f in found["findings"]] == [
        ("broken", "severe"),
        ("too_slow", "warning"),
        ("a_hint", "info"),
    ]
    assert set(found["findings"][0]) >= {"name", "severity", "evidence", "explanation", "prescription", "effect"}
    assert found["findings"][1]["prescription"] == ["lr=0.75", "net.widths=[16, 8]"]
    assert "the number of too_slow: 0.99" in found["findings"][1]["evidence"]
    assert found["checked"] == ["a_hint", "too_slow", "healthy", "broken"]
    assert found["values"]["not_this_one"] is None
    assert (found["n"], found["deep"]) == (len(library.load(run).open()[1]), False)
    assert json.loads((run / "diagnosis.json").read_text(), parse_constant=pytest.fail) == found
    assert [asked[0] for asked in reports] == [run]
    assert [f.name for f in reports[0][2].findings] == ["broken", "too_slow", "a_hint"]


def test_people_read_number_meaning_cure_and_effect(class_run, copy, reports):
    run = copy(class_run)
    out = vaekit("diagnose", run, "--deep").out
    assert out.startswith(f"3 found; 4 checks made on {len(library.load(run).open()[1])} data of ")
    assert out.index("severe: broken") < out.index("warning: too_slow") < out.index("info: a_hint")
    assert 'It is planted. (Nobody, 2026, "On planted findings")' in out
    assert "expect: it is gone" in out
    assert json.loads((run / "diagnosis.json").read_text())["deep"] is True


def test_what_is_prescribed_is_a_command_that_runs(class_run, copy, tmp_path, reports):
    run = copy(class_run)
    line = next(line for line in vaekit("diagnose", run).out.splitlines() if line.strip().startswith("try:"))
    _, program, *words = shlex.split(line)
    assert program == "vaekit"
    found = vaekit(*words, "--dry-run", "--json").json
    assert (found["training"]["lr"], found["model"]["net"]["widths"]) == (0.75, [16, 8])
    assert (found["model"]["latent"], found["training"]["steps"]) == (2, 3)


def test_nothing_found_says_how_many_checks_were_made(class_run, copy, monkeypatch, reports):
    monkeypatch.setattr(doctor, "CHECKS", (CHECKS[2], CHECKS[4]))
    run = copy(class_run)
    assert vaekit("diagnose", run).out.startswith("nothing found; 1 check made on ")
    assert vaekit("diagnose", run, "--json").json["findings"] == []


def test_other_data_leave_the_report_alone(class_run, classes, copy, reports):
    run = copy(class_run)
    found = vaekit("diagnose", run, classes / "disc", "--json").json
    assert (found["n"], found["data"], reports) == (20, str(classes / "disc"), [])


def test_data_that_lie_class_by_class_are_looked_at_in_a_neutral_order(class_run, classes):
    run = library.load(class_run)
    sample = Patient(run, run.experiment, run.history).subject(classes).test
    data, rows = run.open(classes)
    assert len(sample) == len(rows) and sample.labels.sort().values.equal(data.labels.sort().values)
    assert not sample.labels.equal(data.labels)
    assert sample.stored.equal(data.values[data.drawn("all")])


def findings_of(asked):
    """Return the findings that a report was asked to tell; None where it was given none."""
    return None if asked[2] is None else asked[2].findings


def test_a_report_that_is_written_again_keeps_the_findings(class_run, copy, reports):
    run = copy(class_run)
    assert vaekit("report", run).code == 0
    assert vaekit("diagnose", run).code == 0
    assert vaekit("report", run).code == 0
    before, told, again = reports
    assert findings_of(before) is None
    assert findings_of(again) == findings_of(told) and len(findings_of(told)) == 3
    assert again[2].examination is None


def test_findings_on_other_data_are_none_of_the_report(class_run, classes, copy, reports):
    run = copy(class_run)
    assert vaekit("diagnose", run, classes / "disc").code == vaekit("report", run).code == 0
    assert [findings_of(asked) for asked in reports] == [None]


def test_findings_of_a_run_that_was_trained_further_are_gone(class_run, copy, reports):
    run = copy(class_run)
    assert vaekit("diagnose", run).code == 0
    with (run / "metrics.jsonl").open("a") as metrics:
        metrics.write('{"step": 4, "seconds": 1.0}\n')
    assert vaekit("report", run).code == 0
    assert findings_of(reports[-1]) is None


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"step": 3}',
        "{",
        '{"step": 3, "data": "%s", "findings": [3]}',
        '{"step": 3, "data": "%s", "findings": [{}]}',
    ],
)
def test_damaged_findings_are_one_sentence(class_run, copy, reports, text):
    run = copy(class_run)
    (run / "diagnosis.json").write_text(text.replace("%s", f"{library.load(run).experiment.data.typed} (test)"))
    assert "diagnosis.json is damaged" in vaekit("report", run).sentence


def test_in_python_nothing_is_written(class_run, copy, reports):
    run = library.load(copy(class_run))
    before = torch.random.get_rng_state()
    assert [finding.name for finding in run.diagnose()] == ["broken", "too_slow", "a_hint"]
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not (run.path / "diagnosis.json").exists() and reports == []


@pytest.fixture
def array_run(tmp_path, reports):
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    model = library.ImageVAE(shape=(1, 8, 8), latent=2, net=MLP(widths=(8,)))
    library.fit(images, model=model, training=Training(steps=3, precision="fp32"), out=tmp_path / "arrays")
    reports.clear()
    np.save(tmp_path / "images.npy", images)
    return tmp_path / "arrays"


def test_a_run_of_arrays_needs_data_and_then_has_its_report(array_run, tmp_path, reports):
    said = vaekit("diagnose", array_run).sentence
    assert "came as arrays and are not kept; give data" in said
    found = vaekit("diagnose", array_run, tmp_path / "images.npy", "--json").json
    assert found["findings"][1]["command"] == "lr=0.75 'net.widths=[16, 8]'"
    assert len(reports) == 1


def test_a_composition_of_ones_own_is_diagnosed(tmp_path, reports):
    net = MLP(widths=(8,))
    model = VAE(
        StandardNormal((2,)),
        Conditional(net.encoder((4,)), Gaussian(), given=(4,), event=(2,)),
        Conditional(net.decoder((2,), (4,)), Gaussian(), given=(2,), event=(4,)),
    )
    run = library.fit(torch.randn(60, 4), model=model, training=Training(steps=3), out=tmp_path / "run")
    assert [finding.name for finding in run.diagnose()] == ["broken", "too_slow", "a_hint"]


@pytest.mark.parametrize(("data", "said"), [
    (None, "is not a run folder: it has no config.json"),
    ("nowhere", "nowhere"),
    ("8x9.npy", "8"),
], ids=["no run", "no data", "data that do not fit"])  # fmt: skip
def test_bad_input_is_one_sentence(class_run, tmp_path, data, said):
    np.save(tmp_path / "8x9.npy", np.zeros((5, 8, 9), np.uint8))
    words = [tmp_path / "none"] if data is None else [class_run, tmp_path / data]
    assert said in vaekit("diagnose", *words).sentence


def test_a_collapsed_run_is_found_by_the_doctors_own_checks(monkeypatch):
    """All checks and the report, on real digits."""
    monkeypatch.undo()
    run = subjects.run("steps=120", "objective.beta=20")
    found = vaekit("diagnose", run.path, "--json").json
    assert "posterior_collapse" in [f["name"] for f in found["findings"] if f["severity"] == "severe"]
    assert len(found["checked"]) >= 10
    page = (run.path / "report.html").read_text()
    assert page.index("Findings") < page.index("Posterior collapse")
