"""Priors fitted to the latents of a trained model."""

import pytest
import torch
from torch import nn
from torch.distributions import Independent, MultivariateNormal, Normal

from vaekit.heads import GMM, Diagonal, FlowPrior, Site, Standard, Vamp
from vaekit.models import VAE
from vaekit.training.prior import Encoded, PriorFit, clusters, encode, fit_weights, place_by_clusters, score

QUICK = PriorFit(rounds=12, round_steps=25, lr=1e-2)


def clustered(count, seed=0):
    """Return posteriors in three clusters, of weights 1/2, 1/4 and 1/4."""
    generator = torch.Generator().manual_seed(seed)
    center = torch.tensor([[0.0, 4.0], [4.0, -2.0], [0.0, 4.0], [-4.0, -2.0]]).repeat(count // 4, 1)
    loc = center + 0.4 * torch.randn(count, 2, generator=generator)
    return Encoded(loc.unsqueeze(0), torch.full((count, 2), 0.3), ())


class Factorized(nn.Module):
    def forward(self, x):
        return Independent(Normal(x, 0.5 * torch.ones_like(x)), 1)


def built(prior):
    return prior.build(Site((2,), Factorized(), (2,)))


def entropy_bound():
    """Return E log p(z) of the best mixture, whose components hardly overlap: minus the entropy of the latents."""
    sd = (0.4**2 + 0.3**2) ** 0.5
    weights = torch.tensor([0.5, 0.25, 0.25])
    return (weights * weights.log()).sum().item() - 2 * Normal(0.0, sd).entropy().item()


def test_k_means_places_a_mixture_almost_at_the_optimum():
    prior = built(GMM(components=3))
    place_by_clusters(prior, clustered(800))
    z, _ = clustered(4000, 1).batch(torch.arange(4000), torch.Generator().manual_seed(0))
    assert prior().log_prob(z).mean().item() == pytest.approx(entropy_bound(), abs=0.05)
    torch.testing.assert_close(
        prior.logits.softmax(0).sort().values, torch.tensor([0.25, 0.25, 0.5]), atol=0.02, rtol=0
    )


@pytest.mark.parametrize(
    "prior", [GMM(components=3), FlowPrior(transforms=4, hidden=(32,)), Vamp(components=6)], ids=str
)
def test_a_fitted_prior_comes_near_the_entropy_of_the_latents(prior):
    module = built(prior)
    if isinstance(prior, GMM):
        place_by_clusters(module, clustered(800))
    elif isinstance(prior, Vamp):
        module.initialize(clustered(800).draws[0][:6])
    before = score(module, clustered(200, 1))
    fit_weights(module, clustered(800), clustered(200, 1), QUICK)
    after = score(module, clustered(200, 1))
    assert after > before or isinstance(prior, GMM)
    assert entropy_bound() - 1.2 < after < entropy_bound() + 0.25


def test_the_best_weights_on_held_out_data_are_kept():
    """An enormous learning rate makes every later round worse than the start."""
    module = built(GMM(components=3))
    place_by_clusters(module, clustered(800))
    start = {key: value.clone() for key, value in module.state_dict().items()}
    before = score(module, clustered(200, 1))
    fit_weights(module, clustered(800), clustered(200, 1), PriorFit(lr=30.0, rounds=3, round_steps=2))
    after = score(module, clustered(200, 1))
    assert before == after
    assert all(torch.equal(value, start[key]) for key, value in module.state_dict().items())


def test_fitting_is_reproducible():
    found = []
    for _ in range(2):
        torch.manual_seed(0)
        module = built(Diagonal())
        fit_weights(module, clustered(80), clustered(40, 1), PriorFit(rounds=2, round_steps=5))
        found.append(module.state_dict())
    assert all(torch.equal(value, found[1][key]) for key, value in found[0].items())


def test_a_prior_without_weights_is_refused():
    with pytest.raises(ValueError, match="use gmm, flow"):
        fit_weights(built(Standard()), clustered(8), clustered(8))


def test_more_components_than_data_are_refused_with_the_cure():
    with pytest.raises(ValueError, match=r"lower prior\.components"):
        place_by_clusters(built(GMM(components=20)), clustered(8))


class Correlated(nn.Module):
    def forward(self, x):
        return MultivariateNormal(x, torch.tensor([[1.0, 0.9], [0.9, 1.0]]).expand(len(x), 2, 2))


@pytest.mark.parametrize(("posterior", "sd"), [(Correlated(), 1.0), (Factorized(), 0.5)], ids=["draws", "means"])
def test_data_are_encoded_once_and_drawn_from_often(posterior, sd):
    model = VAE(built(Standard()), posterior, nn.Identity())
    encoded = encode(model, torch.zeros(4000, 2).split(1000), lambda x: x)
    assert len(encoded) == 4000
    generator = torch.Generator().manual_seed(0)
    first, second = (encoded.batch(torch.arange(4000), generator)[0] for _ in range(2))
    assert not torch.equal(first, second)
    torch.testing.assert_close(first.std(0), torch.full((2,), sd), rtol=0.1, atol=0)
    correlation = torch.corrcoef(first.T)[0, 1].item()
    assert correlation == pytest.approx(0.9 if isinstance(posterior, Correlated) else 0.0, abs=0.06)


def test_a_context_goes_with_its_data():
    encoded = Encoded(torch.arange(6.0).view(1, 6, 1), torch.zeros(6, 1), (torch.arange(6.0).view(6, 1),))
    z, (context,) = encoded.batch(torch.tensor([4, 1]), torch.Generator())
    assert torch.equal(z, context) and z.flatten().tolist() == [4.0, 1.0]


@pytest.mark.filterwarnings("error")
def test_fewer_distinct_points_than_clusters_leave_some_empty_without_a_warning():
    points = torch.tensor([[0.0], [1.0], [5.0]]).repeat(4, 1)
    labels = clusters(Encoded(points.unsqueeze(0), None, ()), 5)
    assert len(labels.unique()) == 3
    assert torch.equal(labels[:3].repeat(4), labels)
