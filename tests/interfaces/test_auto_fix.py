"""A run that heals itself: what is prescribed is tried, at most twice, and every attempt is kept and told."""

import json
import signal
import time

import numpy as np
import pytest
import torch

import vaekit as library
from vaekit.diagnosis import Check, Finding, doctor
from vaekit.diagnosis.checks import collapse
from vaekit.interfaces.report.doctor import Diagnosis
from vaekit.interfaces.runs import diagnosing, ending
from vaekit.interfaces.runs.auto_fix import Attempt, Attempts, auto_fix
from vaekit.interfaces.runs.folder import RunFolder
from vaekit.interfaces.runs.recording import Recording
from vaekit.interfaces.runs.signals import Stopped
from vaekit.training import Training, TrainingDiverged

from .conftest import TINY, vaekit
from .test_stops import stop_at

FIX = [*TINY, "auto_fix=true"]


def lr_below(least, keys, *, name="too_slow", severity="warning"):
    """Return a check of the learning rate with a prescription, computed from the run at hand."""
    return Check(
        name=name,
        measure="the learning rate",
        value=lambda examination: examination.subject.training.lr,
        fires="below",
        threshold=least,
        severity=severity,
        explanation="It is low.",
        source="",
        remedy="Raise it.",
        prescription=lambda examination: tuple(key.format(double=2 * examination.subject.training.lr) for key in keys),
        effect="",
        far=0.0,  # however low it is, the severity stays
    )


@pytest.fixture
def checks(monkeypatch):
    """Plant checks; no report is written."""

    def write(run, result, diagnosis=None, **_):
        run.folder.report.write_text("no report")
        return run.folder.report

    for module in (ending, diagnosing):
        monkeypatch.setattr(module, "write_report", write)
    return lambda *planted: monkeypatch.setattr(doctor, "CHECKS", planted)


def names(answer):
    return [attempt["run"].rpartition("/")[2] for attempt in answer["attempts"]]


def test_what_is_prescribed_is_tried_and_both_results_are_told(classes, tmp_path, checks):
    checks(lr_below(0.002, ["lr=0.003"]))
    found = vaekit("fit", classes, *FIX, "lr=0.001", "--out", tmp_path / "run", "--json").json
    assert names(found) == ["run", "run-fix1"]
    first, second = found["attempts"]
    assert (first["findings"], first["prescription"], second["findings"]) == (["too_slow"], [], [])
    assert (second["cured"], second["prescription"]) == ("too_slow", ["lr=0.003"])
    assert second["changes"] == ["lr=0.003 replaces lr=0.001"]
    assert found["ended"] == "nothing is left that a key would cure"
    best = max(found["attempts"], key=lambda attempt: attempt["bounds"]["iw"]["nats"])
    assert (found["comparable"], found["best"], found["run"]) == (True, best["run"], best["run"])
    assert found["evaluation"]["bounds"] == best["bounds"]
    told = json.loads((tmp_path / "run" / "attempts.json").read_text())
    assert told["attempts"] == found["attempts"]


def test_the_restart_is_a_run_of_its_own_that_says_why(classes, tmp_path, checks):
    checks(lr_below(0.002, ["lr=0.003"]))
    vaekit("fit", classes, *FIX, "--out", tmp_path / "run")
    before, after = (library.load(tmp_path / name).experiment for name in ("run", "run-fix1"))
    assert (before.training.auto_fix, after.training.auto_fix) == (True, False)
    assert after.training == before.training.replace(lr=0.003, auto_fix=False)
    assert (after.model, after.objective, after.data) == (before.model, before.objective, before.data)
    reasons = {choice.key: choice.reason for choice in after.choices}
    assert reasons["lr"] == "prescribed against too_slow"
    assert {choice.key for choice in before.choices} == set(reasons)
    notes = RunFolder(tmp_path / "run-fix1").read_evaluation()["notes"]
    assert notes[0] == f"auto_fix restarts {tmp_path / 'run'} with lr=0.003 against too_slow"
    assert "is finished after 3 steps" in vaekit("resume", tmp_path / "run").sentence
    assert "is finished after 3 steps" in vaekit("resume", tmp_path / "run-fix1").sentence


