import math

import pytest
import torch
from torch import nn
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from vaekit.distributions import kl
from vaekit.heads import Conditional, Full, Gumbel, LowRank, Poincare, PowerSpherical, Softplus, VonMisesFisher

CORRELATED = [Full(), Full(scale=Softplus()), LowRank(), LowRank(rank=2, scale=Softplus(floor=0.1))]


@pytest.mark.parametrize("family", CORRELATED, ids=repr)
def test_correlated_gaussians_begin_without_correlation(family):
    q = Conditional(nn.Linear(5, 8), family, given=(5,), event=(3,)).double()(10 * torch.randn(4, 5).double())
    torch.testing.assert_close(q.covariance_matrix, torch.eye(3).double().expand(4, 3, 3))
    assert q.mean.abs().sum() > 0


def test_every_covariance_can_be_had():
    factor = torch.tensor([[2.0, 0, 0], [-3.0, 0.5, 0], [1.0, 0.9, 0.1]]).double()
    scale = factor.diagonal()
    lower = (factor / scale[:, None])[*torch.tril_indices(3, 3, -1)]
    raw = {"loc": torch.zeros(3).double(), "scale": 2 * scale.log(), "lower": lower}
    torch.testing.assert_close(Full()(raw, (3,)).covariance_matrix, factor @ factor.T)


def test_one_latent_has_nothing_to_correlate_with():
    with pytest.raises(ValueError, match="latent=2 or more"):
        Full().heads((1,))


@pytest.mark.parametrize("family", CORRELATED, ids=repr)
def test_the_rate_of_a_correlated_gaussian_is_that_of_two_full_ones(family):
    raw = {key: torch.randn(6, *size).double() for key, size in family.heads((4,)).items()}
    q, p = family(raw, (4,)), Normal(torch.randn(4).double(), torch.rand(4).double() + 0.5)
    full = MultivariateNormal(q.mean, q.covariance_matrix)
    expected = kl_divergence(full, MultivariateNormal(p.loc, scale_tril=p.scale.diag()))
    torch.testing.assert_close(kl(q, Independent(p, 1)), expected)
    assert kl(q, Independent(torch.distributions.Laplace(p.loc, p.scale), 1)) is None


@pytest.mark.parametrize("family", [Full(), LowRank(), VonMisesFisher(), PowerSpherical()], ids=repr)
def test_posteriors_of_vectors_refuse_grids_of_latents(family):
    with pytest.raises(ValueError, match=r"latent vectors, but here a latent has the shape \(2, 4, 4\)"):
        family.heads((2, 4, 4))


@pytest.mark.parametrize("family", [VonMisesFisher(), PowerSpherical()], ids=repr)
def test_spheres_need_two_dimensions_and_begin_at_the_same_spread_in_all(family):
    with pytest.raises(ValueError, match="latent=2 or more"):
        family.latent_event(1)
    for d in (2, 20, 200):
        q = Conditional(nn.Linear(5, 8), family, given=(5,), event=(d,))(torch.randn(4, 5))
        torch.testing.assert_close(q.concentration, torch.full((4,), float(d)))
        assert 0.5 < q.cosine_moments()[0].min() < 0.75


def test_a_raw_output_without_direction_has_no_nan():
    raw = {"loc": torch.zeros(1, 3, requires_grad=True), "concentration": torch.zeros(1, 1)}
    q = VonMisesFisher()(raw, (3,))
    q.log_prob(q.rsample()).sum().backward()
    assert torch.isfinite(raw["loc"].grad).all()


def test_hyperbolic_centers_stay_where_single_precision_resolves_them():
    raw = {"loc": torch.randn(50, 2) * 1e3, "scale": torch.zeros(50, 2)}
    q = Poincare()(raw, (2,))
    assert (2 * torch.atanh(q.loc.norm(dim=-1)) < 6.01).all()
    near = {"loc": torch.tensor([[0.3, 0.4]]), "scale": torch.zeros(1, 2)}
    assert 2 * math.atanh(Poincare()(near, (2,)).loc.norm().item()) == pytest.approx(0.5, rel=0.01)


def test_categorical_latents_are_as_many_as_asked_for():
    family = Gumbel(classes=7)
    q = Conditional(nn.Linear(5, 8), family, given=(5,), event=family.latent_event(4))(torch.randn(3, 5))
    assert (q.batch_shape, q.event_shape) == ((3,), (4, 7)) and q.rsample((2,)).sum(-1).eq(1).all()
