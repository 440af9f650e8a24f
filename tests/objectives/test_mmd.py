import math

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from laws.linear_gaussian import standard_errors_above_zero
from laws.test_objectives import parts, trace_of
from vaekit.distributions import Delta
from vaekit.models import Latent, Trace
from vaekit.objectives import DIP, MMD, WAE
from vaekit.objectives.mmd import aggregate_mmd, mmd

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def expected(distance, variance, dims):
    """Return E[k] of the Gaussian kernels where a difference is N(distance, variance) in each dimension."""
    widths = 2 * dims * torch.tensor(SCALES).double()
    return ((1 + 2 * variance / widths) ** (-dims / 2) * torch.exp(-dims * distance**2 / (widths + 2 * variance))).sum()


@pytest.mark.parametrize(("shift", "stretch"), [(0.0, 1.0), (0.7, 1.0), (0.0, 2.0), (1.0, 0.5)])
def test_the_discrepancy_of_two_gaussians(shift, stretch):
    """The estimate is unbiased: its mean is the value in closed form."""
    dims = 3
    x, y = torch.randn(400, 30, dims).double(), shift + stretch * torch.randn(400, 30, dims).double()
    exact = expected(0, 2.0, dims) + expected(0, 2 * stretch**2, dims) - 2 * expected(shift, 1 + stretch**2, dims)
    assert (exact.abs() < 1e-12) == ((shift, stretch) == (0.0, 1.0))
    assert abs(standard_errors_above_zero(mmd(x, y, "rbf") - exact)) < 4


@pytest.mark.parametrize(
    ("kernel", "k"),
    [
        ("imq", lambda square: sum(2 * s / (2 * s + square) for s in SCALES)),
        ("rbf", lambda square: sum(math.exp(-square / (2 * s)) for s in SCALES)),
    ],
    ids=["imq", "rbf"],
)
def test_the_kernel_is_the_published_sum_over_scales(kernel, k):
    """The code of Tolstikhin et al. (2018) adds C / (C + d^2), C = 2 D s, up over seven scales s; here D = 1, by hand."""
    x, y = torch.tensor([[0.0], [2.0]]).double(), torch.tensor([[1.0], [5.0]]).double()
    assert mmd(x, y, kernel).item() == pytest.approx(k(4) + k(16) - (2 * k(1) + k(9) + k(25)) / 2)


def test_heavy_tails_reach_far():
    near, far = torch.randn(200, 2).double(), torch.randn(200, 2).double()
    assert abs(standard_errors_above_zero(mmd(torch.randn(300, 30, 2), torch.randn(300, 30, 2), "imq"))) < 4
    slopes = {}
    for kernel in ("imq", "rbf"):
        away = (far + 40).requires_grad_()
        value = mmd(away, near, kernel)
        assert value > 1.4
        slopes[kernel] = torch.autograd.grad(value, away)[0].sum()
    assert slopes["imq"] > 10 * slopes["rbf"] >= 0


def test_points_that_meet_have_finite_gradients():
    x = torch.zeros(5, 2).double().requires_grad_()
    for kernel in ("imq", "rbf"):
        assert torch.isfinite(torch.autograd.grad(mmd(x, torch.zeros(5, 2).double(), kernel), x)[0]).all()


def test_one_datum_has_no_discrepancy():
    with pytest.raises(ValueError, match="at least 2 data"):
        mmd(torch.zeros(1, 2), torch.zeros(1, 2), "imq")


def test_of_several_groups_each_is_compared_given_those_above():
    first = Independent(Normal(torch.zeros(40, 2).double(), 1.0), 1)
    z1 = first.sample((50,))
    below = Independent(Normal(5 * z1[..., :1], 0.1), 1)
    z2 = below.sample()
    latents = [Latent(z1, first, first), Latent(z2, below, below)]
    trace = trace_of(*parts(samples=50, batch=40))
    distance = lambda pair: aggregate_mmd(Trace(trace.x, trace.likelihood, tuple(pair)), "imq").item()  # noqa: E731
    assert abs(distance(latents)) < 1.4e-2
    # The second group has the right distribution, but not given the first.
    foreign = 5 * torch.randn(50, 40, 1).double()
    assert distance([latents[0], Latent(foreign, below, below)]) > 0.07


def test_alpha_and_lambda_weigh_rate_and_discrepancy():
    trace = trace_of(*parts())
    values = {}
    for alpha, lam in ((0.0, 1.0), (0.0, 11.0), (1.0, 10.0)):
        torch.manual_seed(0)
        values[alpha, lam], metrics = MMD(alpha=alpha, lam=lam)(trace)
    torch.testing.assert_close(values[0.0, 1.0], -trace.elbo.mean())
    torch.testing.assert_close(values[0.0, 11.0], -trace.elbo.mean() + 10 * metrics["mmd"])
    torch.testing.assert_close(values[1.0, 10.0], -trace.log_likelihood.mean() + 10 * metrics["mmd"])
    with pytest.raises(ValueError, match="at least 1"):
        MMD(alpha=-0.5, lam=1.0)


def test_a_wasserstein_autoencoder_needs_no_density():
    z = torch.randn(6, 2).double().requires_grad_()
    p = Independent(Normal(torch.zeros(2).double(), 1.0), 1)
    likelihood = Independent(Normal(torch.zeros(1, 6, 1).double(), 1.0), 1)
    q = Delta(z, 1)
    loss = WAE(weight=3.0)(Trace(torch.zeros(6, 1).double(), likelihood, (Latent(q.rsample((1,)), q, p),)))
    torch.testing.assert_close(loss.value, loss.metrics["distortion"] + 3 * loss.metrics["mmd"])
    assert torch.autograd.grad(loss.value, z)[0].abs().sum() > 0


@pytest.mark.parametrize("version", ["i", "ii"])
def test_the_covariance_that_is_penalized(version):
    numbers = parts(batch=50)
    trace = trace_of(*numbers)
    loc, scale = (part.detach() for part in numbers[:2])
    covariance = loc.T.cov(correction=0) + (scale.square().mean(0).diag() if version == "ii" else 0)
    off = covariance - covariance.diag().diag()
    loss = DIP(version=version, off_diagonal=2.0, diagonal=3.0)(trace)
    wanted = -trace.elbo.mean() + 2 * off.square().sum() + 3 * (covariance.diag() - 1).square().sum()
    torch.testing.assert_close(loss.value, wanted)


def test_one_dimension_has_a_variance():
    assert torch.isfinite(DIP()(trace_of(*parts(dims=1))).value)


def test_an_aggregate_like_the_prior_costs_nothing():
    """Draws N(0, I) over the data: neither moments nor kernels see a difference."""
    loc = torch.randn(4000, 3).double() * 0.8
    trace = trace_of(loc, torch.full_like(loc, 0.6), torch.randn(4000, 3).double(), torch.randn(1, 4000, 3).double())
    metrics = DIP()(trace).metrics
    assert metrics["off_diagonal"] < 0.01 and metrics["diagonal"] < 0.01
    assert DIP(version="i")(trace).metrics["diagonal"].item() == pytest.approx(3 * (1 - 0.64) ** 2, abs=0.1)


def test_these_have_no_weights():
    for objective in (MMD(), DIP(), WAE()):
        assert objective.build(nn.Identity(), 10) is objective
