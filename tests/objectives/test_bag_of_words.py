import math

import pytest
import torch
from torch import nn
from torch.distributions import Categorical, Independent, Normal

from vaekit.models import VAE, Latent, Trace
from vaekit.objectives import ELBO, FreeBits
from vaekit.schedules import Linear

VOCABULARY, LATENT = 6, 2
TEXTS = torch.tensor([[4, 5, 4, 2, 0, 0], [3, 2, 0, 0, 0, 0], [5, 5, 5, 5, 5, 5]])


class Part(nn.Module):
    """A part of a model that knows its sizes."""

    def __init__(self, **known):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        vars(self).update(known)


def model(**changes):
    likelihood = Part()
    likelihood.net = Part(vocabulary=VOCABULARY)
    parts = {"prior": Part(), "posterior": Part(event=(LATENT,)), "likelihood": likelihood}
    return VAE(**(parts | changes))


def trace_of(loc, samples=3, x=TEXTS):
    q, p = Independent(Normal(loc, 0.5), 1), Independent(Normal(torch.zeros(LATENT), 1.0), 1)
    words = Independent(Categorical(logits=torch.zeros(samples, len(x), x.shape[1], VOCABULARY)), 1)
    return Trace(x, words, (Latent(q.rsample((samples,)), q, p),))


def test_without_a_weight_the_objective_is_its_own_criterion():
    objective = ELBO()
    assert objective.build(nn.Identity(), 10) is objective and objective.is_bound


def test_the_term_is_the_cross_entropy_of_all_tokens_but_padding():
    criterion = ELBO(bag_of_words=2.0).build(model(), 10)
    trace = trace_of(torch.randn(3, LATENT))
    logits = criterion.net(trace.latents[0].z.flatten(0, 1)).unflatten(0, (3, 3))
    told = [sum(logits[s, n].log_softmax(-1)[token] for token in TEXTS[n] if token) for s in range(3) for n in range(3)]
    loss = criterion(trace)
    torch.testing.assert_close(loss.metrics["bag_of_words"], -torch.stack(told).mean().detach())
    torch.testing.assert_close(loss.value, ELBO()(trace).value + 2 * loss.metrics["bag_of_words"])
    nn.init.zeros_(criterion.net[-1].weight), nn.init.zeros_(criterion.net[-1].bias)
    assert criterion(trace).metrics["bag_of_words"].item() == pytest.approx(12 / 3 * math.log(VOCABULARY))


def test_the_reported_bound_is_without_it():
    trace = trace_of(torch.randn(3, LATENT))
    plain, beside = ELBO()(trace), ELBO(bag_of_words=3.0).build(model(), 10)(trace)
    assert all(torch.equal(value, beside.metrics[name]) for name, value in plain.metrics.items())
    assert beside.value > plain.value


def test_latents_and_its_own_weights_get_a_gradient():
    torch.manual_seed(0)
    criterion, loc = ELBO(beta=0.0, bag_of_words=1.0).build(model(), 10), torch.randn(3, LATENT, requires_grad=True)
    criterion(trace_of(loc)).value.backward()
    assert (loc.grad != 0).all() and all(p.grad.any() for p in criterion.parameters())


def test_the_objective_keeps_its_other_keys():
    objective = ELBO(bag_of_words=1.0, beta=Linear(steps=10), free_bits=FreeBits(nats=0.5))
    criterion, trace = objective.build(model(), 10), trace_of(torch.randn(3, LATENT))
    for step in (0, 5, 10):
        loss = criterion(trace, step)
        expected = objective(trace, step).value + loss.metrics["bag_of_words"]
        torch.testing.assert_close(loss.value, expected)


def test_scores_are_in_single_precision_under_autocast():
    criterion, trace = ELBO(bag_of_words=1.0).build(model(), 10), trace_of(torch.randn(3, LATENT))
    with torch.autocast("cpu", torch.bfloat16):
        assert criterion(trace).metrics["bag_of_words"].dtype == torch.float32


@pytest.mark.parametrize("changes", [{"likelihood": Part()}, {"posterior": Part()}], ids=["words", "latents"])
def test_a_model_that_is_not_one_of_text_is_refused(changes):
    with pytest.raises(ValueError, match=r"no model of text; set objective\.bag_of_words=0"):
        ELBO(bag_of_words=1.0).build(model(**changes), 10)


def test_it_says_that_it_is_no_bound():
    assert "bag of words" in ELBO(bag_of_words=0.1).what_it_is and not ELBO(bag_of_words=0.1).is_bound