def test_there_are_two_restarts_at_most_each_on_top_of_the_other(classes, tmp_path, checks):
    checks(lr_below(1.0, ["lr={double:g}"]))
    (tmp_path / "run-fix1").mkdir()
    answer = vaekit("fit", classes, *FIX, "lr=0.001", "--out", tmp_path / "run")
    assert answer.code == 0, answer.err
    assert "no further attempt: 2 restarts are the most" in answer.out
    rows = json.loads((tmp_path / "run" / "attempts.json").read_text())["attempts"]
    assert [row["prescription"] for row in rows] == [[], ["lr=0.002"], ["lr=0.004"]]
    assert names({"attempts": rows}) == ["run", "run-fix1-2", "run-fix2"]
    for word in ("as given", "lr=0.004", "too_slow", "best: ", "lr=0.002 replaces lr=0.001"):
        assert word in answer.out


@pytest.mark.parametrize(("planted", "ended"), [
    ([], "nothing is left that a key would cure"),
    ([lr_below(1.0, ["lr=0.5"], severity="info")], "nothing is left that a key would cure"),
    ([lr_below(1.0, [], severity="severe")], "nothing is left that a key would cure"),
    ([lr_below(1.0, ["lr=0.001"])], "nothing is left that a key would cure"),
    ([lr_below(1.0, ["latent=-3"])], "latent=-3 against too_slow cannot be tried: "),
    ([lr_below(1.0, ["likelihood=poisson", "likelihood.levels=3"])], "cannot be tried: "),
], ids=["healthy", "info", "no key", "same again", "impossible", "does not belong"])  # fmt: skip
def test_where_nothing_can_be_done_the_run_stands(classes, tmp_path, checks, planted, ended):
    checks(*planted)
    found = vaekit("fit", classes, *FIX, "lr=0.001", "--out", tmp_path / "run", "--json").json
    assert names(found) == ["run"]
    assert ended in found["ended"]
    assert found["run"] == str(tmp_path / "run")


def test_the_first_that_a_key_cures_comes_first(classes, tmp_path, checks):
    checks(
        lr_below(1.0, [], name="hopeless", severity="severe"),
        lr_below(0.002, ["batch=16"], name="second"),
        lr_below(0.002, ["lr=0.003"], name="first", severity="severe"),
    )
    found = vaekit("fit", classes, *FIX, "lr=0.001", "--out", tmp_path / "run", "--json").json
    assert [attempt["cured"] for attempt in found["attempts"]] == [None, "first"]


def test_bounds_of_different_measures_are_not_compared(classes, tmp_path, checks):
    checks(lr_below(0.002, ["likelihood=gaussian", "lr=0.003"]))
    found = vaekit("fit", classes, *FIX, "lr=0.001", "--out", tmp_path / "run", "--json").json
    assert [attempt["measure"] for attempt in found["attempts"]] == ["counting", "lebesgue"]
    assert (found["comparable"], found["best"]) == (False, str(tmp_path / "run-fix1"))


def test_a_time_limit_is_shared_by_all_attempts(make_run, classes, tmp_path, checks):
    assert Training(time_limit=90.0, auto_fix=True).seconds == 30
    assert Training(time_limit=90.0).seconds == 90
    checks(lr_below(1.0, ["lr={double:g}"]))
    run = library.load(make_run(classes, "auto_fix=true", "lr=0.001"))
    training = run.experiment.training.replace(time_limit=600.0)
    run.experiment = run.experiment.replace(training=training)
    limits = []

    def train(recording: Recording):
        limits.append(recording.trainer.training.time_limit)
        recording.trainer.limit_time(None)  # the three steps of the run are enough
        return recording.run()

    made = auto_fix(run, run.data, train, began=time.perf_counter() - 200).made
    assert len(made) == 3
    assert limits == [pytest.approx(200, abs=30), pytest.approx(400, abs=60)]
    late = auto_fix(run, run.data, train, began=time.perf_counter() - 595)
    assert (len(late.made), late.ended) == (1, "the time limit leaves none")


