"""The objective of vector-quantised autoencoders."""

import math

import pytest
import torch

from vaekit.heads import VQ, Autoregressive, Bernoulli, Gaussian, Site, Standard, UniformCodes, conditional
from vaekit.models import VAE
from vaekit.nets import MLP
from vaekit.objectives import VQELBO

NET = MLP(widths=(12,))


def vae(posterior=None, prior=None, codes=6):
    posterior = VQ(codes=codes, width=3) if posterior is None else posterior
    event = posterior.latent_event(4)
    q = conditional(posterior, NET.encoder((10,)), given=(10,), event=event)
    p = conditional(Bernoulli(), NET.decoder(event, (10,)), given=event, event=(10,))
    return VAE((prior or UniformCodes()).build(Site(event, q, (10,))), q, p)


def binary(n=8):
    return torch.randint(0, 2, (n, 10)).float()


@pytest.mark.parametrize("prior", [UniformCodes(), Autoregressive(units=5)], ids=lambda prior: prior.kind)
def test_the_loss_is_the_negative_bound_and_the_commitment(prior):
    trace = vae(prior=prior)(binary())
    q = trace.latents[0].q
    commitment = (q.value - q.encoded).square().sum((1, 2)).mean()
    loss = VQELBO(commitment=0.4)(trace)
    torch.testing.assert_close(loss.value, -trace.elbo.mean() + 0.4 * commitment)
    torch.testing.assert_close(loss.metrics["elbo"], trace.elbo.mean().detach())
    torch.testing.assert_close(VQELBO(commitment=0.0)(trace).value, -trace.elbo.mean())
    assert not any(metric.requires_grad for metric in loss.metrics.values())


def test_the_rate_of_the_uniform_prior_is_latent_log_k():
    metrics = VQELBO()(vae(codes=6)(binary())).metrics
    assert metrics["rate"].item() == pytest.approx(4 * math.log(6), rel=1e-6)
    torch.testing.assert_close(metrics["elbo"], -metrics["distortion"] - metrics["rate"])


def test_commitment_reaches_the_encoder_and_leaves_the_codebook():
    model = vae()
    trace = model(binary())
    with_it, without = VQELBO(commitment=1.0)(trace).value, VQELBO(commitment=0.0)(trace).value
    (with_it - without).backward()
    encoded = trace.latents[0].q.encoded
    assert all(p.grad is not None for p in model.posterior.parameters()) and encoded.requires_grad
    assert any(p.grad.any() for p in model.posterior.parameters())
    assert not any(p.grad is not None and p.grad.any() for p in model.likelihood.parameters())
    assert all(buffer.grad is None and not buffer.requires_grad for buffer in model.buffers())


def test_commitment_pulls_the_vectors_to_their_codes():
    model = vae()
    model.initialize(x := binary(64))
    optimizer = torch.optim.Adam(model.posterior.parameters(), lr=1e-2)
    distances = []
    for _ in range(30):
        loss = VQELBO(commitment=100.0)(model(x))
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
        distances.append(loss.metrics["commitment"].item())
    assert distances[-1] < distances[0] / 2


def test_perplexity_and_use_of_the_codes():
    model = vae(codes=6).eval()
    trace = model(binary(2))
    q = trace.latents[0].q
    q.codes = torch.tensor([[0, 0, 1, 1], [2, 2, 3, 3]])
    metrics = VQELBO()(trace).metrics
    assert metrics["perplexity"].item() == pytest.approx(4, rel=1e-6)
    assert metrics["codes_used"].item() == pytest.approx(4 / 6, rel=1e-6)
    q.codes = torch.zeros_like(q.codes)
    assert VQELBO()(trace).metrics["perplexity"].item() == pytest.approx(1, rel=1e-6)


def test_other_posteriors_are_refused_with_the_cure():
    with pytest.raises(ValueError, match="use posterior=vq"):
        VQELBO()(vae(Gaussian(), Standard())(binary()))


def test_the_loss_is_said_to_be_no_bound():
    assert not VQELBO().is_bound and "commitment" in VQELBO().what_it_is
