"""A resumed run equals an uninterrupted one bit for bit."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from vaekit.objectives import ELBO
from vaekit.training import Checkpoints

from .small import comparable, differences, held_out, new_state, run, settings

CASES = [
    ("mlp", "adam", "fp32"),
    ("mlp", "adamw", "fp32"),
    ("mlp", "adamax", "fp32"),
    ("mlp", "adam", "bf16"),
    ("mlp", "adamax", "bf16"),
    ("conv", "adamw", "fp32"),
    ("conv", "adam", "bf16"),
]


def resumed(training, net, folder, seed=77):
    """A new step, model and fabric, initialised differently: whatever is not loaded shows."""
    state = new_state(training, net, seed=seed)
    loaded, note = Checkpoints(folder).load()
    assert note is None
    state.load_state_dict(loaded)
    return state


@pytest.mark.parametrize(("net", "optimizer", "precision"), CASES)
def test_resumed_equals_uninterrupted(tmp_path, net, optimizer, precision):
    """D9: weights, averages, optimiser, guard, position and generator belong to the SAME step, and continue exactly."""
    training = settings(optimizer=optimizer, precision=precision, weight_decay=0.01)

    def validate(model):
        return held_out(model, net)

    whole = new_state(training, net)
    progress = run(whole, validate=validate)
    assert {p.verdict for p in progress} == {"take"}
    for stop in sorted(random.Random(f"{net}{optimizer}{precision}").sample(range(1, 17), 3)):
        first = new_state(training, net)
        run(first, until=stop, validate=validate)
        Checkpoints(tmp_path / str(stop)).save(first.state_dict())
        second = resumed(training, net, tmp_path / str(stop))
        assert second.position.step == stop
        run(second, validate=validate)
        assert differences(comparable(whole), comparable(second)) == []


def test_resumed_twice_in_one_epoch(tmp_path):
    training = settings()
    whole = new_state(training)
    run(whole)
    state = new_state(training)
    for stop in (7, 8):
        run(state, until=stop)
        Checkpoints(tmp_path).save(state.state_dict())
        state = resumed(training, "mlp", tmp_path)
    run(state)
    assert differences(comparable(whole), comparable(state)) == []


@pytest.mark.parametrize("forgotten", ["", "rng", "optimizer", "average", "model", "position"])
def test_comparison_notices_what_is_forgotten(forgotten):
    """The control of the tests above: each part of the state matters."""
    training = settings()
    whole = new_state(training)
    run(whole)
    first = new_state(training)
    run(first, until=7)
    saved = first.state_dict()
    second = new_state(training, seed=77)
    second.load_state_dict({**saved, **({forgotten: second.state_dict()[forgotten]} if forgotten else {})})
    run(second)
    assert (differences(comparable(whole), comparable(second)) != []) == bool(forgotten)


def test_conv_nets_are_channels_last_after_loading(tmp_path):
    training = settings(steps=3)
    state = new_state(training, "conv")
    run(state, validate=lambda model: held_out(model, "conv"))
    Checkpoints(tmp_path).save(state.state_dict())
    loaded = resumed(training, "conv", tmp_path)
    kernels = [p for p in loaded.model.parameters() if p.dim() == 4 and min(p.shape[:2]) > 1]
    assert kernels
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in kernels)
    assert all(
        p.is_contiguous(memory_format=torch.channels_last)
        for p in loaded.optimizer.state[kernels[0]].values()
        if p.dim() == 4
    )


def test_a_finished_run_takes_no_step_when_resumed(tmp_path):
    training = settings(steps=5)
    state = new_state(training)
    run(state)
    Checkpoints(tmp_path).save(state.state_dict())
    assert run(resumed(training, "mlp", tmp_path)) == []


class Counting(nn.Module):
    """A criterion with a weight and a statistic of its own."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, trace, step=0):
        value, metrics = ELBO()(trace, step)
        return value + (self.weight - 3) ** 2, metrics

    def after_step(self):
        self.steps += 1


def test_criterion_with_weights_is_trained_saved_and_resumed(tmp_path):
    training = settings()
    whole = new_state(training, criterion=Counting())
    run(whole)
    assert whole.criterion.steps == 17
    assert whole.criterion.weight > 1
    first = new_state(training, criterion=Counting())
    run(first, until=6)
    Checkpoints(tmp_path).save(first.state_dict())
    second = new_state(training, criterion=Counting(), seed=77)
    second.load_state_dict(Checkpoints(tmp_path).load()[0])
    run(second)
    assert differences(comparable(whole), comparable(second)) == []


def test_killed_twenty_times(tmp_path):
    """D9 under SIGKILL: ten at random moments, ten between two chosen system calls of a save."""
    script = Path(__file__).with_name("killed.py")
    command = [sys.executable, "-m", "training.killed", str(tmp_path), "20"]
    done = subprocess.run(command, cwd=script.parents[1], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["kills"] == 20
    assert told["killed_inside_a_save"] >= 10
    assert told["differences"] == []
    assert told["stale"] == []
    assert told["went_back"] == []


def test_a_resumed_run_rolls_back_to_where_an_uninterrupted_one_would(tmp_path):
    """Stopped between two validations, it must not take the moment of the stop for the last good state."""
    training = settings(validate_every=4)

    def rolled_back(state):
        state.guard.in_a_row = 5
        state.roll_back()
        run(state)
        return comparable(state)

    whole = new_state(training)
    run(whole, until=10)
    Checkpoints(tmp_path).save(whole.state_dict())
    expected = rolled_back(whole)
    second = resumed(training, "mlp", tmp_path)
    assert second.kept["position"]["step"] == 8
    assert differences(expected, rolled_back(second)) == []
