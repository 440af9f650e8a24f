"""Vectors of a codebook as a distribution: a point mass over a discrete latent, and priors over the same codes."""

import itertools
import math

import pytest
import torch
from torch.distributions import Categorical, Independent

from vaekit.distributions import (
    CodeVectors,
    Quantized,
    kl,
    kl_terms,
    nearest_code,
    point,
    stopped,
    temper,
    uniform_codes,
)

BOOK = torch.randn(5, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


def quantized(batch=4, length=2):
    encoded = torch.randn(batch, length, 3, dtype=torch.float64, requires_grad=True)
    codes = nearest_code(encoded, BOOK)
    return Quantized(encoded, codes, BOOK[codes])


def prior(length=2, batch=()):
    logits = torch.randn(*batch, length, 5, dtype=torch.float64)
    return CodeVectors(Independent(Categorical(logits=logits), 1), BOOK)


def every_sequence(length=2):
    return torch.tensor(list(itertools.product(range(5), repeat=length)))


def test_the_nearest_code_is_the_nearest():
    vectors = torch.randn(200, 3, dtype=torch.float64)
    assert torch.equal(nearest_code(vectors, BOOK), torch.cdist(vectors, BOOK).argmin(-1))
    assert torch.equal(nearest_code(BOOK, BOOK), torch.arange(5))


def test_the_nearest_code_is_the_same_in_parts(monkeypatch):
    vectors = torch.randn(4, 7, 3, dtype=torch.float64)
    whole = nearest_code(vectors, BOOK)
    monkeypatch.setattr("vaekit.distributions.quantized._SCORES", 15)
    assert torch.equal(nearest_code(vectors, BOOK), whole) and whole.shape == (4, 7)


def test_the_nearest_code_is_found_in_full_precision_under_autocast():
    book = torch.tensor([[1.0, 1.0], [1.001, 1.0]])
    with torch.autocast("cpu", torch.bfloat16):
        assert nearest_code(book, book).tolist() == [0, 1]


def test_draws_are_exactly_codes_and_pass_their_gradient_straight_through():
    q = quantized()
    z = q.rsample((3,))
    assert z.shape == (3, 4, 2, 3) and all(torch.equal(draw, q.value) for draw in z)
    (z * torch.arange(3.0)).sum().backward()
    assert torch.equal(q.encoded.grad, 3 * torch.arange(3.0).double().expand(4, 2, 3))


def test_the_posterior_is_a_point_of_a_discrete_latent():
    q = quantized()
    assert torch.equal(q.log_prob(q.rsample((3,))), torch.zeros(3, 4, dtype=torch.float64))
    other = BOOK[(q.codes + 1) % 5]
    assert (q.log_prob(other) == -math.inf).all()
    assert not q.stddev.any() and torch.equal(point(q), q.value)


@pytest.mark.parametrize("batch", [(), (4,)], ids=str)
def test_the_rate_is_the_code_length_under_the_prior(batch):
    """Entropy 0: KL(q || p) = -log p(codes), which is what the log-ratio of the draws says too."""
    q, p = quantized(), prior(batch=batch)
    rate = kl(q, p)
    assert rate.shape == (4,) and kl_terms(q, p) is None and (rate > 0).all()
    torch.testing.assert_close(rate, (q.log_prob(q.rsample()) - p.log_prob(q.rsample())))


def test_the_rate_under_the_uniform_prior_is_latent_log_k():
    p = uniform_codes(BOOK, 2)
    torch.testing.assert_close(
        kl(quantized(), p), torch.full((4,), 2 * math.log(5), dtype=torch.float64), rtol=1e-12, atol=0
    )
    torch.testing.assert_close(p.log_prob(BOOK[every_sequence()]).exp(), torch.full((25,), 1 / 25, dtype=torch.float64))


def test_a_prior_over_codes_sums_to_one_and_is_what_it_draws():
    p = prior()
    codes = every_sequence()
    mass = p.log_prob(BOOK[codes]).exp()
    assert mass.sum().item() == pytest.approx(1, abs=1e-12)
    drawn = nearest_code(p.sample((20_000,)), BOOK)
    share = torch.bincount(drawn @ torch.tensor([5, 1]), minlength=25) / 20_000
    assert ((share - mass).abs() < 5 * (mass * (1 - mass) / 20_000).sqrt() + 1e-9).all()
    assert torch.equal(point(p), BOOK[p.indices.base_dist.logits.argmax(-1)])


def test_temperature_divides_the_logits():
    p = prior()
    half, same = temper(p, 0.5), temper(p, 1.0)
    z = BOOK[every_sequence()]
    torch.testing.assert_close(same.log_prob(z), p.log_prob(z))
    torch.testing.assert_close(half.log_prob(z), (2 * p.log_prob(z)).log_softmax(0))


def test_a_stopped_posterior_passes_no_gradient():
    assert not stopped(quantized()).rsample().requires_grad
