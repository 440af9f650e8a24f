"""Expectation maximisation of mixtures with full covariances."""

import pytest
import torch
from torch.distributions import MultivariateNormal

from vaekit.heads import LearnedMixture
from vaekit.training.mixture import place_by_em
from vaekit.training.prior import Encoded, PriorFit, fit_weights, place_by_clusters, score, scored_draws


def planted(count, seed=0, size=4, components=3):
    """Return the draws of a mixture of correlated Gaussians, as points, and their log-density."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        factor = torch.randn(components, size, size).tril(-1) + torch.eye(size)
        loc = 6 * torch.randn(components, size)
        torch.manual_seed(seed)
        truth = MultivariateNormal(loc, scale_tril=factor)
        z = truth.sample((count,))[torch.arange(count), torch.randint(components, (count,))]
    density = truth.log_prob(z.unsqueeze(1)).logsumexp(1) - torch.tensor(components).log()
    return Encoded(z.unsqueeze(0), None, ()), density.mean().item()


def fitted(train, held_out, components, seed=0):
    prior = LearnedMixture(components, train.draws.shape[2:], covariance="full")
    place_by_em(prior, train, held_out, seed)
    return prior


def test_a_planted_mixture_is_found():
    train, held_out = planted(2000)[0], planted(1000, 1)
    found = score(fitted(train, held_out[0], 3), held_out[0])
    assert found == pytest.approx(held_out[1], abs=0.05)


def test_one_component_is_the_mean_and_covariance_of_the_data():
    train, held_out = planted(4000)[0], planted(500, 1)[0]
    p = fitted(train, held_out, 1)()
    z = train.draws[0]
    torch.testing.assert_close(p.mean, z.mean(0), rtol=0, atol=0.02)
    covariance = (p.whitening[0].mT @ p.whitening[0]).inverse()
    torch.testing.assert_close(covariance, z.T.cov(), rtol=0.02, atol=0.02 * z.var().item())


def test_the_width_of_the_posteriors_is_part_of_the_mixture():
    """All means alike, deviations of 1 and 3: the aggregate posterior is that one Gaussian."""
    scale = torch.tensor([1.0, 3.0]).repeat(2000, 1)
    encoded = Encoded(torch.ones(1, 2000, 2), scale, ())
    p = fitted(encoded, encoded, 1)()
    torch.testing.assert_close(p.mean, torch.ones(2), rtol=0, atol=0.1)
    torch.testing.assert_close(p.variance, torch.tensor([1.0, 9.0]), rtol=0.05, atol=0)


def test_correlated_clusters_are_worth_more_than_independent_ones():
    train, held_out = planted(2000)[0], planted(1000, 1)[0]
    diagonal = LearnedMixture(3, (4,))
    place_by_clusters(diagonal, train)
    assert score(fitted(train, held_out, 3), held_out) > score(diagonal, held_out) + 0.5


def test_climbing_on_by_gradients_finds_nothing_better():
    train, held_out = planted(2000)[0], planted(1000, 1)[0]
    prior = fitted(train, held_out, 3)
    before = score(prior, held_out)
    fit_weights(prior, train, held_out, PriorFit(rounds=8, round_steps=25))
    after = score(prior, held_out)
    assert before <= after < before + 0.05


def test_placing_is_reproducible_and_leaves_the_global_generator_alone():
    train, held_out = planted(500)[0], planted(100, 1)[0]
    priors = []
    for _ in range(2):
        torch.manual_seed(3)
        priors.append(fitted(train, held_out, 5).state_dict())
        after = torch.rand(1)
    torch.manual_seed(3)
    LearnedMixture(5, (4,), covariance="full")
    assert torch.equal(after, torch.rand(1))
    assert all(torch.equal(value, priors[1][key]) for key, value in priors[0].items())


def _cases():
    torch.manual_seed(0)
    active, noise = torch.randn(300, 4), torch.cat([torch.full((300, 4), 0.1), torch.ones(300, 4)], 1)
    half = torch.cat([active, torch.zeros(300, 4)], 1)
    copies = torch.randn(10, 6).repeat(30, 1)
    line = torch.randn(300, 1) @ torch.ones(1, 5)
    return {
        "collapsed latents": (half, noise, 20),
        "constant latents": (half, None, 20),
        "nothing but a constant": (torch.full((60, 3), 5.0), None, 4),
        "copies": (copies, None, 20),
        "blurred copies": (copies, torch.full_like(copies, 0.05), 20),
        "a line": (line, None, 8),
        "as many components as data": (torch.randn(30, 6), None, 30),
        "fewer data than dimensions": (torch.randn(10, 40), None, 3),
        "one datum": (torch.randn(1, 3), None, 1),
        "tiny": (1e-5 * torch.randn(200, 3), None, 5),
        "huge and far": (1e4 * torch.randn(200, 3) + 1e5, None, 5),
        "heavy tails": (torch.distributions.StudentT(1.0).sample((300, 3)), None, 10),
        "grids": (torch.randn(200, 2, 3), torch.ones(200, 2, 3), 5),
    }


CASES = _cases()


@pytest.mark.parametrize("case", CASES)
def test_whatever_the_latents_the_mixture_is_finite_and_so_are_its_gradients(case):
    """Without a warning, since warnings are errors here; the held-out part is half of the data and others."""
    loc, scale, components = CASES[case]
    encoded = Encoded(loc.unsqueeze(0), scale, ())
    rows = slice(0, len(loc) // 2 + 1)
    held_out = Encoded(loc[rows].unsqueeze(0), None if scale is None else scale[rows], ())
    prior = fitted(encoded, held_out, components)
    (z, _), p = scored_draws(encoded), prior()
    density = p.log_prob(z)
    density.mean().backward()
    weights = list(prior.parameters())
    for value in (density, p.variance, p.sample((100,)), *weights, *(weight.grad for weight in weights)):
        assert torch.isfinite(value).all()


def test_more_components_than_data_are_refused_with_the_cure():
    with pytest.raises(ValueError, match=r"lower prior\.components"):
        fitted(planted(8)[0], planted(8)[0], 20)
