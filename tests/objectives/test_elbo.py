import math

import pytest
import torch
from torch import nn
from torch.distributions import Independent, MultivariateNormal, Normal

from laws.test_objectives import parts, trace_of
from vaekit.distributions import Delta
from vaekit.heads import Bernoulli, Conditional, Gaussian, StandardNormal
from vaekit.models import VAE, Latent, Trace
from vaekit.nets import MLP
from vaekit.objectives import ELBO, Capacity, FreeBits
from vaekit.schedules import Linear


def group(rates):
    """Return a latent whose rates per datum and dimension, shape (B, D), are given; the leaf is the mean."""
    loc = (2 * torch.as_tensor(rates).double()).sqrt().requires_grad_()
    q = Independent(Normal(loc, 1.0), 1)
    p = Independent(Normal(torch.zeros(loc.shape[-1]).double(), 1.0), 1)
    return Latent(loc.unsqueeze(0), q, p), loc


def test_beta_one_is_the_bound_exactly():
    """A sum over dimensions and beta = 1 is the bound, at every size (O1, A1)."""
    for dims in (1, 3, 16):
        trace = trace_of(*parts(dims=dims))
        assert ELBO()(trace).value.item() == pytest.approx(-trace.elbo.mean().item(), rel=1e-14)


def test_beta_scales_the_rate_alone():
    trace = trace_of(*parts())
    distortion, rate = -trace.log_likelihood.mean(), trace.kl.mean()
    for beta in (0.0, 0.5, 1.0, 4.0):
        torch.testing.assert_close(ELBO(beta=beta)(trace).value, distortion + beta * rate)


@pytest.mark.parametrize("side", [8, 16])
@pytest.mark.parametrize("latent", [2, 16])
@pytest.mark.parametrize("family", [Gaussian(), Bernoulli()], ids=lambda f: f.kind)
def test_the_effective_beta_knows_no_size(family, latent, side):
    """One formula at every image size and latent size, in training and in evaluation (A1, O1)."""
    image = (1, side, side)
    posterior = Conditional(MLP(widths=(8,)).encoder(image), Gaussian(), given=image, event=(latent,))
    likelihood = Conditional(MLP(widths=(8,)).decoder((latent,), image), family, given=(latent,), event=image)
    model = VAE(StandardNormal((latent,)), posterior, likelihood).double()
    x = torch.randint(0, 2, (4, *image)).double()
    losses = {}
    for mode in (True, False):
        torch.manual_seed(0)
        trace = model.train(mode)(x)
        q = trace.latents[0].q.base_dist
        rate = (0.5 * (q.loc.square() + q.scale.square() - 1) - q.scale.log()).sum(1).mean()
        distortion = -trace.likelihood.base_dist.log_prob(x).flatten(2).sum(2).mean()
        for beta in (1.0, 4.0):
            losses[mode, beta] = ELBO(beta=beta)(trace).value
            torch.testing.assert_close(losses[mode, beta], distortion + beta * rate)
    assert losses[True, 1.0] == losses[False, 1.0]


def test_a_good_model_ranks_above_a_collapsed_one():
    """MSE 0.005 with a rate of 20 nats beats a collapsed MSE of 0.087, at 64 x 64 as at 128 x 128 (A1)."""
    for side in (64, 128):
        bounds = []
        for error, rate in ((0.005, 20.0), (0.087, 0.0)):
            latent, _ = group([[rate]])
            x = torch.full((1, 3, side, side), math.sqrt(error)).double()
            bounds.append(
                -ELBO()(
                    Trace(x, Independent(Normal(torch.zeros(1, 1, 3, side, side).double(), 1.0), 3), (latent,))
                ).value
            )
        assert bounds[0] > bounds[1]


