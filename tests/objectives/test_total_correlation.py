import itertools
import math

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal

from laws.test_objectives import parts, trace_of
from vaekit.models import Latent, Trace
from vaekit.objectives import ELBO, BetaTC, total_correlation
from vaekit.objectives.total_correlation import log_weights


def decomposed(loc, scale, samples=1, size=None):
    """Return what the criterion logs for posteriors N(loc, scale^2) over a prior N(0, I)."""
    q = Independent(Normal(loc, scale), 1)
    p = Independent(Normal(torch.zeros_like(loc[0]), torch.ones_like(loc[0])), 1)
    likelihood = Independent(Normal(torch.zeros(samples, len(loc), 1).double(), 1.0), 1)
    trace = Trace(torch.zeros(len(loc), 1).double(), likelihood, (Latent(q.rsample((samples,)), q, p),))
    return BetaTC().build(torch.nn.Identity(), size or len(loc))(trace).metrics


@pytest.mark.parametrize(("batch", "size"), [(2, 2), (2, 10), (5, 60_000), (8, 8)])
def test_stratified_weights_sum_to_one_in_every_row(batch, size):
    """1 / N stands on the diagonal, where z comes from (D8)."""
    weights = log_weights(batch, size, "stratified").exp()
    torch.testing.assert_close(weights.sum(1), torch.ones(batch).double())
    torch.testing.assert_close(weights.diagonal(), torch.full((batch,), 1 / size).double(), rtol=1e-6, atol=0)
    assert (weights > 0).all() and weights[~torch.eye(batch, dtype=torch.bool)].unique().numel() <= 3


def test_minibatch_weights():
    torch.testing.assert_close(
        log_weights(4, 25, "minibatch").exp(), torch.full((4, 4), 0.01).double(), rtol=1e-6, atol=0
    )


def test_the_stratified_estimate_is_unbiased():
    """Over all batches that hold the datum, its mean is the aggregate over all data."""
    density = torch.rand(5).double()  # q(z | x_j) of one z that came from datum 0
    others = list(itertools.combinations(range(1, 5), 2))
    weights = log_weights(3, 5, "stratified").exp()[0]
    estimates = [(weights * density[[0, *pair]]).sum() for pair in others]
    torch.testing.assert_close(torch.stack(estimates).mean(), density.mean())


def test_the_whole_data_give_the_aggregate_exactly():
    loc, scale = torch.randn(7, 2).double(), torch.rand(7, 2).double() + 0.2
    torch.manual_seed(3)
    found = decomposed(loc, scale, samples=2)
    torch.manual_seed(3)
    z = Independent(Normal(loc, scale), 1).rsample((2,))
    each = Normal(loc, scale).log_prob(z.unsqueeze(2)).exp()  # (S, z, x, D)
    joint, product = each.prod(-1).mean(2).log(), each.mean(2).log().sum(-1)
    torch.testing.assert_close(found["total_correlation"], (joint - product).mean())
    torch.testing.assert_close(
        found["dimension_kl"], (product - Normal(0.0, torch.ones(2).double()).log_prob(z).sum(-1)).mean()
    )
    torch.testing.assert_close(
        found["mutual_information"], (Independent(Normal(loc, scale), 1).log_prob(z) - joint).mean()
    )


@pytest.mark.parametrize("correlation", [0.0, 0.6, -0.9])
def test_the_total_correlation_of_a_gaussian(correlation):
    """Of latents with a known covariance: -log(1 - r^2) / 2, 0 where they are independent (D8)."""
    noise = 0.3
    between = torch.tensor([[1.0, correlation], [correlation, 1.0]]).double() - noise * torch.eye(2).double() * (
        1 - abs(correlation)
    )
    within = (noise * (1 - abs(correlation))) ** 0.5
    loc = MultivariateNormal(torch.zeros(2).double(), between).sample((700,))
    found = decomposed(loc, torch.full_like(loc, within))["total_correlation"].item()
    assert found == pytest.approx(-0.5 * math.log(1 - correlation**2), abs=0.12)


@pytest.mark.parametrize("weights", ["stratified", "minibatch"])
def test_equal_weights_are_the_bound(weights):
    """Whatever the estimate of the aggregate, its parts sum to the rate."""
    trace = trace_of(*parts())
    loss = BetaTC(beta=1.0, weights=weights).build(torch.nn.Identity(), 100)(trace).value
    torch.testing.assert_close(loss, -trace.log_weight.mean())
    assert BetaTC(beta=1.0).is_bound and not BetaTC().is_bound


def test_weights_act_on_their_parts():
    trace = trace_of(*parts())
    for key, term in (("alpha", "mutual_information"), ("beta", "total_correlation"), ("gamma", "dimension_kl")):
        less, more = (BetaTC(**{key: v}).build(torch.nn.Identity(), 100)(trace) for v in (1.0, 3.0))
        torch.testing.assert_close(more.value - less.value, 2 * less.metrics[term])


def test_chunks_change_nothing(monkeypatch):
    """More pairs than memory are computed twice, in pieces."""
    found = []
    numbers = parts(batch=9)
    for largest in (2**24, 100):
        monkeypatch.setattr(total_correlation, "_LARGEST", largest)
        loss = BetaTC().build(torch.nn.Identity(), 100)(trace_of(*numbers)).value
        found.append((loss, *torch.autograd.grad(loss, numbers[0])))
    torch.testing.assert_close(*found)


def test_dependent_dimensions_are_refused():
    q = MultivariateNormal(torch.zeros(4, 2), torch.eye(2))
    trace = Trace(
        torch.zeros(4, 1), Independent(Normal(torch.zeros(1, 4, 1), 1.0), 1), (Latent(q.rsample((1,)), q, q),)
    )
    assert torch.isfinite(ELBO()(trace).value)
    with pytest.raises(ValueError, match="use posterior=gaussian"):
        BetaTC().build(torch.nn.Identity(), 100)(trace)


@pytest.mark.parametrize(("batch", "size"), [(1, 10), (5, 4)])
def test_impossible_batches_are_refused(batch, size):
    with pytest.raises(ValueError, match="set batch"):
        log_weights(batch, size, "stratified")
