"""The gaps against closed forms: none where the encoder is exact, the known divergence where it is not."""

from __future__ import annotations

import json

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from laws.linear_gaussian import evidence as evidence_of, linear_gaussian
from laws.members import POSTERIORS, name
from vaekit.evaluation.amortization import amortization
from vaekit.heads import Bernoulli
from vaekit.modalities import ImageVAE
from vaekit.nets import MLP

REAL = ("gaussian", "laplace", "floored", "batch_norm", "full", "lowrank", "iaf", "maf", "realnvp", "spline", "planar")


def test_there_is_no_gap_where_the_encoder_is_exact():
    torch.manual_seed(0)
    model, evidence = linear_gaussian()
    x = evidence.sample((60,))
    found = amortization(model, x)
    assert found.amortization_gap.nats == pytest.approx(0, abs=1e-3)
    assert found.approximation_gap.nats == pytest.approx(0, abs=1e-3)
    assert torch.allclose(found.evidence, evidence.log_prob(x), atol=1e-2)


@pytest.mark.parametrize(
    "wrong", [{"shift": 0.3}, {"stretch": 2.0}, {"stretch": 0.5}, {"shift": -0.2, "stretch": 1.5}], ids=str
)
def test_the_gap_of_a_spoiled_encoder_is_its_divergence_from_the_exact_posterior(wrong):
    torch.manual_seed(0)
    model, evidence = linear_gaussian(**wrong)
    torch.manual_seed(0)
    exact, _ = linear_gaussian()
    x = evidence.sample((60,))
    known = kl_divergence(model.encode(x), exact.encode(x)).mean().item()
    found = amortization(model, x, evidence=evidence.log_prob(x), samples=1000)
    assert known > 0.1
    assert found.amortization_gap.nats == pytest.approx(known, rel=0.03)
    assert found.approximation_gap.nats == pytest.approx(0, abs=0.03)
    assert (found.refined >= found.elbo).all()


def test_the_approximation_gap_of_independent_dimensions_is_known():
    torch.manual_seed(0)
    model, _ = linear_gaussian(dims=3, latent=2)
    loading = torch.tensor([[1.0, 0.8], [0.5, -0.2], [0.0, 1.0]]).double()
    model.likelihood.heads["loc"].weight.data.copy_(loading)
    bias = model.posterior.bias
    precision = torch.eye(2) + loading.T @ loading / 0.25
    covariance = precision.inverse()

    class MeanField(torch.nn.Module):
        def forward(self, x):
            loc = (x - bias) @ loading / 0.25 @ covariance
            return Independent(Normal(loc, precision.diag().rsqrt().expand_as(loc)), 1)

    class Exact(torch.nn.Module):
        def forward(self, x):
            return MultivariateNormal((x - bias) @ loading / 0.25 @ covariance, covariance.expand(len(x), 2, 2))

    evidence = evidence_of(loading, bias, 0.25)
    x = evidence.sample((100,))
    model.posterior = MeanField()
    found = amortization(model, x, evidence=evidence.log_prob(x), samples=400)
    known = 0.5 * (precision.diag().log().sum() - precision.logdet()).item()
    assert known > 0.05
    assert found.approximation_gap.nats == pytest.approx(known, rel=0.05)
    assert found.amortization_gap.nats == pytest.approx(0, abs=0.005)
    model.posterior = Exact()  # better than any Gaussian with independent dimensions, so it is kept
    found = amortization(model, x, evidence=evidence.log_prob(x))
    assert (found.refined == found.elbo).any()
    assert found.amortization_gap.nats == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("posterior", POSTERIORS, ids=name)
def test_every_posterior_on_real_vectors_has_a_gap_and_others_are_refused(posterior):
    torch.manual_seed(0)
    vae = ImageVAE(shape=(1, 4, 4), latent=2, net=MLP(widths=(8,)), posterior=posterior, likelihood=Bernoulli())
    model, x = vae.build().eval(), (torch.rand(6, 1, 4, 4) > 0.5).float()
    if posterior.kind not in REAL:
        with pytest.raises(ValueError, match=r"density|real vectors"):
            amortization(model, x, steps=3, samples=5)
        return
    found = amortization(model, x, steps=30, samples=20)
    assert found.amortization_gap.nats > -0.05
    assert found.approximation_gap.nats >= 0
    assert torch.isfinite(found.refined).all()


def test_leaves_model_and_generator_alone_and_is_repeatable():
    torch.manual_seed(0)
    vae = ImageVAE(
        shape=(1, 4, 4), latent=2, net=MLP(widths=(8,), norm="batch", dropout=0.3), likelihood=Bernoulli(),
        condition="context", context=2,
    )  # fmt: skip
    model, x, context = vae.build().train(), (torch.rand(6, 1, 4, 4) > 0.5).float(), torch.randn(6, 2)
    before, state = torch.get_rng_state(), [b.clone() for b in model.state_dict().values()]
    first = amortization(model, x, context, steps=5, samples=5)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), state, strict=True))
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    assert amortization(model, x, context, steps=5, samples=5).summary() == first.summary()
    assert set(json.loads(json.dumps(first.summary()))) >= {"amortization_gap", "approximation_gap", "n"}
    with pytest.raises(ValueError, match="need data"):
        amortization(model, x[:0], context[:0])
