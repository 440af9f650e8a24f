"""The diffusion prior: a map whose density is exact, and the criterion that it is fitted by."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal, Normal
from torch.func import jacrev, vmap

from vaekit.distributions import point, temper
from vaekit.heads import Denoised, DiffusionPrior, Site


def built(size=3, context=0, moved=0.3, **keys):
    prior = DiffusionPrior(hidden=16, **keys).build(Site((size,), nn.Identity(), (4,), context)).double()
    for weight in prior.parameters():
        weight.data.add_(moved * torch.randn_like(weight))
    return prior.eval()


def correlated(count):
    scale = torch.tensor([[1.0, 0.0, 0.0], [2.0, 0.5, 0.0], [-1.0, 1.0, 3.0]]).double()
    return MultivariateNormal(torch.tensor([3.0, 0.0, -50.0]).double(), scale_tril=scale).sample((count,))


def test_it_begins_as_the_gaussian_of_the_latents():
    z, prior = correlated(500), built(moved=0)
    prior.place(z)
    expected = MultivariateNormal(z.mean(0), z.T.cov(correction=0)).log_prob(z)
    torch.testing.assert_close(prior().log_prob(z), expected, rtol=0, atol=0.01)


def test_the_density_is_the_change_of_variables_by_the_jacobian_of_the_map():
    prior = built(steps=100)
    prior.place(correlated(500))
    z, p = correlated(8), prior()
    with torch.no_grad():
        noise, _ = p.transform.inv.call_and_ladj(z)
        back, log_det = p.transform.call_and_ladj(noise)
    torch.testing.assert_close(back, z, rtol=0, atol=1e-4)
    jacobian = vmap(jacrev(lambda u: p.transform.call_and_ladj(u[None])[0][0]))(noise)
    torch.testing.assert_close(jacobian.detach().slogdet()[1], log_det, rtol=0, atol=1e-4)
    expected = Normal(0.0, 1.0).log_prob(noise).sum(1) - log_det
    torch.testing.assert_close(p.log_prob(z), expected, rtol=0, atol=1e-3)


def test_in_one_dimension_it_integrates_to_one_and_is_what_it_draws():
    prior = built(size=1, steps=24)
    prior.place(torch.randn(500, 1))
    with torch.no_grad():
        draws = prior().sample((20_000,))
        middle, width = draws.mean(), 20 * draws.std()
        z = torch.linspace(-width, width, 4001).double().unsqueeze(1) + middle
        mass = prior().log_prob(z).exp() * 2 * width / 4000
    assert mass.sum().item() == pytest.approx(1, abs=1e-3)
    mean = (mass * z[:, 0]).sum()
    spread = (mass * (z[:, 0] - mean).square()).sum().sqrt()
    assert (draws.mean() - mean).abs() < 5 * spread / math.sqrt(20_000)
    assert draws.std().item() == pytest.approx(spread.item(), rel=0.05)


def test_a_context_moves_the_draws_and_goes_with_its_row():
    prior, c = built(context=2), torch.randn(4, 2).double()
    p, z = prior(c), torch.randn(5, 4, 3).double()
    assert p.batch_shape == (4,) and p.sample((5,)).shape == (5, 4, 3)
    for i in range(4):
        torch.testing.assert_close(prior(c[i : i + 1]).log_prob(z[:, i : i + 1]), p.log_prob(z)[:, i : i + 1])
    assert (p.log_prob(z) - prior(c.flip(0)).log_prob(z)).abs().max() > 1e-3


def test_many_vectors_are_carried_along_in_parts(monkeypatch):
    prior, z = built(), torch.randn(2, 7, 3).double()
    whole = prior().log_prob(z)
    monkeypatch.setattr("vaekit.heads.priors.diffusion._AT_ONCE", 4)
    torch.testing.assert_close(prior().log_prob(z), whole)
    assert prior().sample((0,)).shape == (0, 3)


def test_cold_draws_gather_at_the_point():
    prior = built()
    assert point(prior()).shape == (3,)
    cold = temper(prior(), 1e-6).sample((20,))
    torch.testing.assert_close(cold, point(prior()).expand(20, 3), rtol=0, atol=1e-3)


@pytest.mark.parametrize("z", [torch.zeros(9, 3), torch.randn(2, 3), torch.randn(50, 1) @ torch.ones(1, 3)])
def test_latents_without_width_are_whitened_all_the_same(z):
    prior = Denoised((3,), 8)
    prior.place(z)
    assert torch.isfinite(prior().log_prob(z)).all() and torch.isfinite(prior.fitting_loss(z)).all()


def test_the_criterion_is_least_for_gaussian_latents_where_nothing_moves():
    """The mean velocity through every point is zero, and the error of it that of the targets: (pi / 2)^2 per dimension."""
    prior = Denoised((3,), 8)
    z = torch.randn(40_000, 3)
    prior.place(z)
    assert prior.fitting_loss(z).mean().item() == pytest.approx(3 * (math.pi / 2) ** 2, rel=0.02)


def test_it_refuses_to_be_trained_with_the_rest_and_says_what_to_do():
    assert not DiffusionPrior().joint
    with pytest.raises(ValueError, match=r"training\.second_stage=diffusion.*fit-prior"):
        built().initialize(torch.zeros(2, 4))
