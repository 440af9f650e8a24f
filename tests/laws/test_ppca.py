"""Probabilistic PCA on real data: a linear VAE must find its exact evidence, and no bound may exceed it."""

import math

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from laws.linear_gaussian import evidence, importance_bounds, standard_errors_above_zero
from vaekit.heads import Conditional, Gaussian, Shared, StandardNormal
from vaekit.models import VAE
from vaekit.objectives import ELBO

PIXELS, LATENT, STEPS = 64, 8, 1200


@pytest.fixture(scope="module")
def digits():
    return torch.tensor(load_digits().data / 16)


@pytest.fixture(scope="module")
def trained(digits):
    """Train a linear VAE by nothing but the ELBO and Adam."""
    torch.manual_seed(0)
    posterior = Conditional(nn.Identity(), Gaussian(), given=(PIXELS,), event=(LATENT,))
    noise = Gaussian(scale=Shared(bounds=(-20, 2)))
    likelihood = Conditional(nn.Identity(), noise, given=(LATENT,), event=(PIXELS,))
    model = VAE(StandardNormal((LATENT,)), posterior, likelihood)
    objective, x = ELBO(), digits.float()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        optimizer.zero_grad()
        objective(model(x)).value.backward()
        optimizer.step()
        schedule.step()
    return model.double()


def best_evidence(x, latent):
    """Return the evidence of the maximum-likelihood solution, in nats per datum (Tipping and Bishop, 1999)."""
    d = x.shape[1]
    eigenvalues = torch.linalg.eigvalsh(torch.cov(x.T, correction=0)).flip(0)
    noise = eigenvalues[latent:].mean()
    return -0.5 * (d * math.log(2 * math.pi) + eigenvalues[:latent].log().sum() + (d - latent) * noise.log() + d).item()


def own_evidence(model):
    """Return the exact evidence of the model as trained."""
    layer = model.likelihood.heads["loc"]
    return evidence(layer.weight.detach(), layer.bias.detach(), model.likelihood.shared["scale"].detach().exp())


def test_the_formula_is_the_evidence_of_the_closed_form_solution(digits):
    values, vectors = torch.linalg.eigh(torch.cov(digits.T, correction=0))
    noise = values[:-LATENT].mean()
    loading = vectors[:, -LATENT:] * (values[-LATENT:] - noise).sqrt()
    exact = evidence(loading, digits.mean(0), noise).log_prob(digits).mean().item()
    assert exact == pytest.approx(best_evidence(digits, LATENT), abs=1e-8)


def test_training_reaches_the_evidence_of_probabilistic_pca(digits, trained):
    """Within 0.1 nats per image: the bound is tight, the noise scale is learned and optimal (D4)."""
    best = best_evidence(digits, LATENT)
    with torch.no_grad():
        trace = trained(digits, samples=50)
        elbo = trace.elbo.mean().item()
        importance = importance_bounds(trace.log_weight, (50,))[50].mean().item()
    reached = own_evidence(trained).log_prob(digits).mean().item()
    assert best - 0.1 < reached <= best + 1e-6
    assert best - 0.1 < importance < best + 0.05
    assert best - 0.1 < elbo < best + 0.05


def test_bounds_fall_in_k_towards_the_evidence_of_the_trained_model(digits, trained):
    """-ELBO >= -IW_K >= -log p(x) of the model itself, on common samples and in paired differences (D2, D7)."""
    with torch.no_grad():
        trace = trained(digits, samples=100)
        bounds = importance_bounds(trace.log_weight, (1, 10, 100))
        exact = own_evidence(trained).log_prob(digits)
    assert abs(standard_errors_above_zero(trace.elbo - bounds[1])) < 4
    assert standard_errors_above_zero(bounds[10] - bounds[1]) > 3
    assert standard_errors_above_zero(bounds[100] - bounds[10]) > -3
    assert bounds[1].mean() < bounds[10].mean() < bounds[100].mean()
    assert standard_errors_above_zero(exact - trace.elbo) > -3
    assert standard_errors_above_zero(exact - bounds[100]) > -3