@pytest.mark.parametrize("nats", [0.0, 0.25])
def test_free_bits_per_dimension_of_the_batch(nats):
    """Below the floor the gradient of a dimension is exactly 0, above it that of its rate."""
    latent, loc = group([[0.1, 0.5, 0.2], [0.2, 0.1, 0.9]])  # means: 0.15, 0.3, 0.55
    value = FreeBits(nats=nats)(latent)
    value.backward()
    free = torch.tensor([True, False, False]) & (nats > 0)
    torch.testing.assert_close(loc.grad, torch.where(free, 0.0, loc.detach() / 2))
    assert not loc.grad[:, free].any()
    assert value.item() == pytest.approx((0.25 if nats else 0.15) + 0.3 + 0.55)


def test_free_bits_per_dimension_of_each_datum():
    latent, loc = group([[0.1, 0.5, 0.2], [0.2, 0.1, 0.9]])
    value = FreeBits(nats=0.25, mean="datum")(latent)
    value.backward()
    above = torch.tensor([[False, True, False], [False, False, True]])
    assert torch.equal(loc.grad != 0, above)
    torch.testing.assert_close(loc.grad[above], loc.detach()[above] / 2)
    assert value.item() == pytest.approx((0.25 + 0.5 + 0.25 + 0.25 + 0.25 + 0.9) / 2)


@pytest.mark.parametrize(("nats", "free"), [(0.9, False), (1.1, True)])
def test_free_bits_per_group_of_the_batch(nats, free):
    latent, loc = group([[0.1, 0.5, 0.2], [0.2, 0.1, 0.9]])  # rates 0.8 and 1.2, mean 1.0
    value = FreeBits(nats=nats, per="group")(latent)
    value.backward()
    torch.testing.assert_close(loc.grad, torch.zeros_like(loc) if free else loc.detach() / 2)
    assert value.item() == pytest.approx(max(nats, 1.0))


def test_free_bits_per_group_of_each_datum():
    latent, loc = group([[0.1, 0.5, 0.2], [0.2, 0.1, 0.9]])
    value = FreeBits(nats=1.0, per="group", mean="datum")(latent)
    value.backward()
    assert not loc.grad[0].any() and (loc.grad[1] != 0).all()
    assert value.item() == pytest.approx((1.0 + 1.2) / 2)


@pytest.mark.parametrize("per", ["dimension", "group"])
@pytest.mark.parametrize("mean", ["batch", "datum"])
def test_free_bits_leave_the_reported_bound_alone(per, mean):
    trace = trace_of(*parts())
    plain, floored = ELBO()(trace), ELBO(free_bits=FreeBits(nats=5.0, per=per, mean=mean))(trace)
    assert floored.value > plain.value
    for key, value in plain.metrics.items():
        assert torch.equal(floored.metrics[key], value)
    assert -plain.value.item() == pytest.approx(floored.metrics["elbo"].item(), rel=1e-14)


def test_free_bits_per_dimension_need_a_rate_per_dimension():
    q = MultivariateNormal(torch.zeros(4, 2), torch.eye(2))
    latent = Latent(q.rsample((1,)), q, MultivariateNormal(torch.zeros(2), torch.eye(2)))
    with pytest.raises(ValueError, match=r"use objective\.free_bits\.per=group"):
        FreeBits(nats=0.1)(latent)
    assert FreeBits(nats=0.1, per="group")(latent) >= 0.1


def test_free_bits_of_each_group_of_a_hierarchy():
    latents = tuple(group([[rate]])[0] for rate in (0.1, 2.0))
    likelihood = Independent(Normal(torch.zeros(1, 1, 2).double(), 1.0), 1)
    trace = Trace(torch.zeros(1, 2).double(), likelihood, latents)
    value = ELBO(free_bits=FreeBits(nats=0.5, per="group"))(trace).value
    assert value.item() == pytest.approx(math.log(2 * math.pi) + 0.5 + 2.0)


def test_beta_follows_its_schedule():
    trace = trace_of(*parts())
    objective = ELBO(beta=Linear(start=0, stop=2, steps=10))
    assert objective.schedule_end == 10
    distortion, rate = -trace.log_likelihood.mean(), trace.kl.mean()
    for step, beta in ((0, 0.0), (5, 1.0), (10, 2.0), (99, 2.0)):
        torch.testing.assert_close(objective(trace, step).value, distortion + beta * rate)


