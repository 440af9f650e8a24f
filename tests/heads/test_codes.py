"""Priors over codes: normalised, what they draw, and readers of a codebook that is not theirs."""

import copy
import itertools
import math

import pytest
import torch
from torch import nn

from vaekit.distributions import point, temper
from vaekit.heads import VQ, Autoregressive, Bernoulli, Gaussian, Site, UniformCodes, conditional
from vaekit.models import VAE
from vaekit.nets import MLP, joined_size

PRIORS = [UniformCodes(), Autoregressive(units=6)]
every_prior = pytest.mark.parametrize("prior", PRIORS, ids=lambda prior: prior.kind)
CODES, LENGTH = 3, 3


def vae(prior, context=0):
    description, shape = VQ(codes=CODES, width=2), (8,)
    event = description.latent_event(LENGTH)
    net = MLP(widths=(12,))
    posterior = conditional(
        description, net.encoder(joined_size(shape, context)), given=shape, event=event, context=context
    )
    decoder = net.decoder(joined_size(event, context), shape)
    likelihood = conditional(Bernoulli(), decoder, given=event, event=shape, context=context)
    return VAE(prior.build(Site(event, posterior, shape, context)), posterior, likelihood).double()


def stirred(model):
    for p in model.prior.parameters():
        p.data.add_(0.7 * torch.randn_like(p))
    return model.eval()


def sequences(model):
    codes = torch.tensor(list(itertools.product(range(CODES), repeat=LENGTH)))
    return codes, model.posterior.codebook.vectors[codes]


@every_prior
def test_it_sums_to_one_over_all_sequences_and_is_what_it_draws(prior):
    model = stirred(vae(prior))
    with torch.no_grad():
        p = model.prior()
        codes, z = sequences(model)
        mass = p.log_prob(z).exp()
        drawn = model.posterior.codebook(p.sample((20_000,)))
    assert mass.sum().item() == pytest.approx(1, abs=1e-12)
    if isinstance(prior, Autoregressive):
        assert mass.max() > 2 * mass.min()
    share = torch.bincount(drawn @ torch.tensor([9, 3, 1]), minlength=27) / 20_000
    assert ((share - mass).abs() < 5 * (mass * (1 - mass) / 20_000).sqrt()).all() and len(codes) == 27


def test_it_is_causal_and_depends_on_what_came_before():
    net = stirred(vae(Autoregressive(units=6))).prior.net
    first, state = net.start(2)
    codes = torch.tensor([[0, 1, 2], [0, 2, 2]])
    logits, _ = net(torch.cat([first, codes[:, :-1]], 1), state)
    torch.testing.assert_close(logits[0, :2], logits[1, :2])
    assert not torch.allclose(logits[0, 2], logits[1, 2])


@every_prior
def test_it_begins_as_the_uniform_one(prior):
    model = vae(prior)
    p = model.prior().log_prob(sequences(model)[1])
    torch.testing.assert_close(p, torch.full((27,), -LENGTH * math.log(CODES), dtype=torch.float64))


def test_temperature_sharpens_every_place():
    p = stirred(vae(Autoregressive(units=6))).prior()
    z = p.codebook[torch.tensor(list(itertools.product(range(CODES), repeat=LENGTH)))]
    entropy = [-(q := temper(p, t).log_prob(z)).exp().dot(q).item() for t in (0.25, 1.0, 4.0)]
    assert entropy[0] < entropy[1] < entropy[2] < 3 * math.log(CODES)
    torch.testing.assert_close(temper(temper(p, 0.5), 2.0).log_prob(z), p.log_prob(z))
    coldest = temper(p, 1e-3)
    assert torch.equal(point(p), coldest.sample())


def test_a_context_makes_one_prior_per_datum():
    model = stirred(vae(Autoregressive(units=6), context=4))
    context = 3 * torch.randn(5, 4).double()
    p = model.prior(context)
    assert (p.batch_shape, p.event_shape) == ((5,), (LENGTH, 2))
    codes, z = sequences(model)
    log_prob = p.log_prob(z.unsqueeze(1))
    torch.testing.assert_close(log_prob.exp().sum(0), torch.ones(5).double())
    for i in range(5):
        torch.testing.assert_close(model.prior(context[i : i + 1]).log_prob(z.unsqueeze(1))[:, 0], log_prob[:, i])
    assert log_prob.std(1).max() > 0.1 and p.sample((7,)).shape == (7, 5, LENGTH, 2) and len(codes) == 27
    assert model.generate(5, context, prior_temperature=0).shape == (5, 8)


@every_prior
@pytest.mark.parametrize("context", [0, 4])
def test_the_bound_is_honest_and_exact_for_a_discrete_latent(prior, context):
    """log p(x) >= log p(x | z) + log p(z): here against the sum over all codes."""
    model = stirred(vae(prior, context))
    x, given = torch.randint(0, 2, (6, 8)).double(), (torch.randn(6, 4).double(),)[: bool(context)]
    with torch.no_grad():
        trace = model(x, *given, samples=2)
        _, z = sequences(model)
        z = z.unsqueeze(1).expand(-1, 6, -1, -1)
        joint = model.decode(z, context=given).log_prob(x) + model.prior(*given).log_prob(z)
    torch.testing.assert_close(trace.log_weight, (trace.log_likelihood - trace.kl))
    assert (trace.elbo <= joint.logsumexp(0)).all()
    assert (trace.elbo.unsqueeze(0) - joint).abs().amin(0).max() < 1e-12


def test_the_rate_trains_the_prior_and_nothing_else():
    model = stirred(vae(Autoregressive(units=6), context=4)).train()
    model(torch.rand(9, 8).double(), torch.randn(9, 4).double()).kl.mean().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.prior.parameters())
    assert all(p.grad is None for part in (model.posterior, model.likelihood) for p in part.parameters())


def test_the_prior_learns_the_codes():
    model = vae(Autoregressive(units=6))
    codes = torch.tensor([[0, 1, 2], [2, 1, 0]]).repeat(8, 1)
    optimizer = torch.optim.Adam(model.prior.parameters(), lr=0.05)
    for _ in range(80):
        loss = -model.prior().indices.log_prob(codes).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < math.log(2) + 0.1


@every_prior
def test_the_codebook_is_shared_and_registered_once(prior):
    model = stirred(vae(prior))
    names = [name for name in model.state_dict() if "codebook" in name]
    assert names and all(name.startswith("posterior.") for name in names)
    twin = copy.deepcopy(model)
    assert twin.prior._codebook[0] is twin.posterior.codebook is not model.posterior.codebook
    model.train()(torch.rand(30, 8).double())
    assert torch.equal(model.prior().codebook, model.posterior.codebook.vectors)
    assert not torch.equal(model.prior().codebook, twin.prior().codebook)
    twin.load_state_dict(model.state_dict())
    assert torch.equal(model.prior().codebook, twin.prior().codebook)


@every_prior
def test_every_weight_gets_a_gradient_under_autocast_too(prior):
    model = stirred(vae(prior)).float().train()
    with torch.autocast("cpu", torch.bfloat16):
        loss = -model(torch.randint(0, 2, (32, 8)).float()).elbo.mean()
    loss.backward()
    assert loss.dtype == torch.float32
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


@every_prior
def test_it_needs_a_codebook(prior):
    other = conditional(Gaussian(), nn.Linear(8, 4), given=(8,), event=(3,))
    with pytest.raises(ValueError, match="use posterior=vq"):
        prior.build(Site((3,), other, (8,)))
