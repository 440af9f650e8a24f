"""The laws of objectives: what any map from a trace to a loss must obey."""

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from laws.linear_gaussian import linear_gaussian
from laws.members import BOUNDED, OBJECTIVES, SCHEDULES, name
from vaekit.distributions import Delta
from vaekit.models import Latent, Trace
from vaekit.objectives import PIWAE, RAE

every_objective = pytest.mark.parametrize("objective", OBJECTIVES, ids=name)
every_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=name)


def trace_of(loc, scale, x, noise, *, point=False):
    """Return the trace of a small model with a given posterior, or point, and given noise."""
    q = Delta(loc, 1) if point else Independent(Normal(loc, scale), 1)
    p = Independent(Normal(torch.zeros_like(loc[0]), torch.ones_like(loc[0])), 1)
    z = q.rsample((len(noise),)) if point else loc + scale * noise
    mean = torch.stack([z.sum(-1), (z * z).sum(-1), z[..., 0]], -1)
    return Trace(x, Independent(Normal(mean, 0.7), 1), (Latent(z, q, p),))


def parts(samples=4, batch=5, dims=3):
    return (
        torch.randn(batch, dims).double().requires_grad_(),
        torch.rand(batch, dims).double() + 0.3,
        torch.randn(batch, 3).double(),
        torch.randn(samples, batch, dims).double(),
    )


def built(objective, latent=3, size=100):
    """Return what runs, for a linear model, in double precision, and that model."""
    model, _ = linear_gaussian(latent=latent)
    criterion = objective.build(model, size)
    return (criterion.double() if isinstance(criterion, nn.Module) else criterion), model


def run(objective, criterion, numbers, step=0, seed=1):
    """Return the loss of one trace; what an objective draws itself is the same in every run."""
    torch.manual_seed(seed)
    trace = trace_of(*numbers, point=isinstance(objective, RAE))
    return criterion(trace, step)


def has_its_own_gradient(objective):
    """Say whether the gradient is an estimator other than that of the value; such are tested for their mean."""
    return isinstance(objective, PIWAE) or getattr(objective, "gradient", "plain") != "plain"


@pytest.mark.parametrize(
    ("objective", "step"),
    [
        (o, step)
        for o in OBJECTIVES
        if not has_its_own_gradient(o)
        for step in ((0, 37, 10_000) if o.schedule_end else (0,))
    ],
    ids=name,
)
def test_gradients_against_finite_differences(objective, step):
    """The gradient is that of the value (A2, D7); an adversary's own term passes none to the model."""
    loc, scale, x, noise = parts(samples=objective.samples)
    scale.requires_grad_()
    criterion, _ = built(objective)

    def value(m, s):
        loss = run(objective, criterion, (m, s, x, noise), step)
        return loss.value - loss.metrics.get("critic", 0)

    assert torch.autograd.gradcheck(value, (loc, scale))


@every_objective
def test_gradients_are_finite_far_out(objective):
    """Posteriors far from prior and data, and weights hundreds of nats apart, in single precision."""
    loc, scale, x, noise = (part.float() for part in parts(samples=objective.samples))
    loc = (10 * loc.detach()).requires_grad_()
    criterion, model = built(objective)
    model.float()
    criterion = criterion.float() if isinstance(criterion, nn.Module) else criterion
    run(objective, criterion, (loc, scale, x, noise)).value.backward()
    assert torch.isfinite(loc.grad).all() and loc.grad.abs().sum() > 0


@every_objective
def test_what_is_logged_is_detached_and_complete(objective):
    """Distortion, rate and rate per dimension are logged, not the total alone (D13), and no rate is negative (A4)."""
    loc, scale, x, noise = parts(samples=objective.samples)
    criterion, _ = built(objective)
    loss = run(objective, criterion, (loc, scale, x, noise))
    assert loss.value.requires_grad and loss.value.dim() == 0
    assert not any(value.requires_grad for value in loss.metrics.values())
    if isinstance(objective, RAE):
        assert "distortion" in loss.metrics and not {"elbo", "rate"} & loss.metrics.keys()
        return
    assert {"elbo", "distortion", "rate", "rate_per_dimension"} <= loss.metrics.keys()
    assert (loss.metrics["rate_per_dimension"] >= 0).all()
    torch.testing.assert_close(loss.metrics["rate_per_dimension"].sum(), loss.metrics["rate"])


@every_objective
def test_a_loss_is_a_function_of_trace_and_step(objective):
    """Validation never advances a schedule, and calling remembers nothing (A6)."""
    criterion, model = built(objective)
    assert criterion is objective or objective.build(model, 100) is not criterion
    numbers, before = parts(samples=objective.samples), objective.model_dump_json()
    first = run(objective, criterion, numbers, 3).value
    for step in (0, 3, 500):
        run(objective, criterion, numbers, step, seed=step)
    assert torch.equal(run(objective, criterion, numbers, 3).value, first)
    assert objective.model_dump_json() == before
    criterion.after_step()


@every_objective
def test_weights_of_an_objective_are_its_own(objective):
    """Those of the model are not among them, and all of them learn from the objective's own term alone (test 17)."""
    criterion, model = built(objective)
    own = list(criterion.parameters()) if isinstance(criterion, nn.Module) else []
    assert not {id(weight) for weight in own} & {id(weight) for weight in model.parameters()}
    loc, scale, x, noise = parts(samples=objective.samples)
    loss = run(objective, criterion, (loc, scale, x, noise))
    assert ("critic" in loss.metrics) == bool(own)
    loss.value.backward()
    # The bias of the score alone may stand still: both sides of a hinge pull at it alike.
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in own[:-1])
    learned = [weight.grad.clone() for weight in own]
    for generator in ("weight", "gamma"):
        if own and hasattr(criterion, generator):
            setattr(criterion, generator, 7 * getattr(criterion, generator))
    for weight in own:
        weight.grad = None
    changed = run(objective, criterion, (loc, scale, x, noise)).value
    assert torch.equal(changed, loss.value) == (not own)
    changed.backward()
    assert all(torch.equal(weight.grad, grad) for weight, grad in zip(own, learned, strict=True))


@every_objective
def test_the_loss_rests_from_the_end_of_its_schedules(objective):
    criterion, _ = built(objective)
    numbers, end = parts(samples=objective.samples), objective.schedule_end
    first = run(objective, criterion, numbers, end).value
    assert torch.equal(first, run(objective, criterion, numbers, end + 1000).value)


@pytest.mark.parametrize("objective", BOUNDED, ids=name)
def test_an_objective_that_says_it_is_a_bound_is_one(objective):
    """At the exact posterior it is the evidence; one that is none says in a sentence what it is."""
    if not objective.is_bound:
        assert len(objective.what_it_is.split()) > 5
        return
    model, exact = linear_gaussian()
    x = exact.sample((200,))
    trace = model(x, samples=60 * objective.samples)
    loss = objective.build(model, 200)(trace, objective.schedule_end).value
    noise = trace.log_likelihood.std(0).mean() / trace.log_likelihood.numel() ** 0.5
    assert loss.item() == pytest.approx(-exact.log_prob(x).mean().item(), abs=5 * noise.item())


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
