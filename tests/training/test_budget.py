"""A time limit becomes a number of steps, which only falls, and the distance between validations follows from it."""

from __future__ import annotations

import time

import pytest

from vaekit.training import Checkpoints, budget, train
from vaekit.training.budget import Pace, Stopwatch, validations
from vaekit.training.optimizers import learning_rate

from .small import batches, comparable, constant_bound, differences, new_state, run, settings


class Clock:
    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(budget.time, "perf_counter", lambda: self.now)


def ticks(watch, clock, durations):
    for count, duration in enumerate(durations, 1):
        clock.now += duration
        if watch.tick():
            return count
    return None


def test_first_steps_are_not_timed(monkeypatch):
    clock = Clock(monkeypatch)
    watch = Stopwatch(200.0, started=clock.now)
    assert ticks(watch, clock, [1.0] * 10 + [0.5] * 100) == 30
    assert watch.per_step == pytest.approx(0.5)
    # 20 s are gone; a margin of 4 %, and a tenth at most for validations.
    assert watch.remaining_steps(0.5, 0.0) == int(180 * 0.96 / 0.5)
    assert watch.remaining_steps(0.5, 0.01) == int((180 * 0.96 - 0.4) / 0.5)
    assert watch.remaining_steps(0.5, 5.0) == int(180 * 0.96 * 0.9 / 0.5)


def test_at_least_a_twentieth_of_the_limit_is_timed(monkeypatch):
    clock = Clock(monkeypatch)
    watch = Stopwatch(20.0, started=clock.now)
    assert ticks(watch, clock, [0.01] * 2000) == pytest.approx(110, abs=2)


def test_slow_steps_do_not_eat_the_limit(monkeypatch):
    """Half the limit at most goes into timing, though that be a single step."""
    clock = Clock(monkeypatch)
    watch = Stopwatch(60.0, started=clock.now)
    assert ticks(watch, clock, [12.0] * 10) == 3
    assert watch.per_step == pytest.approx(12.0)
    assert watch.remaining_steps(12.0, 3.0) == 1
    watch = Stopwatch(1.0, started=clock.now)
    assert ticks(watch, clock, [12.0] * 10) == 1
    assert watch.remaining_steps(12.0, 3.0) == 1


def test_one_validation_is_always_reserved(monkeypatch):
    clock = Clock(monkeypatch)
    watch = Stopwatch(100.0, started=clock.now)
    assert watch.remaining_steps(1.0, 40.0) == 56


def paced(clock, durations, stop=1000):
    """Return the last step as it is known after each step, of a second at first and under a limit of 1000 seconds."""
    watch = Stopwatch(1000.0, started=clock.now)
    pace, known = Pace(watch, 0, 1.0, 0.0), []
    for step, duration in enumerate(durations, 1):
        clock.now += duration
        assert pace.is_due(step)
        stop = pace.last_step(step, stop)
        known.append(stop)
        if step >= stop:
            return known
    return known


def test_the_last_step_comes_earlier_where_the_machine_grows_slower(monkeypatch):
    clock = Clock(monkeypatch)
    begun = clock.now
    known = paced(clock, [1.0] * 100 + [5.0] * 1000)
    assert known == sorted(known, reverse=True)
    assert 220 < known[-1] == len(known) < 300
    assert clock.now - begun <= 1000


def test_a_short_load_does_not_end_training_early(monkeypatch):
    """Of one stretch in which the pace is measured; and time alone ends what no pace foresaw."""
    clock = Clock(monkeypatch)
    assert paced(clock, [0.9] * 200 + [40.0] + [0.9] * 799)[-1] == 1000
    assert paced(clock, [0.5] * 10 + [2000.0])[-1] == 11


def test_validations_are_an_epoch_apart_and_forty_at_most_and_ten_in_a_short_run():
    assert validations(3300, 11) == 83
    assert validations(200, 11) == 11
    assert validations(100, 11) == 10
    assert validations(5, 11) == 1
    assert validations(10**6, 468) == 25_000
    for steps in (1, 39, 40, 41, 999, 12345):
        assert steps / validations(steps, 1) <= 40


def test_validations_take_a_tenth_of_the_time_at_most():
    every = validations(1000, 1, per_step=0.1, per_validation=2.0)
    assert every == 200  # five of two seconds in a hundred
    assert validations(1000, 1, per_step=0.1, per_validation=10**6) == 1000
    assert validations(1000, 1, per_step=0.1, per_validation=1e-6) == 25


def test_validations_happen_where_they_should():
    state = new_state(settings(steps=10, validate_every=4))
    progress = run(state, validate=constant_bound)
    assert [p.step for p in progress if p.validation] == [4, 8, 10]
    state = new_state(settings(steps=None, epochs=4))
    progress = run(state, validate=constant_bound)
    assert [p.step for p in progress if p.validation] == [2, 4, 6, 8, 10, 12]
    assert {p.stop for p in progress} == {12}


def test_time_limit_is_kept_and_resumed(tmp_path):
    training = settings(steps=None, time_limit=1.5, warmup=0)
    began = time.perf_counter()
    state = new_state(training)
    progress = []
    checkpoints = Checkpoints(tmp_path)

    for p in train(state, batches(), constant_bound, seconds=1.5):
        progress.append(p)
        if p.stop is not None and (len(progress) < 2 or p.stop != progress[-2].stop):
            checkpoints.save(state.state_dict())
    assert 0.3 < time.perf_counter() - began < 4.5
    known = [p.stop for p in progress if p.stop is not None]
    assert known == sorted(known, reverse=True), "the last step only moves forward"
    assert known[-1] == len(progress) == state.position.step
    assert len(known) < len(progress)
    assert sum(p.validation is not None for p in progress) <= 42
    assert progress[-1].validation is not None
    assert progress[0].lr == training.lr
    if len(set(known)) == 1:  # a machine that grew slower ends before the schedule does
        assert progress[-1].lr == pytest.approx(training.lr * training.lr_floor, rel=0.1, abs=training.lr * 1e-3)

    second = new_state(training, seed=77)
    second.load_state_dict(checkpoints.load()[0])
    run(second, validate=constant_bound, seconds=100.0)
    assert second.position.stop == known[-1]
    assert differences(comparable(state), comparable(second)) == []


def test_rollback_while_timing_does_not_lose_the_budget():
    state = new_state(settings(steps=None, time_limit=0.3, warmup=0))
    fired = []

    def validate(model):
        if state.position.stop is not None and not fired:
            fired.append(state.position.stop)
            state.roll_back()
        return constant_bound(model)

    run(state, validate=validate, seconds=0.3)
    assert len(fired) == 1 and fired[0] >= state.position.stop
    assert state.position.step == state.position.stop


def test_the_seconds_of_a_run_add_up_over_lives(tmp_path):
    state = new_state(settings(steps=6))
    run(state, until=3, validate=constant_bound)
    spent = state.position.seconds
    assert spent > 0
    second = new_state(settings(steps=6), seed=77)
    second.load_state_dict(state.state_dict())
    run(second, validate=constant_bound)
    assert second.position.seconds > spent


def test_an_extended_run_begins_a_new_stretch():
    training = settings(steps=6, warmup=0)
    state = new_state(training)
    run(state, validate=constant_bound)
    state.position.begin, state.position.stop = state.position.step, None
    progress = run(state, validate=constant_bound)
    assert [p.step for p in progress] == [7, 8, 9, 10, 11, 12]
    assert progress[0].lr == learning_rate(training, 0, 0, 6)