@pytest.mark.parametrize("key", ["steps=12", "time_limit=2400"])
def test_more_training_is_no_cure_within_a_time_limit(make_run, classes, checks, key):
    checks(lr_below(1.0, [key], name="brief", severity="severe"), lr_below(0.002, ["lr=0.003", key]))
    run = library.load(make_run(classes, "auto_fix=true", "lr=0.001"))
    limited = run.experiment.training.replace(time_limit=600.0, steps=None)
    tried = []

    def train(recording: Recording):
        tried.append(recording.trainer.training.lr)
        raise TrainingDiverged("enough is seen")

    run.experiment = run.experiment.replace(training=limited)
    auto_fix(run, run.data, train, began=time.perf_counter())
    assert tried == [0.003]
    checks(lr_below(1.0, [key], name="brief", severity="severe"))
    ended = auto_fix(run, run.data, train, began=time.perf_counter()).ended
    assert ended == "nothing is left that a key would cure within the time limit"
    assert tried == [0.003]


def attempt(run, nats, *found, cured=""):
    """Return an attempt with this bound and these findings."""
    evaluation = {"bounds": {"iw": {"nats": nats}}}
    texts = dict.fromkeys(("evidence", "explanation", "source", "remedy", "effect", "measure"), "")
    findings = [
        Finding(name=name, severity=severity, prescription=(), value=1.0, threshold=0.0, **texts)
        for name, severity in found
    ]
    return Attempt(run, Diagnosis(None, tuple(findings)), evaluation, cured)


@pytest.mark.parametrize("ill", ["sigma_collapse", "density_on_levels"])
def test_an_inflated_bound_is_compared_with_none(make_run, classes, ill):
    run = library.load(make_run(classes))
    inflated, cured = attempt(run, 1e4, (ill, "severe")), attempt(run, -90.0, ("blur", "warning"))
    attempts = Attempts((inflated, cured), "")
    assert not attempts.comparable and attempts.best is cured
    assert attempts.measured_by.endswith("the number of findings: bounds cannot be compared")
    better = attempt(run, -80.0)
    assert Attempts((cured, better), "").comparable and Attempts((cured, better), "").best is better


COLLAPSED, UNHEARD, SLOW = ("posterior_collapse", "severe"), ("decoder_ignores_latent", "warning"), ("slow", "warning")


@pytest.mark.parametrize(
    ("made", "best"),
    [
        # The bound of a collapsed model says nothing about its latents.
        ([(-41.1, (COLLAPSED,), ""), (-42.5, (), "posterior_collapse")], 1),
        ([(-41.1, (COLLAPSED,), ""), (-42.5, (UNHEARD,), "posterior_collapse"), (-48.2, (), UNHEARD[0])], 1),
        ([(-41.1, (COLLAPSED,), ""), (-40.0, (COLLAPSED,), "posterior_collapse")], 0),
        (
            [(-41.1, (COLLAPSED,), ""), (-43.0, (COLLAPSED,), "posterior_collapse"), (-44.0, (), "posterior_collapse")],
            2,
        ),
        ([(-41.1, (SLOW,), ""), (-39.0, (COLLAPSED,), "slow")], 0),
        ([(-41.1, (SLOW,), ""), (-50.0, (), "slow")], 0),
        ([(-41.1, (SLOW,), ""), (-41.0, (), "slow")], 1),
    ],
    ids=["cured", "worse the second time", "not cured", "cured at last", "another disease", "harmed", "better"],
)
def test_a_cure_is_judged_by_its_finding_and_then_by_the_bound(make_run, classes, made, best):
    run = library.load(make_run(classes))
    attempts = tuple(attempt(run, nats, *found, cured=cured) for nats, found, cured in made)
    assert Attempts(attempts, "").best is attempts[best]


def test_an_attempt_that_diverges_loses_nothing(make_run, classes, checks):
    checks(lr_below(1.0, ["lr=0.5"]))
    run = library.load(make_run(classes, "lr=0.001"))

    def train(_):
        raise TrainingDiverged("values were not finite")

    attempts = auto_fix(run, run.data, train, began=0.0)
    assert attempts.best.run is run
    assert attempts.ended == "lr=0.5 against too_slow cannot be tried: values were not finite"


