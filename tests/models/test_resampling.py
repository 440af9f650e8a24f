"""Latents of partly known data against the exact conditionals of a linear-Gaussian model with missing cells."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Independent, MultivariateNormal, Normal

from vaekit.distributions import Columns
from vaekit.evaluation import bounds
from vaekit.heads import StandardNormal
from vaekit.models import VAE, conditional_latents, evaluating, resample

D, L, NOISE = 5, 2, 0.4


class Linear(nn.Module):
    """p(x | z) = N(W z + b, NOISE^2)."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.weight = nn.Parameter(torch.randn(D, L, generator=generator, dtype=torch.float64))
        self.bias = nn.Parameter(torch.randn(D, generator=generator, dtype=torch.float64))

    def forward(self, z):
        return Columns([(torch.arange(D), Normal(z @ self.weight.T + self.bias, NOISE))])


class Exact(nn.Module):
    """p(z | x_o), whatever cells are observed."""

    def __init__(self, likelihood, widen=1.0):
        super().__init__()
        self.likelihood, self.widen = likelihood, widen

    def forward(self, x):
        seen = (~x.isnan()).double()
        weight = self.likelihood.weight * seen.unsqueeze(-1)  # (B, D, L)
        precision = torch.eye(L, dtype=torch.float64) + weight.mT @ weight / NOISE**2
        residual = torch.where(x.isnan(), 0.0, x - self.likelihood.bias)
        mean = torch.linalg.solve(precision, (weight.mT @ residual.unsqueeze(-1)).squeeze(-1) / NOISE**2)
        return MultivariateNormal(mean, self.widen**2 * torch.linalg.inv(precision))


class Blind(nn.Module):
    """A posterior that has not looked."""

    def forward(self, x):
        return Independent(Normal(torch.zeros(len(x), L, dtype=torch.float64), 1.0), 1)


@pytest.fixture(scope="module")
def parts():
    torch.manual_seed(0)
    likelihood = Linear()
    x = likelihood(torch.randn(6, L, dtype=torch.float64)).sample()
    x[0, :2] = x[1, 4] = x[2, :4] = x[3] = torch.nan
    return likelihood, x


def model(likelihood, posterior):
    return VAE(StandardNormal((L,)).double(), posterior, likelihood)


def exact(likelihood, x):
    """Return mean and covariance of the missing cells of one row given its others."""
    mean, covariance = likelihood.bias, likelihood.weight @ likelihood.weight.T + NOISE**2 * torch.eye(D).double()
    m, o = x.isnan(), ~x.isnan()
    gain = (
        covariance[m][:, o] @ torch.linalg.inv(covariance[o][:, o])
        if o.any()
        else torch.zeros(int(m.sum()), 0).double()
    )
    return mean[m] + gain @ (x[o] - mean[o]), covariance[m][:, m] - gain @ covariance[o][:, m]


@pytest.mark.parametrize("posterior", ["exact", "wide", "blind"])
def test_imputations_have_the_moments_of_the_exact_conditional(parts, posterior):
    likelihood, x = parts
    made = {"exact": Exact(likelihood), "wide": Exact(likelihood, 2.0), "blind": Blind()}[posterior]
    vae = model(likelihood, made)
    with evaluating(vae):
        found = resample(vae, x, proposals=40_000, draws=10_000)
        drawn = vae.decode(*found.z).sample()
    assert found.z[0].shape == (10_000, 6, L) and (found.ess >= 1).all()
    for i, row in enumerate(x):
        if not row.isnan().any():
            continue
        mean, covariance = exact(likelihood, row)
        cells = drawn[:, i, row.isnan()]
        assert (cells.mean(0) - mean).abs().max() < 0.12
        assert (cells.T.cov().reshape(covariance.shape) - covariance).abs().max() < 0.25


def test_the_weights_are_even_where_the_posterior_is_exact(parts):
    """But for the quarter of the proposals that come from the prior."""
    likelihood, x = parts
    vae = model(likelihood, Exact(likelihood))
    with evaluating(vae):
        assert (resample(vae, x, proposals=400, draws=10).ess > 250).all()


def test_one_pool_serves_many_rows(parts):
    likelihood, x = parts
    vae = model(likelihood, Blind())
    with evaluating(vae):
        found = conditional_latents(vae, x[:1], 8_000)
        drawn = vae.decode(found.z[0].squeeze(1)).sample()
    mean, covariance = exact(likelihood, x[0])
    cells = drawn[:, x[0].isnan()]
    assert (cells.mean(0) - mean).abs().max() < 0.12
    assert (cells.T.cov() - covariance).abs().max() < 0.25


def test_draws_depend_on_the_seed_alone(parts):
    likelihood, x = parts
    vae = model(likelihood, Exact(likelihood))
    with evaluating(vae, 3):
        first = resample(vae, x)
    with evaluating(vae, 3):
        assert torch.equal(*first.z, *resample(vae, x).z)


def test_the_bound_of_observed_cells_is_their_exact_log_density(parts):
    """With the exact posterior every importance weight is the evidence of the observed cells itself."""
    likelihood, x = parts
    found = bounds(model(likelihood, Exact(likelihood)), [x], prepare=lambda rows: rows, samples=3)
    for i, row in enumerate(x):
        o = ~row.isnan()
        covariance = likelihood.weight @ likelihood.weight.T + NOISE**2 * torch.eye(D).double()
        density = (
            MultivariateNormal(likelihood.bias[o], covariance[o][:, o]).log_prob(row[o]).item() if o.any() else 0.0
        )
        assert found.iw[i].item() == pytest.approx(density, abs=1e-9)
        assert math.isfinite(found.elbo[i].item())