def hierarchy(*rates):
    """Return a trace whose groups have given rates, and the leaves of the groups."""
    latents, leaves = zip(*(group([[rate]]) for rate in rates), strict=True)
    likelihood = Independent(Normal(torch.zeros(1, 1, 2).double(), 1.0), 1)
    return Trace(torch.zeros(1, 2).double(), likelihood, latents), leaves


def test_capacity_draws_the_rate_to_itself():
    """From below and from above alike, after a schedule in steps."""
    objective = ELBO(capacity=Capacity(gamma=10.0, nats=Linear(start=0, stop=2, steps=100)))
    assert objective.schedule_end == 100 and not objective.is_bound
    for step, capacity in ((0, 0.0), (50, 1.0), (100, 2.0), (500, 2.0)):
        trace, (leaf,) = hierarchy(1.25)
        value = objective(trace, step).value
        assert value.item() == pytest.approx(math.log(2 * math.pi) + 10 * abs(1.25 - capacity))
        (slope,) = torch.autograd.grad(value, leaf)
        assert slope.sign().item() == (1 if capacity < 1.25 else -1)
    assert ELBO().capacity.gamma == 0 and ELBO().is_bound


def test_capacity_takes_the_place_of_beta():
    with pytest.raises(ValueError, match=r"objective\.capacity takes the place of objective\.beta"):
        ELBO(beta=4.0, capacity=Capacity(gamma=10.0))


def test_balance_weighs_groups_by_their_share_while_beta_rises():
    objective = ELBO(balance=True, beta=Linear(start=0, stop=1, steps=10))
    trace, leaves = hierarchy(0.5, 1.5)
    value = objective(trace, 5).value
    shares = torch.tensor([0.51, 1.51]) / 1.01
    assert value.item() == pytest.approx(math.log(2 * math.pi) + 0.5 * (0.5 * shares[0] + 1.5 * shares[1]).item())
    slopes = torch.autograd.grad(value, leaves)
    for slope, leaf, share in zip(slopes, leaves, shares, strict=True):  # the shares pass no gradient
        assert slope.item() == pytest.approx(0.5 * share.item() * leaf.item())
    assert objective(trace, 10).value.item() == pytest.approx(math.log(2 * math.pi) + 2.0)
    assert objective.is_bound


def test_balance_of_one_group_is_the_identity():
    trace = trace_of(*parts())
    plain, balanced = (ELBO(balance=balance, beta=Linear(steps=10)) for balance in (False, True))
    torch.testing.assert_close(balanced(trace, 3).value, plain(trace, 3).value)


def test_an_empty_hierarchy_is_balanced_evenly():
    trace, _ = hierarchy(0.0, 0.0)
    assert torch.isfinite(ELBO(balance=True, beta=Linear(steps=10))(trace, 5).value)


def test_no_bound_without_a_density():
    trace = trace_of(*parts())
    (latent,) = trace.latents
    trace = Trace(trace.x, trace.likelihood, (Latent(latent.z, Delta(latent.q.mean, 1), latent.p),))
    with pytest.raises(ValueError, match="use objective=rae, wae or aae, or posterior=gaussian"):
        ELBO()(trace)


@pytest.mark.parametrize(
    ("objective", "says"),
    [
        (ELBO(beta=4.0), "beta = 4 weighs the rate"),
        (ELBO(beta=Linear(stop=0.5)), "beta = 0.5"),
        (ELBO(free_bits=FreeBits(nats=1.0)), "free bits"),
        (ELBO(capacity=Capacity(gamma=1.0)), "capacity"),
        (ELBO(beta=Linear()), ""),
    ],
    ids=["beta", "schedule", "free-bits", "capacity", "warm-up"],
)
def test_what_is_no_bound_says_so(objective, says):
    assert says in objective.what_it_is and objective.is_bound == (not says)


def test_objectives_are_not_models():
    assert not isinstance(ELBO(), nn.Module)
