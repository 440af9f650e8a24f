"""The laws of text VAEs, for every kind of net: all texts have the mass one, and every bound is one on it."""

import math

import pytest
import torch

from distributions.toy import every_text
from vaekit.data import texts_to_dataset
from vaekit.distributions import EOS, PAD, UNK, Decoding, point
from vaekit.evaluation import bounds
from vaekit.heads import AnyPrior, Posterior
from vaekit.modalities import TextVAE
from vaekit.models import evaluating
from vaekit.nets import CausalConv, Recurrent, Transformer

from .members import POSTERIORS, PRIORS, members, name

VOCABULARY, LENGTH = 6, 3  # three tokens, one of which is UNK
NETS = {
    "lstm": Recurrent(kind="lstm", embedding=6, hidden=8, encoder_layers=1),
    "gru": Recurrent(kind="gru", embedding=6, hidden=8, encoder_layers=1),
    "transformer": Transformer(width=8, heads=2, layers=1),
    "cnn": CausalConv(width=8, dilations=(1, 2)),
}
BOUNDED = [posterior for posterior in POSTERIORS if posterior.kind not in ("delta", "vq")]
"""Posteriors that the ELBO trains; the others have objectives of their own."""
every_net = pytest.mark.parametrize("net", NETS)
both = pytest.mark.parametrize("net", ["lstm", "transformer"])


def text_vae(net, latent=1, strength=0.3, **keys):
    """Return a model whose decoder hears z, and all texts."""
    model = TextVAE(vocabulary=VOCABULARY, length=LENGTH, latent=latent, net=NETS[net], **keys).build()
    with torch.no_grad():
        for weight in model.likelihood.parameters():
            weight += strength * torch.randn_like(weight)
    return model.eval(), every_text(VOCABULARY, LENGTH)


def with_grid(model, x):
    """Return the exact log-probability of texts, z integrated out on a grid: `(N,)`, in double precision."""
    z = torch.linspace(-9, 9, 401, dtype=torch.float64).unsqueeze(1)
    prior = -0.5 * z[:, 0] ** 2 - 0.5 * math.log(2 * math.pi) + math.log(z[1, 0] - z[0, 0])
    with torch.no_grad():
        found = torch.logsumexp(model.double().decode(z).log_prob(x.unsqueeze(1)) + prior, 1)
    model.float()
    return found


def taught(model, x, steps=40):
    """Train the posterior alone, so that importance weights are even."""
    optimizer = torch.optim.Adam(model.posterior.parameters(), lr=0.03)
    for _ in range(steps):
        optimizer.zero_grad()
        (-model(x, samples=8).elbo.mean()).backward()
        optimizer.step()
    return model.requires_grad_(False)


def bounds_of(model, x, samples):
    return bounds(model, [x], prepare=torch.Tensor.long, samples=samples, sizes=lambda x: (x != PAD).sum(1))


@every_net
@pytest.mark.parametrize("keys", [{}, {"tie": True}, {"skip": True}], ids=str)
def test_the_mass_of_all_texts_is_one_with_z_integrated_out(net, keys):
    model, x = text_vae(net, **keys)
    assert with_grid(model, x).exp().sum().item() == pytest.approx(1, abs=1e-9)


@both
def test_the_importance_weighted_bound_is_the_integral_over_z(net):
    model, x = text_vae(net)
    exact, found = with_grid(model, x), bounds_of(taught(model, x), x, 5000)
    error = found.iw - exact
    assert abs(error.mean().item()) < 1e-3
    assert found.iw.exp().sum().item() == pytest.approx(1, abs=1e-3)
    # A text by itself is as near as its even weights allow.
    assert (error.abs() < 5 * (1 / found.ess - 1 / 5000).clamp_min(0).sqrt() + 1e-4).all()
    assert found.elbo.mean() < exact.mean()


@both
def test_bounds_rise_in_k_to_the_evidence(net):
    model, x = text_vae(net, strength=0.6)
    exact, held = with_grid(model, x), x.repeat(40, 1)
    means = [bounds_of(model, held, samples).iw.mean().item() for samples in (1, 3, 30)]
    assert means == sorted(means) and means[-1] < exact.mean().item() + 1e-3


@every_net
def test_the_language_model_is_exact(net):
    """Rate 0, one bound, and z, of which there is one for the sake of the type, changes nothing."""
    model, x = text_vae(net, model="lm")
    found = bounds_of(model, x, 7)
    assert torch.equal(found.rate, torch.zeros(len(x), dtype=torch.float64)) and found.active_units == 0
    torch.testing.assert_close(found.elbo, found.iw, rtol=0, atol=1e-12)
    assert found.elbo.exp().sum().item() == pytest.approx(1, abs=1e-5)
    near, far = (model.decode(torch.full((1, 1), value)).log_prob(x) for value in (0.0, 50.0))
    assert torch.equal(near, far)
    trace = model(x)
    assert all(weight.requires_grad for weight in model.parameters()) and trace.elbo.requires_grad


