"""Bounds against exact evidences and slow references, and the promise to leave the model alone."""

from __future__ import annotations

import copy
import json
import math

import pytest
import torch
from torch import nn
from torch.distributions import Independent, MultivariateNormal, Normal

from vaekit.data import sequential
from vaekit.evaluation import Bounds, bounds
from vaekit.heads import Bernoulli, StandardNormal
from vaekit.modalities import ImageVAE
from vaekit.models import VAE, Groups, Latent, Trace
from vaekit.nets import MLP
from vaekit.training import validate

OBSERVED, LATENT, NOISE = 6, 2, 0.7


class Posterior(nn.Module):
    """The exact posterior of the linear-Gaussian model, its scale multiplied and its mean moved."""

    def __init__(self, weight, offset, widen, move):
        super().__init__()
        precision = torch.eye(LATENT) + weight.T @ weight / NOISE**2
        assert torch.allclose(precision, precision.diag().diag(), atol=1e-5)  # orthogonal columns: it factorises
        self.gain = nn.Parameter(precision.inverse() @ weight.T / NOISE**2)
        self.offset, self.move = nn.Parameter(offset), move
        self.scale = nn.Parameter(widen * precision.diag().rsqrt())

    def forward(self, x):
        loc = (x - self.offset) @ self.gain.T + self.move
        return Independent(Normal(loc, self.scale.expand_as(loc)), 1)


class Likelihood(nn.Module):
    def __init__(self, weight, offset):
        super().__init__()
        self.weight, self.offset = nn.Parameter(weight), nn.Parameter(offset)

    def forward(self, z):
        return Independent(Normal(z @ self.weight.T + self.offset, NOISE), 1)


def linear_gaussian(widen=1.0, move=0.0):
    torch.manual_seed(0)
    weight = torch.linalg.qr(torch.randn(OBSERVED, LATENT))[0] * torch.tensor([1.5, 0.8])
    offset = torch.randn(OBSERVED)
    evidence = MultivariateNormal(
        offset.double(), weight.double() @ weight.double().T + NOISE**2 * torch.eye(OBSERVED).double()
    )
    model = VAE(StandardNormal((LATENT,)), Posterior(weight, offset, widen, move), Likelihood(weight, offset))
    return model, evidence


def observed(evidence, n=40):
    torch.manual_seed(1)
    return evidence.sample((n,)).float()


def image_model(norm="batch", dropout=0.3):
    torch.manual_seed(0)
    net = MLP(widths=(16,), norm=norm, dropout=dropout)
    vae = ImageVAE(shape=(1, 6, 6), latent=3, net=net, likelihood=Bernoulli(binarize="threshold"))
    model = vae.build()
    images = torch.randint(0, 256, (23, 6, 6, 1), dtype=torch.uint8)
    model.train()
    for _ in range(5):
        model(vae.view().prepare(images))  # running statistics that are not those of the start
    return model, vae.view().prepare, images


def in_batches(values, size):
    return list(sequential(values, torch.arange(len(values)), size))


class Counter:
    """Counts the rows that go through encoder and decoder, in front of the nets."""

    def __init__(self, model):
        self.encoded = self.decoded = 0
        self.largest = 0
        model.posterior.register_forward_hook(self._encoder)
        model.likelihood.register_forward_hook(self._decoder)

    def _encoder(self, _module, given, _out):
        self.encoded += len(given[0])

    def _decoder(self, _module, given, _out):
        rows = given[0].shape[:-1].numel()
        self.decoded += rows
        self.largest = max(self.largest, rows)


@pytest.mark.parametrize("samples", [1, 10, 100, 150, 250])
@pytest.mark.parametrize("rows", [1, 7, 64, 700, 10**6])
def test_uses_exactly_as_many_samples_as_asked(samples, rows):
    """D1 and O8: K decoded rows per datum, whatever the chunks, and one encoded row."""
    if rows == 1 and samples > 10:
        rows = 3
    model, evidence = linear_gaussian()
    counter = Counter(model)
    found = bounds(model, in_batches(observed(evidence, 13), 5), samples=samples, rows=rows)
    assert counter.decoded == 13 * samples
    assert counter.encoded == 13
    assert counter.largest <= max(rows, 5)
    assert found.samples == samples
    assert found.iw.shape == found.elbo.shape == found.ess.shape == (13,)


class Recording(VAE):
    """Remembers every draw."""

    def trace(self, x, evidence, samples=1):
        trace = super().trace(x, evidence, samples)
        self.drawn.append(trace.latents[0].z)
        return trace


