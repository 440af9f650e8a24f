import math

import pytest

from vaekit.objectives import ELBO
from vaekit.schedules import Constant, Cosine, Cyclical, Hold, Linear, Logistic

NAMED = [
    (Constant(value=0.3), {0: 0.3, 10**6: 0.3}, 0),
    (Linear(steps=100), {0: 0, 1: 0.01, 50: 0.5, 99: 0.99, 100: 1, 10**6: 1}, 100),
    (Linear(start=4, stop=1, steps=10), {0: 4, 5: 2.5, 10: 1, 11: 1}, 10),
    (Cosine(steps=100), {0: 0, 25: (1 - math.sqrt(0.5)) / 2, 50: 0.5, 100: 1, 101: 1}, 100),
    (Cosine(start=1, stop=3, steps=60), {0: 1, 20: 1.5, 30: 2, 40: 2.5, 60: 3}, 60),
    (
        Cyclical(steps=400, cycles=4),
        {0: 0, 25: 0.5, 50: 1, 99: 1, 100: 0, 125: 0.5, 350: 1, 399: 1, 400: 1, 999: 1},
        400,
    ),
    (Cyclical(steps=90, cycles=3, rise=1.0, stop=2.0), {0: 0, 15: 1, 30: 0, 89: 2 * 29 / 30, 90: 2}, 90),
    (Hold(hold=100, steps=50), {0: 0, 99: 0, 100: 0, 101: 0.02, 125: 0.5, 150: 1, 10**6: 1}, 150),
    (Hold(start=1, stop=3, hold=0, steps=10), {0: 1, 5: 2, 10: 3, 11: 3}, 10),
    (
        Logistic(),
        {step: 1 / (1 + math.exp(-0.0025 * (step - 2500))) for step in (0, 1000, 2500, 4000, 5299)} | {5300: 1},
        5300,
    ),
    (Logistic(start=2, stop=1, midpoint=10, steepness=2.0), {0: 2, 10: 1.5, 11: 2 - 1 / (1 + math.exp(-2)), 14: 1}, 14),
]


@pytest.mark.parametrize(("schedule", "values", "end"), NAMED, ids=[repr(schedule) for schedule, _, _ in NAMED])
def test_values_at_named_steps(schedule, values, end):
    assert {step: schedule.at(step) for step in values} == pytest.approx(values)
    assert schedule.end == end


def test_a_number_is_a_schedule():
    assert ELBO(beta=4).beta == Constant(value=4.0) == ELBO(beta=4.0).beta
    assert ELBO(beta=Linear(steps=5)).schedule_end == 5


@pytest.mark.parametrize("beta", [-1, True, "4", None, float("nan")])
def test_what_is_no_weight_is_refused(beta):
    with pytest.raises(ValueError):
        ELBO(beta=beta)


@pytest.mark.parametrize("keys", [{"steps": 0}, {"start": -1}, {"stop": -1}])
def test_impossible_ramps_are_refused(keys):
    with pytest.raises(ValueError):
        Linear(**keys)


@pytest.mark.parametrize("keys", [{"midpoint": -1}, {"steepness": 0.0}, {"stop": -1}])
def test_impossible_logistics_are_refused(keys):
    with pytest.raises(ValueError):
        Logistic(**keys)


def test_a_steep_logistic_does_not_overflow():
    assert Logistic(midpoint=10**9, steepness=1e3).at(0) == 0.0