@pytest.mark.parametrize("stopped", ["run", "run-fix1"])
def test_a_stopped_run_is_resumed(classes, tmp_path, checks, monkeypatch, stopped):
    checks(lr_below(0.002, ["lr=0.003"]))
    steps, run = [], tmp_path / "run"

    def interrupt():
        steps.append(1)
        if len(steps) == (1 if stopped == "run" else 2):
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        stop_at(patch, 2, interrupt)
        answer = vaekit("fit", classes, *FIX, "--out", run, "--json")
    assert answer.code == 130
    assert f"continue with: vaekit resume {tmp_path / stopped}" in answer.err
    found = vaekit("resume", tmp_path / stopped, "--json").json
    if stopped == "run":
        assert names(found) == ["run", "run-fix1"]
    else:
        assert "attempts" not in found and found["run"] == str(tmp_path / "run-fix1")
    assert RunFolder(tmp_path / "run-fix1").read_evaluation()["n"] > 0


def test_an_extended_run_is_not_diagnosed_again(classes, tmp_path, checks, monkeypatch):
    checks()
    vaekit("fit", classes, *FIX, "--out", tmp_path / "run")
    (tmp_path / "run" / "attempts.json").unlink()
    found = vaekit("resume", tmp_path / "run", "--time-limit", "+5s", "--json").json
    assert "attempts" not in found and not (tmp_path / "run" / "attempts.json").exists()


def test_in_python_fit_returns_the_best(tmp_path, checks):
    checks(lr_below(0.002, ["lr=0.003"]))
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    model = library.ImageVAE(shape=(1, 8, 8), latent=2, net=library.MLP(widths=(8,)))
    training = Training(steps=3, precision="fp32", auto_fix=True)
    run = library.fit(images, model=model, training=training, out=tmp_path / "run")
    told = json.loads((tmp_path / "run" / "attempts.json").read_text())
    assert str(run.path) == told["best"]
    assert len(told["attempts"]) == 2
    assert library.load(run.path).experiment == run.experiment


def test_in_python_a_stopped_run_is_resumed_and_healed(tmp_path, checks):
    checks(lr_below(0.002, ["lr=0.003"]))
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    model = library.ImageVAE(shape=(1, 8, 8), latent=2, net=library.MLP(widths=(8,)))
    training = Training(steps=3, precision="fp32", auto_fix=True)

    def stop(progress, _batch):
        if progress.step == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Stopped):
        library.fit(images, model=model, training=training, out=tmp_path / "run", listener=stop)
    library.resume(tmp_path / "run", data=images)
    assert len(json.loads((tmp_path / "run" / "attempts.json").read_text())["attempts"]) == 2


def test_a_composition_of_ones_own_has_no_keys_to_change(tmp_path):
    model = library.ImageVAE(shape=(1, 8, 8), latent=2, net=library.MLP(widths=(8,))).build()
    with pytest.raises(ValueError, match="auto_fix needs a description such as ImageVAE"):
        library.fit(torch.rand(40, 1, 8, 8), model=model, training=Training(auto_fix=True), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_collapsed_run_is_seen_while_it_trains_found_and_cured(tmp_path, checks):
    """Real digits, and the doctor's own chapter on collapse."""
    checks(*collapse.CHECKS)
    small = ["latent=6", "net=mlp", "net.widths=[64]", "net.residual=false", "batch=64", "lr=0.003", "steps=200"]
    words = ["digits", *small, "precision=fp32", "threads=1", "objective.beta=20", "auto_fix=true"]
    answer = vaekit("fit", *words, "--out", tmp_path / "run", "--json")
    found = answer.json
    said = [line for line in answer.err.splitlines() if line.startswith("note: by step")]
    assert len(said) == 1 and said[0].endswith("try objective.beta=1")
    assert RunFolder(tmp_path / "run").read_evaluation()["notes"] == [said[0].removeprefix("note: ")]
    first, *others = found["attempts"]
    assert first["findings"][0] == "posterior_collapse"
    assert others[0]["cured"] == "posterior_collapse"
    assert "objective.beta=1 replaces objective.beta=20.0" in others[0]["changes"]
    assert not any("posterior_collapse" in other["findings"] for other in others)
    assert found["comparable"] and found["best"] != first["run"]
    assert found["evaluation"]["bounds"]["iw"]["nats"] > first["bounds"]["iw"]["nats"] + 5
