"""The learning rate at named steps, and the average of the weights against its closed form."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from vaekit.training import Training
from vaekit.training.optimizers import Average, learning_rate, make_optimizer

from .small import constant_bound, new_state, run, settings


@pytest.mark.parametrize(
    ("step", "expected"),
    [(0, 0.01), (49, 0.5), (99, 1.0), (500, 0.505), (1000, 0.01), (5000, 0.01)],
)
def test_learning_rate_at_named_steps(step, expected):
    training = Training(lr=1.0, warmup=100, lr_floor=0.01)
    cosine = 0.01 + 0.99 * (1 + math.cos(math.pi * min(1, step / 1000))) / 2
    found = learning_rate(training, step, 0, 1000)
    assert found == pytest.approx(min(1, (step + 1) / 100) * cosine)
    assert found == pytest.approx(expected, rel=0.03)


def test_learning_rate_ends_at_the_floor():
    training = Training(lr=2e-3, lr_floor=1e-3)
    assert learning_rate(training, 2000, 0, 2000) == pytest.approx(2e-6, rel=1e-9)
    assert learning_rate(training, 1999, 0, 2000) == pytest.approx(2e-6, rel=1e-2)
    assert learning_rate(training, 1000, 0, 2000) == pytest.approx(1e-3, rel=2e-3)


def test_learning_rate_never_rises_after_the_warm_up():
    training = Training(warmup=10)
    rates = [learning_rate(training, step, 0, 300) for step in range(301)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_learning_rate_keeps_the_peak_while_the_end_is_unknown():
    training = Training(lr=1e-2, warmup=0)
    assert {learning_rate(training, step, 0, None) for step in (0, 10, 10**6)} == {1e-2}


def test_a_new_stretch_starts_the_schedule_again():
    training = Training(warmup=5)
    assert [learning_rate(training, s, 0, 50) for s in range(50)] == [
        learning_rate(training, 50 + s, 50, 100) for s in range(50)
    ]


def test_the_optimizer_gets_the_rate():
    state = new_state(settings(steps=12, warmup=4, lr=0.01))
    for progress in run(state, validate=constant_bound):
        assert progress.lr == learning_rate(state.training, progress.step - 1, 0, 12)
    assert state.optimizer.param_groups[0]["lr"] == progress.lr


@pytest.mark.parametrize("name", ["adam", "adamw", "adamax"])
def test_first_step_of_an_optimizer(name):
    """All three move by the learning rate in the direction of the sign; only adamw decays apart from the gradient."""
    weight = nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = make_optimizer([weight], Training(optimizer=name, lr=0.1, weight_decay=0.5))
    weight.grad = torch.tensor([3.0, -4.0])
    optimizer.step()
    start = torch.tensor([1.0, -2.0]) * (1 - 0.05 if name == "adamw" else 1)
    torch.testing.assert_close(weight.detach(), start - 0.1 * torch.tensor([1.0, -1.0]))


@pytest.mark.parametrize("decay", [0.999, 0.5, 0.0])
def test_average_equals_its_closed_form(decay):
    r"""theta_bar_T = sum_t (1 - d_t) prod_{s > t} d_s theta_t + prod_t d_t theta_0, d_t = min(decay, (1 + t) / (10 + t))."""
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    average = Average(model, copy.deepcopy(model), decay)
    start = model[0].weight.detach().double()
    weights, total = [], 40
    for step in range(total):
        for p in model.parameters():
            p.data.normal_()
        model[1].running_mean.normal_()
        weights.append(model[0].weight.detach().double().clone())
        average.update(step)
    d = [min(decay, (1 + t) / (10 + t)) for t in range(total)]
    expected = math.prod(d) * start + sum((1 - d[t]) * math.prod(d[t + 1 :]) * weights[t] for t in range(total))
    torch.testing.assert_close(average.module[0].weight.double(), expected, rtol=1e-5, atol=1e-6)
    assert average.module[1].running_mean.equal(model[1].running_mean)
    assert not any(p.requires_grad for p in average.module.parameters())


def test_no_averaging_copies_the_weights():
    state = new_state(settings(steps=5, ema=0.0))
    start = [p.clone() for p in state.model.parameters()]
    run(state, validate=constant_bound)
    pairs = list(zip(state.model.parameters(), state.average.module.parameters(), strict=True))
    assert all(torch.equal(weight, copied) for weight, copied in pairs)
    assert any(not torch.equal(a, b) for a, b in zip(start, state.model.parameters(), strict=True))


def test_average_counts_steps_that_were_taken():
    state = new_state(settings(steps=3, ema=0.9))
    start = next(state.model.parameters()).clone()
    run(state, until=1, validate=constant_bound)
    weight = next(state.model.parameters()).detach()
    torch.testing.assert_close(next(state.average.module.parameters()), 0.1 * start.detach() + 0.9 * weight)


def test_buffers_are_restored():
    model = nn.BatchNorm1d(4)
    average = Average(model, copy.deepcopy(model), 0.9)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model(torch.full((5, 4), math.nan))
    assert model.running_mean.isnan().all()
    average.restore_buffers()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
