import math

import pytest
import torch
from torch import nn
from torch.distributions import Independent, MultivariateNormal, Normal

from laws.test_objectives import built, parts, run, trace_of
from vaekit.distributions import Delta
from vaekit.models import Latent, Trace
from vaekit.objectives import AAE, WAE, Factor
from vaekit.objectives.adversary import Adversary, accuracy

HIDDEN = (32, 32)


@pytest.mark.parametrize("loss", ["logistic", "hinge"])
def test_neither_player_sees_the_others_gradient(loss):
    torch.manual_seed(1)
    adversary = Adversary(nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)), loss)
    real, fake = torch.randn(6, 2, requires_grad=True), torch.randn(6, 2, requires_grad=True)
    adversary.fool(fake).backward()
    assert fake.grad.abs().sum() > 0 and all(weight.grad is None for weight in adversary.parameters())
    before = fake.grad.clone()
    adversary.judge(real, fake).backward()
    assert torch.equal(fake.grad, before) and real.grad is None
    assert all(weight.grad is not None for weight in adversary.parameters())


@pytest.mark.parametrize("loss", ["logistic", "hinge"])
def test_the_terms_in_numbers(loss):
    adversary = Adversary(nn.Identity(), loss)
    real, fake = torch.tensor([[2.0], [-1.0]]), torch.tensor([[0.5], [-3.0]])
    terms = {"logistic": lambda margin: math.log1p(math.exp(-margin)), "hinge": lambda margin: max(0.0, 1 - margin)}
    cost = sum(map(terms[loss], (2.0, -1.0, -0.5, 3.0))) / 4
    assert adversary.judge(real, fake).item() == pytest.approx(cost)
    fool = sum(map(terms["logistic"], (0.5, -3.0))) / 2 if loss == "logistic" else (3.0 - 0.5) / 2
    assert adversary.fool(fake).item() == pytest.approx(fool)
    assert accuracy(real, fake).item() == 0.5
    if loss == "logistic":
        assert adversary.judge(0 * real, 0 * fake).item() == pytest.approx(math.log(2))


def test_scores_are_in_single_precision():
    adversary = Adversary(nn.Linear(2, 1).bfloat16())
    assert (
        adversary(torch.zeros(3, 2).bfloat16()).dtype
        == adversary.held(torch.zeros(3, 2).bfloat16()).dtype
        == torch.float32
    )


def trained(criterion, trace, steps):
    """Return what is logged last after training the critic alone, on new draws in every step."""
    optimizer = torch.optim.Adam(criterion.parameters(), lr=5e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = criterion(trace())
        loss.value.backward()
        optimizer.step()
    return criterion(trace()).metrics


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_a_discriminator_finds_the_total_correlation(correlation):
    covariance = torch.tensor([[1.0, correlation], [correlation, 1.0]])
    q = MultivariateNormal(torch.zeros(1000, 2), covariance)
    p = MultivariateNormal(torch.zeros(2), torch.eye(2))
    likelihood = Independent(Normal(torch.zeros(1, 1000, 1), 1.0), 1)
    trace = lambda: Trace(torch.zeros(1000, 1), likelihood, (Latent(q.sample((1,)), q, p),))  # noqa: E731
    _, model = built(Factor(), latent=2)
    metrics = trained(Factor(hidden=HIDDEN).build(model, 100), trace, 250)
    assert metrics["total_correlation"].item() == pytest.approx(-0.5 * math.log(1 - correlation**2), abs=0.12)
    assert (metrics["critic_accuracy"] > 0.6) == (correlation > 0)


@pytest.mark.parametrize("objective", [AAE(hidden=HIDDEN), WAE(penalty="gan", hidden=HIDDEN)], ids=lambda o: o.kind)
def test_fooling_pulls_latents_to_the_prior(objective):
    """A critic that has learned where the prior is shows the way there; no density is asked for."""
    away = torch.full((200, 2), 3.0).requires_grad_()
    p = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
    likelihood = Independent(Normal(torch.zeros(1, 200, 1), 1.0), 1)
    q = Delta(away, 1)
    trace = lambda: Trace(torch.zeros(200, 1), likelihood, (Latent(q.rsample((1,)), q, p),))  # noqa: E731
    _, model = built(objective, latent=2)
    criterion = objective.build(model, 100)
    assert trained(criterion, trace, 60)["critic_accuracy"] > 0.9
    (slope,) = torch.autograd.grad(criterion(trace()).value, away)
    assert (slope.sum(0) > 0).all()


def test_the_weight_is_that_of_the_generators_term():
    criterion, _ = built(AAE(weight=4.0, hidden=HIDDEN))
    loss = run(AAE(), criterion, parts())
    metrics = loss.metrics
    torch.testing.assert_close(loss.value, metrics["distortion"] + 4 * metrics["fooling"] + metrics["critic"])


def test_the_shape_of_latents_must_be_known():
    with pytest.raises(ValueError, match="attribute `event`"):
        Factor().build(nn.Identity(), 10)


def test_an_objective_with_weights_is_not_its_own_criterion():
    with pytest.raises(TypeError, match="call what build"):
        Factor()(trace_of(*parts()))
