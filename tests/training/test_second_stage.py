"""Any prior, from its own start, fitted to the latents of a model."""

import pytest
import torch
from torch import nn
from torch.distributions import Normal

from vaekit.heads import GMM, Diagonal, DiffusionPrior, Site, Standard
from vaekit.models import VAE
from vaekit.training import second_stage
from vaekit.training.prior import Encoded, PriorFit
from vaekit.training.second_stage import fit_second_stage

SITE = Site((2,), nn.Identity(), (2,))
MODEL = VAE(Standard().build(SITE), nn.Identity(), nn.Identity())


def gaussian(count, seed):
    """Return posteriors whose aggregate is a correlated Gaussian, and minus its entropy."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.tensor([[2.0, 0.0], [1.5, 0.5]])
    loc = torch.randn(count, 2, generator=generator) @ mix.T + torch.tensor([3.0, 0.0])
    covariance = mix @ mix.T + 0.09 * torch.eye(2)
    entropy = torch.distributions.MultivariateNormal(torch.zeros(2), covariance).entropy().item()
    return Encoded(loc.unsqueeze(0), torch.full((count, 2), 0.3), ()), -entropy


def rings(count, seed):
    """Return posteriors around a circle: what no Gaussian is."""
    angle = 6.2832 * torch.rand(count, generator=torch.Generator().manual_seed(seed))
    loc = 3 * torch.stack([angle.cos(), angle.sin()], 1)
    return Encoded(loc.unsqueeze(0), torch.full((count, 2), 0.3), ())


@pytest.mark.parametrize(
    "prior", [GMM(components=2, covariance="full"), DiffusionPrior(hidden=16)], ids=["em", "diffusion"]
)
def test_gaussian_latents_reach_minus_their_entropy(prior):
    train, held_out = gaussian(2000, 0)[0], gaussian(2000, 1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = prior.build(SITE)
    before, after = fit_second_stage(MODEL, module, train, held_out[0])
    assert before < held_out[1] - 2
    z = held_out[0].batch(torch.arange(2000), torch.Generator().manual_seed(5))[0]
    with torch.no_grad():
        assert module().log_prob(z).mean().item() == pytest.approx(held_out[1], abs=0.05)
    assert after == pytest.approx(held_out[1], abs=0.15)  # of 500 draws at the least


def test_what_was_before_is_the_score_of_the_models_own_prior():
    train, held_out = gaussian(400, 0)[0], gaussian(200, 1)[0]
    before, _ = fit_second_stage(MODEL, GMM(components=1, covariance="full").build(SITE), train, held_out)
    z = held_out.batch(torch.arange(200), torch.Generator().manual_seed(1))[0]
    assert before == pytest.approx(Normal(0.0, 1.0).log_prob(z).sum(1).mean().item(), rel=1e-5)


def test_a_diffusion_learns_what_no_gaussian_is(monkeypatch):
    settings = PriorFit(lr=1e-2, rounds=10, round_steps=50, patience=9)
    monkeypatch.setattr(second_stage, "_settings", lambda _, seed: settings)
    torch.manual_seed(0)
    train, held_out = rings(2000, 0), rings(1000, 1)
    begun, module = DiffusionPrior(hidden=32).build(SITE), DiffusionPrior(hidden=32).build(SITE)
    begun.place(train.draws[0])
    _, after = fit_second_stage(MODEL, module, train, held_out)
    z = held_out.batch(torch.arange(500), torch.Generator().manual_seed(1))[0]
    assert after > begun().log_prob(z).mean().item() + 0.3
    with torch.no_grad():
        radius = module().sample((2000,)).norm(dim=1)
    assert ((radius > 1.8) & (radius < 4.2)).double().mean() > 0.9


@pytest.mark.parametrize(
    "prior",
    [Diagonal(), GMM(components=3), GMM(components=3, covariance="full"), DiffusionPrior(hidden=8)],
    ids=["diagonal", "gmm", "full", "diffusion"],
)
@pytest.mark.parametrize("context", [0, 2])
def test_every_kind_gets_better_and_its_context_with_it(prior, context, monkeypatch):
    monkeypatch.setattr(
        second_stage, "_settings", lambda _, seed: PriorFit(rounds=4, round_steps=25, lr=1e-2, seed=seed)
    )

    def split(count, seed):
        """Return two clusters, between which the context decides."""
        which = torch.arange(count) % 2
        noise = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))
        loc = 0.5 * noise + torch.tensor([[4.0, 0.0], [-4.0, 0.0]])[which]
        return Encoded(
            loc.unsqueeze(0), torch.full((count, 2), 0.2), (nn.functional.one_hot(which).float(),) * bool(context)
        )

    torch.manual_seed(0)
    module = prior.build(Site((2,), nn.Identity(), (2,), context))
    before, after = fit_second_stage(MODEL, module, split(600, 0), split(200, 1))
    assert after > before + 1
    if context and prior.kind == "gmm":
        share = module(torch.eye(2)).log_prob(torch.tensor([[[4.0, 0.0], [4.0, 0.0]]]))[0]
        assert share[0] > share[1] + 0.5


def test_the_same_seed_is_the_same_prior_and_the_global_generator_stays():
    found = []
    for _ in range(2):
        torch.manual_seed(0)
        module = GMM(components=3, covariance="full").build(SITE)
        state = torch.get_rng_state()
        fit_second_stage(MODEL, module, gaussian(200, 0)[0], gaussian(100, 1)[0], 3)
        assert torch.equal(torch.get_rng_state(), state)
        found.append(module.state_dict())
    assert all(torch.equal(value, found[1][key]) for key, value in found[0].items())


def test_a_prior_without_weights_is_refused():
    with pytest.raises(ValueError, match="use gmm, flow"):
        fit_second_stage(MODEL, Standard().build(SITE), gaussian(8, 0)[0], gaussian(8, 1)[0])
