"""The laws of objectives: what any map from a trace to a loss must obey."""

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from laws.members import OBJECTIVES, SCHEDULES, name
from vaekit.models import Latent, Trace

every_objective = pytest.mark.parametrize("objective", OBJECTIVES, ids=name)
every_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=name)


def trace_of(loc, scale, x, noise):
    """Return the trace of a small model with a given posterior and given noise."""
    q = Independent(Normal(loc, scale), 1)
    p = Independent(Normal(torch.zeros_like(loc[0]), 1.0), 1)
    z = loc + scale * noise
    mean = torch.stack([z.sum(-1), (z * z).sum(-1), z[..., 0]], -1)
    return Trace(x, Independent(Normal(mean, 0.7), 1), (Latent(z, q, p),))


def parts(samples=4, batch=5, dims=3):
    return (
        torch.randn(batch, dims).double(),
        torch.rand(batch, dims).double() + 0.3,
        torch.randn(batch, 3).double(),
        torch.randn(samples, batch, dims).double(),
    )


@every_objective
@pytest.mark.parametrize("step", [0, 37, 10_000])
def test_gradients_against_finite_differences(objective, step):
    """The gradient of the importance-weighted bound is that of its value (A2, D7)."""
    loc, scale, x, noise = parts(samples=objective.samples)
    loc.requires_grad_(), scale.requires_grad_()
    assert torch.autograd.gradcheck(lambda m, s: objective(trace_of(m, s, x, noise), step).value, (loc, scale))


@every_objective
def test_what_is_logged_is_detached_and_complete(objective):
    """Distortion, rate and rate per dimension are logged, not the total alone (D13), and no rate is negative (A4)."""
    loc, scale, x, noise = parts()
    loss = objective(trace_of(loc.requires_grad_(), scale, x, noise))
    assert loss.value.requires_grad and loss.value.dim() == 0
    assert {"elbo", "distortion", "rate", "rate_per_dimension"} <= loss.metrics.keys()
    assert not any(value.requires_grad for value in loss.metrics.values())
    assert (loss.metrics["rate_per_dimension"] >= 0).all()
    torch.testing.assert_close(loss.metrics["rate_per_dimension"].sum(), loss.metrics["rate"])


@every_objective
def test_a_weightless_objective_is_its_own_criterion_and_remembers_nothing(objective):
    """Validation never advances a schedule: the loss is a function of trace and step alone (A6)."""
    assert objective.build(nn.Identity(), 100) is objective
    trace = trace_of(*parts())
    before = objective.model_dump_json()
    first = objective(trace, 3).value
    for step in (0, 3, 500):
        objective(trace, step)
        objective.after_step()
    assert torch.equal(objective(trace, 3).value, first)
    assert objective.model_dump_json() == before


@every_objective
def test_the_loss_rests_from_the_end_of_its_schedules(objective):
    trace = trace_of(*parts())
    end = objective.schedule_end
    assert torch.equal(objective(trace, end).value, objective(trace, end + 1000).value)


@every_schedule
def test_schedules_stay_in_their_range_and_end(schedule):
    values = [schedule.at(step) for step in range(schedule.end + 5)]
    low, high = sorted((getattr(schedule, "start", values[0]), getattr(schedule, "stop", values[0])))
    assert all(low <= value <= high for value in values)
    assert {schedule.at(step) for step in (schedule.end, schedule.end + 1, 10**9)} == {
        getattr(schedule, "stop", values[0])
    }


@every_schedule
def test_schedules_are_functions_of_the_step(schedule):
    forwards = [schedule.at(step) for step in range(30)]
    assert [schedule.at(step) for step in reversed(range(30))] == forwards[::-1]
