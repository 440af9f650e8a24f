"""The course of training: planted histories, and trials at rates that are known to be too low or too high."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
import torch

from diagnosis.subjects import SMALL, examination, untrained
from vaekit.diagnosis import Examination, Subject
from vaekit.diagnosis.accidents import accidents
from vaekit.diagnosis.checks.course import CHECKS
from vaekit.diagnosis.trial import trial
from vaekit.interfaces.describing.parsing import parse
from vaekit.objectives import ELBO, AnyObjective
from vaekit.schedules import Linear
from vaekit.training import Training

NAMED = {check.name: check for check in CHECKS}


def with_history(changes: dict[int, dict[str, Any]] | None = None, **fields: Any) -> Subject:
    """Return a healthy run with twenty validations, some of them changed."""
    rows = [
        {
            "step": 20 * (i + 1),
            "train_elbo": -90.0 + (i % 2) - 50 / (i + 1),
            "skipped": 0,
            "non_finite": 0,
            "rollbacks": 0,
        }
        for i in range(20)
    ]
    for row, values in (changes or {}).items():
        rows[row].update(values)
    return dataclasses.replace(examination().subject, history=tuple(rows), **fields)


def value(name: str, subject: Subject) -> float | None:
    return NAMED[name].value(Examination(subject))


def is_found(name: str, subject: Subject) -> bool:
    return NAMED[name].is_found(value(name, subject))


def test_a_healthy_run_has_a_healthy_course() -> None:
    found = examination()
    assert [name for name, check in NAMED.items() if check(found) is not None] == []
    assert found.trial is not None


def test_a_calm_history_has_no_accidents() -> None:
    found = accidents(with_history())
    assert (found.lost, found.non_finite, found.spikes) == (0, 0, 0)


def test_accidents_are_counted() -> None:
    assert value("unstable_training", with_history({-1: {"skipped": 40}})) == pytest.approx(0.1)
    assert value("unstable_training", with_history({-1: {"rollbacks": 1}})) == pytest.approx(0.05)
    assert value("unstable_training", with_history({9: {"train_elbo": -5000.0}})) == pytest.approx(0.05)
    assert value("non_finite", with_history({-1: {"non_finite": 3}})) == 3


def test_weights_that_are_not_finite_are_found_and_no_trial_is_made_of_them() -> None:
    subject = examination().subject
    model = copy.deepcopy(subject.model)
    with torch.no_grad():
        next(model.parameters()).fill_(torch.nan)
    broken = dataclasses.replace(subject, model=model)
    assert is_found("non_finite", broken) and trial(broken) is None


def test_no_history_is_no_accident() -> None:
    subject = dataclasses.replace(examination().subject, history=())
    assert value("unstable_training", subject) is None and value("unfinished_schedule", subject) is None
    assert not is_found("non_finite", subject)


@pytest.mark.parametrize("steps", [200, 400, 401, 4000])
def test_a_schedule_is_unfinished_exactly_where_it_ends_after_training(steps: int) -> None:
    subject = with_history(objective=ELBO(beta=Linear(steps=steps)))
    assert value("unfinished_schedule", subject) == pytest.approx(steps / 400)
    assert is_found("unfinished_schedule", subject) == (steps > 400)


@pytest.mark.parametrize(
    "words",
    [
        ("objective.beta=linear", "objective.beta.steps=9000"),
        ("objective.capacity.gamma=10",),
        ("objective=patch_gan", "objective.start=900", "objective.beta=cosine", "objective.beta.steps=800"),
    ],
    ids=["beta", "capacity", "adversary"],
)
def test_the_prescription_ends_every_schedule_in_time(words: tuple[str, ...]) -> None:
    from pydantic import TypeAdapter

    adapter: TypeAdapter[Any] = TypeAdapter(AnyObjective)
    subject = with_history(objective=adapter.validate_python({"kind": "elbo", **parse(words)["objective"]}))
    finding = NAMED["unfinished_schedule"](Examination(subject))
    assert finding is not None
    cured = adapter.validate_python({"kind": "elbo", **parse([*words, *finding.prescription])["objective"]})
    assert value("unfinished_schedule", dataclasses.replace(subject, objective=cured)) == 0.5


@pytest.mark.parametrize("name", NAMED)
def test_every_prescription_is_one_that_fit_takes(name: str) -> None:
    beta = ELBO(beta=Linear(steps=4000))
    words = NAMED[name].prescription(Examination(with_history(objective=beta)))
    assert words and parse([*SMALL, "objective.beta=linear", *words])


def test_a_rate_that_is_too_low_is_found_and_its_cure_cures() -> None:
    sick = dataclasses.replace(untrained("gaussian"), training=Training(lr=1e-5))
    finding = NAMED["learning_rate_too_low"](Examination(sick))
    assert finding is not None and finding.prescription == ("lr=0.001",)
    assert not is_found("learning_rate_too_low", examination().subject)


def test_a_rate_that_is_too_high_is_found() -> None:
    healthy = examination().subject
    sick = dataclasses.replace(healthy, training=healthy.training.replace(lr=0.3))
    finding = NAMED["learning_rate_too_high"](Examination(sick))
    assert finding is not None and finding.prescription == ("lr=0.001",)
    assert value("learning_rate_too_high", healthy) < 1  # type: ignore[operator]