@pytest.mark.parametrize("rows", [23, 100, 5000])
def test_equals_a_slow_reference_on_the_same_noise(rows):
    """Every image alone, every sample alone, in double precision."""
    model, prepare, images = image_model()
    model.__class__, model.drawn = Recording, []
    found = bounds(model, [images], prepare=prepare, samples=30, rows=rows)
    z = torch.cat(model.drawn).double()
    assert z.shape == (30, 23, 3)

    double = copy.deepcopy(model).double().eval()
    x = prepare(images).double()
    with torch.no_grad():
        for i in range(23):
            q = double.encode(x[i : i + 1])
            log_weights, log_likelihoods = [], []
            for k in range(30):
                log_likelihood = double.decode(z[k, i].unsqueeze(0)).log_prob(x[i : i + 1])
                prior = Normal(0.0, 1.0).log_prob(z[k, i]).sum()
                log_weights.append((log_likelihood + prior - q.log_prob(z[k, i])).item())
                log_likelihoods.append(log_likelihood.item())
            mu, sigma = q.base_dist.loc, q.base_dist.scale
            kl = 0.5 * (mu**2 + sigma**2 - 1 - 2 * sigma.log()).sum().item()
            top = max(log_weights)
            weights = [math.exp(w - top) for w in log_weights]
            assert found.iw[i].item() == pytest.approx(top + math.log(sum(weights) / 30), abs=1e-4)
            assert found.elbo[i].item() == pytest.approx(sum(log_likelihoods) / 30 - kl, abs=1e-4)
            assert found.rate[i].item() == pytest.approx(kl, abs=1e-4)
            assert found.distortion[i].item() == pytest.approx(-sum(log_likelihoods) / 30, abs=1e-4)
            assert found.ess[i].item() == pytest.approx(sum(weights) ** 2 / sum(w * w for w in weights), rel=1e-3)
            assert found.means[i].tolist() == pytest.approx(mu[0].tolist(), abs=1e-5)


class Addressed(VAE):
    """Draws the k-th latent of a datum from a table, so that chunks cannot change the noise."""

    def trace(self, x, evidence, samples=1):
        noise = self.table[self.next : self.next + samples, : len(x)]
        self.next += samples
        q = evidence.posterior
        z = q.mean + q.stddev * noise
        return Trace(x, self.likelihood(z), (Latent(z, q, evidence.prior),))