@both
def test_a_text_alone_equals_itself_in_a_padded_batch(net):
    torch.manual_seed(1)
    model = TextVAE(vocabulary=20, length=12, latent=3, net=NETS[net]).build().eval()
    x = torch.randint(4, 20, (7, 12))
    for i, row in enumerate(x):
        row[i + 1 :] = PAD
        row[i] = EOS
    q = model.encode(x)
    together = model.decode(q.mean).log_prob(x)
    for i, row in enumerate(x.split(1)):
        alone = model.encode(row)
        torch.testing.assert_close(alone.mean, q.mean[i : i + 1], rtol=0, atol=1e-5)
        torch.testing.assert_close(alone.stddev, q.stddev[i : i + 1], rtol=0, atol=1e-5)
        torch.testing.assert_close(model.decode(alone.mean).log_prob(row), together[i : i + 1], rtol=0, atol=1e-5)


@every_net
def test_corruption_of_the_input_is_for_training_alone(net):
    model, x = text_vae(net, word_dropout=0.9, teacher_forcing=0.2)
    z = torch.zeros(len(x), 1)
    assert torch.equal(model.decode(z).log_prob(x), model.decode(z).log_prob(x))
    model.train()
    assert not torch.equal(model.decode(z).log_prob(x), model.decode(z).log_prob(x))
    with evaluating(model):
        assert with_grid(model, x).exp().sum().item() == pytest.approx(1, abs=1e-9)


@every_net
@pytest.mark.parametrize("context", [0, 2])
def test_every_parameter_gets_a_gradient(net, context):
    keys = {"condition": "label", "context": context} if context else {}
    model, x = text_vae(net, latent=3, **keys)
    given = torch.randn(len(x), context).split(len(x)) if context else ()
    model.train()(x, *given, samples=2).elbo.mean().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in model.parameters())


@pytest.mark.parametrize("posterior", BOUNDED, ids=name)
def test_every_posterior_encodes_texts(posterior):
    model, x = text_vae("gru", latent=4, posterior=posterior)
    model.train()(x).elbo.mean().backward()
    model.eval()
    assert bounds_of(model, x, 3).iw.isfinite().all()
    assert model.generate(5).shape == (5, LENGTH)
    assert torch.equal(model.reconstruct(x), model.reconstruct(x))


def test_every_kind_of_posterior_and_prior_is_tried():
    assert {type(posterior) for posterior in POSTERIORS} == set(members(Posterior))
    assert {type(prior) for prior in PRIORS} == set(members(AnyPrior))


@pytest.mark.parametrize("prior", PRIORS, ids=name)
def test_every_prior_of_real_latents_generates_texts(prior):
    keys = {"vocabulary": VOCABULARY, "length": LENGTH, "latent": 4, "net": NETS["gru"]}
    if prior.kind == "vamp" or prior.support != "real":
        with pytest.raises(ValueError, match="prior=" if prior.kind == "vamp" else "prior"):
            TextVAE(**keys, prior=prior)
        return
    model = TextVAE(**keys, prior=prior).build()
    model(every_text(VOCABULARY, LENGTH)).elbo.mean().backward()
    assert model.eval().generate(5).shape == (5, LENGTH)


@every_net
def test_what_is_written_can_be_read_again(net):
    """Texts that a model writes have rows that it can score and encode, whichever way they are written."""
    data = texts_to_dataset(["anna", "bob", "cleo", "dana"] * 8, tokenizer="char", length=6, unk="token")
    schema = data.schema
    model = TextVAE(vocabulary=schema.vocabulary, length=schema.length, latent=2, net=NETS[net]).build().eval()
    with torch.no_grad():
        for decoding in (Decoding(), Decoding(mode="greedy"), Decoding(mode="beam", beams=3)):
            rows = model.decode(torch.randn(9, 2)).decode(decoding)
            assert model(rows).elbo.isfinite().all()
            texts = schema.decode(rows)
            assert all(len(text) <= schema.length for text in texts) and not (rows == UNK).any()
            assert torch.equal(schema.encode(texts).long(), rows)


@both
def test_a_decoder_that_is_conditional_hears_the_label(net):
    model, x = text_vae(net, latent=2, condition="label", context=2, strength=0.8)
    z = torch.zeros(len(x), 2)
    labels = [torch.eye(2)[[i]].expand(len(x), -1) for i in (0, 1)]
    first, second = (model.decode(z, context=(label,)).log_prob(x) for label in labels)
    assert (first - second).abs().max() > 0.01
    assert all(mass.exp().sum().item() == pytest.approx(1, abs=1e-5) for mass in (first, second))
    assert point(model.encode(x, labels[0])).shape == (len(x), 2)
