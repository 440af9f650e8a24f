"""The conditional distribution of texts: what the net is given, and the laws of texts under every decoder."""

import pytest
import torch
from torch import nn

from distributions.toy import every_text
from vaekit.distributions import BOS, EOS, PAD, UNK, Decoding, point
from vaekit.heads import AutoregressiveConditional, Conditional, Gaussian, StandardNormal
from vaekit.models import VAE
from vaekit.nets import CausalConv, Recurrent, SequenceTask, Transformer

NETS = [
    Recurrent(kind="lstm", embedding=6, hidden=8, layers=2),
    Recurrent(kind="gru", embedding=6, hidden=8),
    Transformer(width=8, heads=2, layers=2),
    Transformer(width=8, heads=2, layers=1, inject="embedding"),
    CausalConv(width=8, dilations=(1, 2)),
]
every_net = pytest.mark.parametrize("net", NETS, ids=["lstm", "gru", "transformer", "embedding", "cnn"])


def likelihood(net, given=4, length=3, event=(4,), **task):
    decoder = net.decoder(SequenceTask(vocabulary=6, given=given, length=length, **task))
    with torch.no_grad():
        for weight in decoder.parameters():
            weight += 0.5 * torch.randn_like(weight)
    return AutoregressiveConditional(decoder, given=given, length=length, event=event).eval()


@every_net
@pytest.mark.parametrize("task", [{}, {"tie": True}, {"skip": True}], ids=str)
def test_the_probabilities_of_all_texts_sum_to_one(net, task):
    p = likelihood(net, **task)(torch.randn(2, 3, 4))
    mass = p.log_prob(every_text().view(-1, 1, 1, 3)).exp()
    torch.testing.assert_close(mass.sum(0), torch.ones(2, 3), rtol=0, atol=1e-5)
    assert mass.std(1).max() > 1e-3


@every_net
def test_greedy_takes_the_argmax_of_the_full_pass(net):
    module = likelihood(net, length=9)
    p = module(10 * torch.randn(40, 4))
    rows = point(p)
    read = torch.cat([torch.full((40, 1), BOS), rows[:, :-1]], 1)
    with torch.no_grad():
        logits = module.net.logits(module.net.features(read, p.z))
    logits[..., [PAD, BOS, UNK]] = -torch.inf
    assert torch.equal(logits.argmax(-1)[rows != PAD], rows[rows != PAD]) and len(rows.unique(dim=0)) > 1


@every_net
def test_a_beam_as_wide_as_there_are_texts_finds_the_best(net):
    p, texts = likelihood(net)(torch.randn(10, 4)), every_text()
    with torch.no_grad():
        best = p.log_prob(texts.unsqueeze(1)).argmax(0)
    assert torch.equal(p.decode(Decoding(mode="beam", beams=len(texts), unknown=True)), texts[best])


@every_net
def test_finite_under_autocast_and_close_to_full_precision(net):
    module, x, z = likelihood(net, length=6), every_text(length=6)[::7], torch.randn(1, 4)
    full = module(z).log_prob(x)
    with torch.autocast("cpu", torch.bfloat16):
        p = module(z)
    log_prob = p.log_prob(x)
    log_prob.sum().backward()
    assert log_prob.dtype == torch.float32 and all(w.grad.isfinite().all() for w in module.parameters())
    torch.testing.assert_close(log_prob, full, rtol=0.05, atol=0.3)
    assert p.decode(Decoding(mode="beam")).shape == p.sample().shape == (1, 6)


@every_net
def test_a_variational_autoencoder_of_texts(net):
    posterior = Conditional(net.encoder(6, 3), Gaussian(), given=(3,), event=(4,))
    model, x = VAE(StandardNormal((4,)), posterior, likelihood(net).train()), every_text()[::5]
    trace = model(x, samples=2)
    assert trace.log_likelihood.shape == (2, len(x))
    trace.elbo.mean().backward()
    assert all(weight.grad is not None for weight in model.parameters())
    model.eval()
    assert model.generate(5).shape == (5, 3) and model.generate(5, likelihood_temperature=0.5).shape == (5, 3)
    assert torch.equal(model.reconstruct(x), model.reconstruct(x))


class Remembering(nn.Module):
    """Predicts nothing, and remembers what it was given."""

    vocabulary = 6

    def features(self, tokens, z):
        self.z = z
        return torch.zeros(*tokens.shape, 6)

    def logits(self, features):
        return features


def given(width, z, *context, event=(4,)):
    """Return what the net was given, and the distribution's batch shape."""
    module = AutoregressiveConditional(Remembering(), given=width, length=3, event=event)
    p = module(z, *context)
    p.log_prob(torch.tensor([4, 5, EOS]))
    return module.net.z, p.batch_shape


def test_latents_of_several_axes_become_one_vector_and_the_context_stands_behind_it():
    z, context = torch.randn(2, 5, 3, 2), torch.randn(5, 7)
    seen, batch = given(13, z, context, event=(3, 2))
    assert batch == (2, 5) and seen.shape == (10, 13)
    assert torch.equal(seen[:, :6], z.view(10, 6)) and torch.equal(seen[:, 6:], context.repeat(2, 1))


def test_a_net_that_takes_less_is_given_less():
    z, context = torch.randn(2, 5, 4), torch.randn(5, 7)
    assert torch.equal(given(7, z, context)[0], context.repeat(2, 1))
    for seen, batch in (given(0, z), given(0, z, context)):
        assert seen.shape == (10, 0) and batch == (2, 5)


def test_a_net_made_for_another_vector_is_refused_with_the_cure():
    with pytest.raises(ValueError, match="make it for 11, or for 7 to leave the latents out"):
        given(4, torch.randn(5, 4), torch.randn(5, 7))
    with pytest.raises(ValueError, match=r"expected a batch of \(4,\)"):
        given(4, torch.randn(5, 3))


def test_gradients_reach_the_latents():
    z = torch.randn(2, 5, 4, requires_grad=True)
    likelihood(NETS[0])(z).log_prob(torch.tensor([4, 5, EOS])).sum().backward()
    assert (z.grad.abs().sum(-1) > 0).all()