def test_chunks_change_nothing():
    """O8: chunks that divide K and chunks that do not give one number, not log(1200 / 1000) more."""
    model, evidence = linear_gaussian(widen=1.4)
    x = observed(evidence, 4)
    model.__class__, model.table = Addressed, torch.randn(1000, 4, LATENT)
    found = []
    for chunk in (1000, 500, 300, 7, 999):
        model.next = 0
        found.append(bounds(model, [x], samples=1000, rows=4 * chunk))
        assert model.next == 1000
    for other in found[1:]:
        for name in ("iw", "elbo", "ess", "distortion", "rate"):
            torch.testing.assert_close(getattr(other, name), getattr(found[0], name), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("samples", [1, 10, 64])
def test_exact_posterior_gives_the_exact_evidence(samples):
    """D2: log-likelihoods with their sign; all weights are equal, so the samples count in full."""
    model, evidence = linear_gaussian()
    x = observed(evidence)
    found = bounds(model, in_batches(x, 16), samples=samples)
    exact = evidence.log_prob(x.double())
    torch.testing.assert_close(found.iw, exact, rtol=0, atol=2e-5)
    torch.testing.assert_close(found.ess, torch.full((40,), float(samples)).double(), rtol=1e-5, atol=0)
    for size in (1, 7, 40):
        again = bounds(model, in_batches(x, size), samples=samples)
        torch.testing.assert_close(again.iw, found.iw, rtol=0, atol=2e-5)
        torch.testing.assert_close(again.rate, found.rate, rtol=0, atol=2e-5)


def test_elbo_of_the_exact_posterior_is_the_evidence_within_its_noise():
    model, evidence = linear_gaussian()
    x = observed(evidence)
    found = bounds(model, in_batches(x, 16), samples=2000, rows=40_000)
    error = found.elbo - evidence.log_prob(x.double())
    assert abs(error.mean().item()) < 5 * error.std().item() / math.sqrt(len(x))
    assert error.std().item() < 0.1


def test_bounds_are_ordered_and_reach_the_evidence():
    """D2 and D7: ELBO <= IW_10 <= IW_5000 <= log p(x) up to noise, and larger is better."""
    model, evidence = linear_gaussian(widen=1.5, move=0.3)
    x = observed(evidence)
    exact = evidence.log_prob(x.double()).mean().item()
    few, many = (bounds(model, in_batches(x, 20), samples=k, rows=20_000) for k in (10, 5000))
    elbo, small, large = many.estimate("elbo").nats, few.estimate("iw").nats, many.estimate("iw").nats
    assert elbo < small - 0.05 < large
    assert small < exact - 0.01
    assert large == pytest.approx(exact, abs=0.01)
    worse, _ = linear_gaussian(widen=3.0, move=1.0)
    assert bounds(worse, [x], samples=100).estimate("elbo").nats < elbo - 1


def test_model_mode_statistics_and_generator_are_left_alone():
    """D3."""
    model, prepare, images = image_model()
    model.posterior.eval()
    modes = [module.training for module in model.modules()]
    assert len(set(modes)) == 2
    before = {name: value.clone() for name, value in model.state_dict().items()}
    generator = torch.get_rng_state()
    found = bounds(model, in_batches(images, 6), prepare=prepare, samples=5)
    assert torch.get_rng_state().equal(generator)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert all(p.requires_grad for p in model.parameters())
    assert not any(getattr(found, name).requires_grad for name in ("elbo", "iw", "ess", "distortion", "rate", "means"))
    assert torch.is_grad_enabled()


def test_no_graph_is_made():
    """D3."""
    model, prepare, images = image_model()
    graphs = []
    model.likelihood.heads.register_forward_hook(
        lambda _module, _given, out: graphs.extend(raw.grad_fn for raw in out.values())
    )
    bounds(model, [images], prepare=prepare, samples=3)
    assert graphs
    assert not any(graphs)


def test_mode_and_generator_make_no_difference_but_the_seed_does():
    """D3: dropout and batch norm are in the net, and stay out of the number."""
    model, prepare, images = image_model()

    def evaluate(seed=0):
        return bounds(model, in_batches(images, 6), prepare=prepare, samples=5, seed=seed)

    model.train()
    training = evaluate()
    torch.manual_seed(123)
    model.eval()
    assert evaluate().iw.equal(training.iw)
    assert evaluate().elbo.equal(training.elbo)
    assert not evaluate(seed=1).iw.equal(training.iw)


def test_an_error_inside_leaves_the_model_alone():
    model, _, _ = image_model()
    generator = torch.get_rng_state()
    with pytest.raises(ValueError, match="expected a batch"):
        bounds(model, [torch.zeros(3, 5)])
    assert model.training
    assert torch.is_grad_enabled()
    assert torch.get_rng_state().equal(generator)


def test_partitions_agree_within_noise():
    model, prepare, images = image_model()
    whole, parts = (bounds(model, in_batches(images, size), prepare=prepare, samples=200) for size in (23, 4))
    for name in ("elbo", "iw"):
        difference = getattr(whole, name) - getattr(parts, name)
        assert difference.abs().max() > 0  # other noise
        assert abs(difference.mean().item()) < 5 * difference.std().item() / math.sqrt(23)
    torch.testing.assert_close(whole.rate, parts.rate, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(whole.means, parts.means, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("samples", [1, 2, 50])
def test_effective_sample_size_lies_between_one_and_k(samples):
    model, evidence = linear_gaussian(widen=4.0, move=3.0)
    ess = bounds(model, [observed(evidence)], samples=samples).ess
    assert ess.min() >= 1 - 1e-9
    assert ess.max() <= samples + 1e-9
    if samples == 50:
        assert ess.mean() < 25


def test_rate_per_dimension():
    model, evidence = linear_gaussian(widen=1.5)
    found = bounds(model, in_batches(observed(evidence), 7), samples=3)
    assert found.rate_per_dimension.shape == (LATENT,)
    assert found.rate_per_dimension.sum().item() == pytest.approx(found.rate.mean().item(), rel=1e-5)
    assert found.active_units == LATENT
    assert found.means.shape == (40, LATENT)


class Correlated(nn.Module):
    """A posterior that does not factorise: there is no rate per dimension, but one in closed form."""

    def __init__(self, posterior):
        super().__init__()
        self.posterior = posterior

    def forward(self, x):
        q = self.posterior(x).base_dist
        return MultivariateNormal(q.loc, scale_tril=q.scale.diag_embed())


def test_posterior_that_does_not_factorise():
    model, evidence = linear_gaussian()
    factorised = bounds(model, [observed(evidence)], samples=2000, rows=80_000)
    model.posterior = Correlated(model.posterior)
    found = bounds(model, in_batches(observed(evidence), 20), samples=2000, rows=3001)
    assert found.rate_per_dimension is None
    torch.testing.assert_close(found.iw, factorised.iw, rtol=0, atol=3e-5)
    torch.testing.assert_close(found.elbo, evidence.log_prob(observed(evidence).double()), rtol=0, atol=0.1)
    torch.testing.assert_close(found.rate, factorised.rate, rtol=0, atol=1e-5)


def made(elbo, **changes):
    values = torch.tensor(elbo)
    fields = {"elbo": values, "iw": values + 1, "ess": values * 0 + 2, "distortion": -values, "rate": values * 0}
    rest = {
        "rate_per_dimension": None,
        "means": torch.zeros(len(elbo), 2),
        "samples": 7,
        "sizes": torch.full_like(values, 10),
        "groups": Groups(((2,),), (1,)),
    }
    return Bounds(**{**fields, **rest, **changes})


def test_estimates_standard_errors_and_bits():
    found = made([-10.0, -12.0, -17.0, -13.0])
    estimate = found.estimate("elbo")
    assert estimate.nats == -13.0
    assert estimate.se == pytest.approx(math.sqrt((9 + 1 + 16 + 0) / 3) / 2)
    assert estimate.bits_per_dim == pytest.approx(13.0 / (10 * math.log(2)))
    assert found.estimate("iw").nats == -12.0
    assert math.isnan(made([-1.0]).estimate("elbo").se)


def test_bits_per_dim_of_a_fair_coin():
    """One bit per pixel: a decoder that ignores z, with logits of 0, codes each binary pixel in one bit."""
    model, prepare, images = image_model(norm="none", dropout=0.0)
    for p in model.parameters():
        nn.init.zeros_(p)
    found = bounds(model, [images], prepare=prepare, samples=4)
    assert found.dimensions == 36
    assert found.estimate("iw").bits_per_dim == pytest.approx(1.0, abs=1e-5)


def test_log_jacobian_moves_every_bound():
    model, evidence = linear_gaussian(widen=1.5)
    x = observed(evidence)
    plain, moved = (bounds(model, [x], samples=9, log_jacobian=value) for value in (0.0, -2.5))
    for name, sign in (("elbo", 1), ("iw", 1), ("distortion", -1), ("rate", 0), ("ess", 0)):
        torch.testing.assert_close(getattr(moved, name), getattr(plain, name) - 2.5 * sign)
    torch.testing.assert_close(moved.elbo, -moved.distortion - moved.rate)


def test_log_jacobian_is_that_of_the_rescaling():
    """The density of 3 x + 1 is that of x over 3 per dimension."""
    model, evidence = linear_gaussian()
    x = observed(evidence)
    found = bounds(model, [3 * x + 1], prepare=lambda y: (y - 1) / 3, samples=5, log_jacobian=-OBSERVED * math.log(3))
    rescaled = MultivariateNormal(3 * evidence.loc + 1, 9 * evidence.covariance_matrix)
    torch.testing.assert_close(found.iw, rescaled.log_prob((3 * x + 1).double()), rtol=0, atol=5e-5)


def test_summary_is_plain():
    model, evidence = linear_gaussian()
    found = bounds(model, in_batches(observed(evidence), 9), samples=6)
    summary = json.loads(json.dumps(found.summary(), allow_nan=False))
    assert summary == found.summary()
    assert set(summary) == {"n", "bounds", "rate", "distortion", "active_units", "dimensions"}
    assert (summary["n"], summary["dimensions"], summary["active_units"]) == (40, OBSERVED, LATENT)
    assert summary["bounds"]["iw"]["samples"] == 6
    assert summary["bounds"]["iw"]["ess"] == pytest.approx(6)
    assert summary["bounds"]["elbo"]["nats"] == pytest.approx(-summary["distortion"] - summary["rate"])


@pytest.mark.parametrize("batches", [[], (), iter(())])
def test_empty_data_are_refused(batches):
    model, _ = linear_gaussian()
    with pytest.raises(ValueError, match="no data to evaluate"):
        bounds(model, batches)


def test_an_empty_batch_among_others_counts_nothing():
    model, evidence = linear_gaussian()
    x = observed(evidence, 5)
    assert len(bounds(model, [x, x[:0]], samples=3).iw) == 5
    with pytest.raises(ValueError, match="no data to evaluate"):
        bounds(model, [x[:0]], samples=3)


@pytest.mark.parametrize("wrong", [{"samples": 0}, {"rows": 0}, {"samples": -5}])
def test_wrong_numbers_are_refused(wrong):
    model, evidence = linear_gaussian()
    with pytest.raises(ValueError, match="at least 1"):
        bounds(model, [observed(evidence)], **wrong)


def test_evaluation_and_validation_agree():
    """D4: the bound that selects a model and the one that is reported are the same quantity."""
    model, prepare, images = image_model()
    validated = [validate(model, [images], prepare) for _ in range(2)]
    assert validated[0] == validated[1]
    found = bounds(model, [images], prepare=prepare, samples=1)
    assert found.estimate("elbo").nats == pytest.approx(validated[0].elbo, rel=1e-5)
    assert found.active_units == validated[0].active_units
    assert found.rate_per_dimension.tolist() == pytest.approx(validated[0].rate_per_dimension, rel=1e-4)
