"""The rate-distortion curve against the closed form of the linear-Gaussian model."""

import json
import math

import pytest
import torch

from laws.linear_gaussian import linear_gaussian
from laws.test_grid import DIGITS, description
from vaekit.evaluation import Chains, annealed, rate_distortion
from vaekit.models import evaluating

DIMS, LATENT, SIGMA = 6, 3, 0.5


def problem(n, **wrong):
    torch.manual_seed(0)
    model, evidence = linear_gaussian(DIMS, LATENT, SIGMA, **wrong)
    return model, evidence.sample((n,)), evidence


def exact(model, x, beta):
    """Return rate and distortion of q_beta = N(m, V), V^-1 = I + beta W'W / s^2, m = beta V W' (x - b) / s^2."""
    loading, bias = model.posterior.loading, model.posterior.bias
    variance = (torch.eye(LATENT).double() + beta * loading.T @ loading / SIGMA**2).inverse()
    mean = beta * (x - bias) @ loading @ variance / SIGMA**2
    rate = (variance.trace() - LATENT - variance.logdet() + mean.square().sum(1)) / 2
    squares = (x - bias - mean @ loading.T).square().sum(1) + (loading @ variance @ loading.T).trace()
    return rate, (DIMS * math.log(2 * math.pi * SIGMA**2) + squares / SIGMA**2) / 2


@pytest.mark.parametrize("most", [1.0, 4.0])
def test_equals_the_closed_form(most):
    model, x, _ = problem(250)
    found = rate_distortion(model, x, chains=Chains(4, 40, 3), most=most)
    assert found.beta[-1] == most
    assert found.rate_se.max() < 0.15
    for i in range(9, 40, 6):
        rate, distortion = (value.mean().item() for value in exact(model, x, found.beta[i].item()))
        assert found.rate[i].item() == pytest.approx(rate, abs=3 * found.rate_se[i].item())
        assert found.distortion[i].item() == pytest.approx(distortion, abs=3 * found.distortion_se[i].item())


def test_rates_are_bounded_from_above_and_distortion_falls():
    model, x, _ = problem(300)
    found = rate_distortion(model, x, chains=Chains(2, 8, 2))  # coarse
    rates = torch.stack([exact(model, x, beta)[0] for beta in found.beta.tolist()]).mean(1)
    assert (found.rate > rates - 3 * found.rate_se).all()
    # What a channel spends beyond the best one of its slope: above 0 by the bound, and here by much.
    best = torch.stack([sum(part * w for part, w in zip(exact(model, x, b), (1, b), strict=True)) for b in found.beta])
    assert (found.rate + found.beta * found.distortion)[-1] > best.mean(1)[-1] + 0.05
    assert found.rate[0].abs() < 0.01
    assert (found.rate[2:].diff() > 0).all()
    assert found.distortion[0] > found.distortion[3] > found.distortion[7]


def test_the_own_point_is_that_of_the_encoder():
    """The exact posterior lies on the curve at beta = 1, a shifted one above it by what its bound loses."""
    model, x, evidence = problem(200)
    found = rate_distortion(model, x, chains=Chains(4, 40, 3))
    rate, distortion = (value.mean().item() for value in exact(model, x, 1.0))
    assert found.own_rate == pytest.approx(rate, abs=1e-6)
    assert found.own_distortion == pytest.approx(distortion, abs=0.1)
    nats = -evidence.log_prob(x).mean().item()
    assert found.own_rate + found.own_distortion == pytest.approx(nats, abs=0.1)
    assert (found.rate + found.distortion)[-1].item() == pytest.approx(nats, abs=0.1)
    shifted, _, _ = problem(1, shift=0.5)
    off = rate_distortion(shifted, x, chains=Chains(4, 4, 3))
    assert off.own_rate + off.own_distortion > nats + 1


def test_the_end_of_the_curve_is_the_bound_from_the_prior():
    """At beta = 1 rate and distortion add up to the bound on -log p(x)."""
    model, x, _ = problem(100)
    found = rate_distortion(model, x, chains=Chains(4, 40, 3))
    lower = annealed(model, x, chains=Chains(4, 80, 3, from_prior=True)).estimate
    assert -(found.rate + found.distortion)[-1].item() == pytest.approx(lower.nats, abs=0.15)


def test_errors_are_those_of_a_mean_and_a_single_datum_has_none():
    model, x, _ = problem(9)
    chains = Chains(2, 4, 1)
    one = rate_distortion(model, x[:1], chains=chains)
    assert one.rate.isfinite().all() and one.distortion.isfinite().all()
    assert one.rate_se.isnan().all() and one.distortion_se.isnan().all()
    found = rate_distortion(model, x, chains=chains)
    assert found.rate_se.shape == found.rate.shape and (found.distortion_se > 0).all()


def test_log_jacobian_moves_distortions_alone():
    model, x, _ = problem(9)
    plain, moved = (rate_distortion(model, x, chains=Chains(2, 4, 1), log_jacobian=value) for value in (0.0, -2.5))
    torch.testing.assert_close(moved.distortion, plain.distortion + 2.5)
    torch.testing.assert_close(moved.rate, plain.rate)
    assert moved.own_distortion == pytest.approx(plain.own_distortion + 2.5)
    assert moved.own_rate == plain.own_rate


@pytest.mark.parametrize("posterior", ["delta", "gaussian", "iaf"])
def test_learned_models(posterior):
    """A curve needs no encoder: a point posterior has one too, and no rate of its own."""
    torch.manual_seed(0)
    vae = description(posterior, "standard", "bernoulli")
    model = vae.build()
    with evaluating(model):
        x = vae.view().prepare(DIGITS[:6])
    generator = torch.get_rng_state()
    found, again = (rate_distortion(model, x, chains=Chains(2, 4, 1)) for _ in range(2))
    assert found.rate.isfinite().all()
    assert found.rate.equal(again.rate)
    assert (found.own_rate is None) == (posterior == "delta")
    assert torch.get_rng_state().equal(generator)
    assert model.training
    assert json.loads(json.dumps(found.summary())) == found.summary()


def test_latents_elsewhere_are_refused():
    vae = description("vmf", "uniform_sphere", "bernoulli")
    with pytest.raises(ValueError, match="real vectors"):
        rate_distortion(vae.build(), torch.zeros(3, 1, 8, 8))
    model, x, _ = problem(3)
    with pytest.raises(ValueError, match="no data"):
        rate_distortion(model, x[:0])
