"""The watch speaks once, when it should, and is silent in training that goes as it should."""

import math

import pytest

from vaekit.diagnosis import Watch
from vaekit.interfaces.describing.parsing import parse
from vaekit.objectives import DIP, ELBO, MSSSIM, RAE, VQELBO, BetaTC, Capacity, FreeBits, Objective
from vaekit.schedules import Cosine, Linear
from vaekit.training import Training, Validation

QUICK = Training(warmup=0, lr=3e-3)
EMPTY = Validation(distortion=50.0, active_units=0, elbo=-50.0, rate=0.0)
FULL = Validation(distortion=30.0, active_units=6, elbo=-38.0, rate=8.0)


def said(validations, objective=None, training=QUICK, stop=100, every=10):
    """Return what is said at each validation, `every` steps apart."""
    watch = Watch(objective or ELBO(), training)
    return [watch(every * (i + 1), stop, validation) for i, validation in enumerate(validations)]


def spoken_at(*args, **kwargs):
    return [i for i, notes in enumerate(said(*args, **kwargs)) if notes]


def test_collapse_is_said_once_at_the_second_validation_in_a_row():
    assert spoken_at([FULL, FULL, EMPTY, EMPTY, EMPTY, FULL, EMPTY, EMPTY]) == [3]
    assert spoken_at([FULL, EMPTY] * 5) == []
    assert spoken_at([FULL] * 10) == []


@pytest.mark.parametrize("empty", [
    Validation(distortion=50.0, active_units=6, elbo=-50.0, rate=0.05),
    Validation(distortion=50.0, active_units=0, elbo=-52.0, rate=2.0),
    Validation(distortion=50.0, active_units=0),
], ids=["no rate", "no unit", "no bound"])  # fmt: skip
def test_either_sign_will_do(empty):
    assert spoken_at([empty] * 5) == [2]


@pytest.mark.parametrize(("objective", "training", "at"), [
    (ELBO(), QUICK, 2),  # steps 10 and 20: the second is past 15 %, so 30 is the second in a row
    (ELBO(), Training(warmup=18), 2),
    (ELBO(), Training(warmup=5000), 2),  # which takes a fifth of the run at most
    (ELBO(beta=Linear(steps=55)), QUICK, 6),
    (ELBO(beta=Cosine(steps=400)), QUICK, None),
    (ELBO(capacity=Capacity(gamma=10.0, nats=Linear(stop=25.0, steps=60))), QUICK, 6),
], ids=["15 %", "warm-up", "long warm-up", "schedule", "endless schedule", "capacity"])  # fmt: skip
def test_nothing_is_said_before_the_run_had_its_chance(objective, training, at):
    assert spoken_at([EMPTY] * 10, objective, training) == ([] if at is None else [at])


def test_nothing_is_said_while_the_length_is_not_known():
    watch = Watch(ELBO(), QUICK)
    assert [watch(step, None, EMPTY) for step in (10, 20, 30)] == [[], [], []]


POINT = Validation(distortion=50.0, active_units=0)
TERMS = Validation(distortion=50.0, active_units=0, elbo=-50.0, rate=0.0, rate_per_dimension=(0.0, 0.0))


@pytest.mark.parametrize(("objective", "seen", "cure"), [
    (ELBO(beta=20.0), EMPTY, "objective.beta=1"),
    (ELBO(beta=Linear(stop=9.0, steps=10)), EMPTY, "objective.beta=1"),
    (MSSSIM(beta=Cosine(stop=9.0, steps=10)), EMPTY, "objective.beta=1"),
    (BetaTC(beta=30.0), EMPTY, "objective.beta=1"),
    (RAE(beta=30.0), POINT, "objective.beta=1"),
    (ELBO(), EMPTY, "objective.beta=linear objective.beta.steps=50"),
    (ELBO(beta=Linear(steps=10)), TERMS, "objective.free_bits.nats=0.25"),
    (ELBO(beta=Linear(steps=10)), EMPTY, "lr=0.001"),
    (DIP(), EMPTY, "objective=elbo"),
    (RAE(), POINT, "lr=0.001"),
    (VQELBO(), EMPTY, "lr=0.001"),
], ids=["beta", "schedule", "pictures", "tc", "points", "plain", "warmed up", "no sum", "other", "free points", "codes"])  # fmt: skip
def test_the_note_carries_its_cure_in_keys_that_can_be_typed(objective: Objective, seen, cure):
    (note,) = said([seen] * 3, objective)[-1]
    assert note.startswith("by step 30 the latents have collapsed: ")
    assert note.endswith(f", so the decoder ignores them; try {cure}")
    base = {"objective": objective.model_dump(mode="json"), "training": QUICK.model_dump(mode="json")}
    keys = parse(cure.split(), base)
    cured = type(objective) if keys["objective"]["kind"] == objective.kind else ELBO
    assert (cured.model_validate(keys["objective"]), Training.model_validate(keys["training"])) != (objective, QUICK)


def test_free_bits_leave_the_cure_of_warm_up():
    (note,) = said([EMPTY] * 3, ELBO(free_bits=FreeBits(nats=0.01)))[-1]
    assert note.endswith("objective.beta=linear objective.beta.steps=50")


def rising(*rates):
    return [Validation(distortion=50.0, active_units=6, elbo=-50.0 - rate, rate=rate) for rate in rates]


def test_a_rate_that_bursts_is_said_once():
    assert spoken_at(rising(8.0, 20.0, 5e4, 9e6)) == [2]
    assert said(rising(8.0, 5e4))[-1] == ["by step 20 the rate has suddenly risen to 5e+04 nats; try lr=0.001"]
    assert spoken_at(rising(0.01, 30.0, 300.0, 900.0, 2000.0, 4000.0)) == []
    assert spoken_at(rising(5e4, 4e4)) == []
    assert spoken_at(rising(8.0, math.inf, 8.0)) == []


def test_steps_that_are_not_finite_are_said_once():
    watch = Watch(ELBO(), QUICK)
    assert watch(10, 100, FULL, non_finite=0) == []
    (note,) = watch(20, 100, FULL, non_finite=3)
    assert "3 steps up to step 20" in note and "try lr=0.001, or precision=fp32" in note
    assert watch(30, 100, FULL, non_finite=4) == []
