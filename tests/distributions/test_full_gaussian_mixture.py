"""Mixtures of correlated Gaussians, against torch's own sum over components."""

import pytest
import torch
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from vaekit.distributions import FullGaussianMixture, GaussianMixture, point, temper
from vaekit.distributions.full_gaussian_mixture import quadratic


def mixture(batch=(), components=7, event=(5,), dtype=torch.float64):
    size = torch.Size(event).numel()
    whitening = torch.randn(components, size, size, dtype=dtype).tril(-1) / 2
    whitening = whitening + torch.diag_embed(torch.randn(components, size, dtype=dtype).exp())
    loc = 2 * torch.randn(components, *event, dtype=dtype)
    return FullGaussianMixture(torch.randn(*batch, components, dtype=dtype), loc, whitening)


def reference(m):
    precision = m.whitening.double().mT @ m.whitening.double()
    components = MultivariateNormal(m.loc.flatten(1).double(), precision_matrix=precision)
    logits = m.logits.double()
    return MixtureSameFamily(Categorical(logits=logits), components.expand((*logits.shape[:-1], logits.shape[-1])))


@pytest.mark.parametrize("batch", [(), (6,)], ids=str)
@pytest.mark.parametrize("event", [(1,), (5,), (2, 3)], ids=str)
def test_the_matrix_product_is_the_brute_force_sum(batch, event):
    m = mixture(batch, event=event)
    expected, z = reference(m), 2 * torch.randn(4, 6, *event).double()
    flat = z.flatten(2)
    torch.testing.assert_close(m.log_prob(z), expected.log_prob(flat), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(m.mean.flatten(len(batch)), expected.mean)
    torch.testing.assert_close(m.variance.flatten(len(batch)), expected.variance)
    torch.testing.assert_close(m.expand((6,)).log_prob(z), m.log_prob(z))
    assert m.sample((4,)).shape == (4, *batch, *event)


def test_gradients_are_those_of_the_sum():
    m, z = mixture(components=3, event=(3,)), torch.randn(6, 3).double()
    leaves = [t.requires_grad_() for t in (z, m.logits, m.loc, m.whitening)]
    found, expected = (torch.autograd.grad(d.log_prob(z).sum(), leaves) for d in (m, reference(m)))
    torch.testing.assert_close(found[:3], expected[:3])
    torch.testing.assert_close(found[3].tril(), expected[3].tril())


def test_a_diagonal_one_is_the_diagonal_mixture():
    m = mixture(event=(4,))
    scale = torch.rand(7, 4).double() + 0.1
    diagonal = GaussianMixture(m.logits, m.loc, scale)
    full, z = FullGaussianMixture(m.logits, m.loc, torch.diag_embed(1 / scale)), torch.randn(9, 4).double()
    torch.testing.assert_close(full.log_prob(z), diagonal.log_prob(z))
    torch.testing.assert_close(full.variance, diagonal.variance)
    torch.testing.assert_close(temper(full, 0.5).log_prob(z), temper(diagonal, 0.5).log_prob(z))
    assert torch.equal(point(full), point(diagonal))


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("shift", [0.0, 100.0])
def test_single_precision_keeps_the_density_of_narrow_components(autocast, shift):
    loc = 3 * torch.randn(100, 12) + shift
    m = FullGaussianMixture(torch.zeros(100), loc, 100 * (torch.eye(12) + 0.3 * torch.randn(100, 12, 12).tril(-1)))
    z = m.sample((64,))
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        found = m.log_prob(z)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, reference(m).log_prob(z.double()).float(), rtol=0, atol=1e-2)


def test_draws_have_the_moments_of_the_mixture():
    m = mixture(components=3, event=(2, 2))
    draws = m.sample((60_000,)).flatten(1)
    torch.testing.assert_close(draws.mean(0), m.mean.flatten(), rtol=0, atol=0.05 * draws.std())
    expected = reference(m).sample((60_000,))
    torch.testing.assert_close(draws.T.cov(), expected.T.cov(), rtol=0.1, atol=0.05 * draws.var())
    cold = temper(m, 1e-6).sample((50,)).flatten(1)
    assert torch.cdist(cold, m.loc.flatten(1)).amin(1).max() < 1e-3


def test_the_monomials_of_a_vector():
    z = torch.randn(3, 4, 6).double()
    found = quadratic(z)
    assert found.shape == (3, 4, 6 * 7 // 2 + 6 + 1)
    rows, columns = torch.tril_indices(6, 6)
    torch.testing.assert_close(found[..., :21], (z.unsqueeze(-1) * z.unsqueeze(-2))[..., rows, columns])
