"""A measure without a meaning says so by an error of its own; a mistake stays a plain one."""

import pytest
import torch

from laws.linear_gaussian import linear_gaussian
from vaekit.errors import NotApplicable
from vaekit.evaluation import (
    Coded,
    amortization,
    annealed,
    bounds,
    cell_likelihoods,
    disentanglement,
    fidelity,
    frechet_distance,
    information,
    perplexity,
    probes,
    rate_distortion,
    sample_quality,
    self_bleu,
    text_quality,
)
from vaekit.heads import VQ, Bernoulli, Delta, VonMisesFisher
from vaekit.modalities import ImageVAE
from vaekit.nets import MLP

X = (torch.rand(6, 1, 4, 4) > 0.5).float()


def model(posterior):
    net = MLP(widths=(8,))
    return ImageVAE(shape=(1, 4, 4), latent=2, net=net, posterior=posterior, likelihood=Bernoulli()).build().eval()


def means(n, factors=2):
    return torch.randn(n, 3), torch.arange(n).unsqueeze(1).expand(-1, factors) % 3


MEANINGLESS = {
    "a bound without a density": lambda: bounds(model(Delta()), [X], samples=2).estimate("elbo"),
    "annealing of directions": lambda: annealed(model(VonMisesFisher()), X),
    "annealing of codes": lambda: annealed(model(VQ(codes=4, width=2)), X),
    "annealing from a point": lambda: annealed(model(Delta()), X),
    "rate and distortion of directions": lambda: rate_distortion(model(VonMisesFisher()), X),
    "refinement of codes": lambda: amortization(model(VQ(codes=4, width=2)), X),
    "refinement of a point": lambda: amortization(model(Delta()), X),
    "information of a point": lambda: information(model(Delta()), X),
    "information of too few": lambda: information(linear_gaussian()[0], torch.randn(9, 6).double(), mixture="batch"),
    "the density of a point": lambda: model(Delta()).encode(X).log_prob(torch.zeros(6, 2)),
    "cells of images": lambda: cell_likelihoods(model(VonMisesFisher()), X.flatten(1).view(6, 1, 4, 4)),
    "fidelity of rows": lambda: fidelity(torch.rand(5, 3), torch.rand(5, 3)),
    "fidelity off the scale": lambda: fidelity(3 * torch.ones(2, 1, 8, 8), torch.ones(2, 1, 8, 8)),
    "factors of few data": lambda: disentanglement(*means(9)),
    "factors that rest": lambda: disentanglement(torch.randn(60, 3), torch.zeros(60, 2, dtype=torch.int64)),
    "factors of a broken model": lambda: disentanglement(torch.full((60, 3), torch.nan), means(60)[1]),
    "probes of one class": lambda: probes(*[Coded(torch.randn(9, 2), torch.zeros(9, dtype=torch.int64))] * 2),
    "neighbors of few": lambda: sample_quality(X, X, torch.nn.Flatten(), k=9),
    "a covariance of one": lambda: frechet_distance(X[:1].flatten(1), X.flatten(1)),
    "one text": lambda: self_bleu([["a"]]),
    "texts without training": lambda: text_quality([["a"]] * 3, [["a"]] * 3, train=[]),
    "perplexity of a broken model": lambda: perplexity(torch.full((3,), torch.nan), torch.ones(3)),
}
MISTAKES = {
    "data of another shape": lambda: bounds(model(VonMisesFisher()), [torch.zeros(3, 1, 5, 4)], samples=2),
    "no draws": lambda: information(linear_gaussian()[0], torch.randn(9, 6).double(), draws=0),
    "no data": lambda: annealed(linear_gaussian()[0], torch.zeros(0, 6).double()),
    "factors of other data": lambda: disentanglement(torch.randn(60, 3), means(61)[1]),
    "pictures of other sizes": lambda: fidelity(torch.rand(2, 1, 8, 8), torch.rand(2, 1, 8, 9)),
    "labels of other data": lambda: probes(*[Coded(torch.randn(9, 2), torch.arange(8) % 2)] * 2),
}


@pytest.mark.parametrize("measure", MEANINGLESS.values(), ids=MEANINGLESS)
def test_what_has_no_meaning_does_not_apply(measure):
    with pytest.raises(NotApplicable):
        measure()


@pytest.mark.parametrize("measure", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_none_of_that(measure):
    with pytest.raises(ValueError) as caught:
        measure()
    assert not isinstance(caught.value, NotApplicable)
