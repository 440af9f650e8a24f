import math

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from vaekit.distributions import kl_terms
from vaekit.heads import BatchNormalized, Conditional, Floored

STANDARD = Independent(Normal(torch.zeros(3).double(), 1.0), 1)


@pytest.mark.parametrize("rate", [1e-9, 0.01, 0.15, 1.0, 20.0])
def test_the_variances_are_the_roots(rate):
    low, high = Floored(rate=rate).variances
    assert 0 < low < 1 < high
    for x in (low, high):
        assert math.log(x) - x + 2 * rate + 1 == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("rate", [0.01, 0.15, 1.0, 5.0])
def test_no_raw_output_gets_below_the_floor(rate, dtype):
    grid = torch.cat([torch.linspace(-50, 50, 201), torch.linspace(-3, 3, 61), torch.tensor([-0.0])]).to(dtype)
    loc, scale = torch.cartesian_prod(grid, grid).unbind(1)
    q = Floored(rate=rate)({"loc": loc.unsqueeze(1), "scale": scale.unsqueeze(1)}, (1,))
    terms = kl_terms(q, Independent(Normal(torch.zeros(1), 1.0), 1)).squeeze(1)
    assert (terms >= rate - 1e-5).all()
    torch.testing.assert_close(
        terms.double(), rate + loc.double().square() / 2, rtol=1e-5, atol=2e-6 if dtype == torch.float64 else 1e-5
    )


def test_means_have_both_signs_and_every_channel_a_gradient():
    raw = {name: torch.randn(500, 3).double().requires_grad_() for name in ("loc", "scale")}
    q = Floored()(raw, (3,))
    assert torch.equal(q.mean > 0, raw["loc"] > 0)
    (q.mean.sin().sum() + q.stddev.sum()).backward()
    assert all((part.grad != 0).all() for part in raw.values())


def test_a_floored_posterior_begins_at_a_variance_of_one():
    module = Conditional(nn.Linear(4, 8), Floored(), given=(4,), event=(3,)).double()
    torch.testing.assert_close(module(torch.randn(5, 4).double()).stddev, torch.ones(5, 3).double())


def normalized(gamma=0.6):
    return Conditional(nn.Linear(4, 8), BatchNormalized(gamma=gamma), given=(4,), event=(3,)).double()


@pytest.mark.parametrize("gamma", [0.3, 0.6, 2.0])
def test_the_means_of_a_batch_have_the_fixed_deviation_and_hence_the_floor(gamma):
    module = normalized(gamma)
    module.shared["shift"].data.uniform_(-1, 1)
    x = 100 + 30 * torch.randn(64, 4).double()
    for _ in range(5):
        q = module(x)
        torch.testing.assert_close(q.mean.std(0, correction=0), torch.full((3,), gamma).double(), rtol=1e-4, atol=0)
        torch.testing.assert_close(q.mean.mean(0), module.shared["shift"].detach())
        floor = (gamma**2 + module.shared["shift"].square()) / 2
        assert (kl_terms(q, STANDARD).mean(0) > 0.999 * floor).all()


def test_the_moments_run_and_evaluation_uses_them():
    module = normalized()
    batch = nn.BatchNorm1d(3, affine=False).double()
    batch.running_var.fill_(1)
    for _ in range(200):
        x = 2 + 3 * torch.randn(64, 4).double()
        batch(module.heads(module.features(x))["loc"])
        module(x)
    center, variance = module.shared["center"], module.shared["log_variance"].exp()
    torch.testing.assert_close(center.detach(), batch.running_mean)
    torch.testing.assert_close(variance.detach(), batch.running_var, rtol=0.05, atol=0)
    before = {name: state.clone() for name, state in module.shared.items()}
    module.eval()
    alone = module(x[:1])
    torch.testing.assert_close(alone.mean, module(x).mean[:1])
    assert alone.mean.std() > 0 and all(torch.equal(state, before[name]) for name, state in module.shared.items())
    raw = module.heads(module.features(x))["loc"]
    torch.testing.assert_close(module(x).mean, 0.6 * (raw - center) / variance.sqrt())


def test_no_optimizer_learns_the_moments_and_none_can_learn_gamma():
    module = normalized()
    learned = {name for name, weight in module.shared.items() if weight.requires_grad}
    assert learned == {"shift"} and set(module.shared) == {"shift", "center", "log_variance"}
    module(torch.randn(8, 4).double()).mean.square().sum().backward()
    assert all(weight.grad is not None for weight in module.parameters() if weight.requires_grad)


def test_a_diverged_batch_is_not_remembered():
    module = normalized()
    module(torch.full((4, 4), torch.nan).double())
    assert all(torch.isfinite(state).all() for state in module.shared.values())


def test_a_batch_of_one_is_finite():
    q = normalized()(torch.randn(1, 4).double())
    assert torch.isfinite(q.mean).all() and not q.mean.any()
