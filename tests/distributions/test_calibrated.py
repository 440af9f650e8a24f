"""The optimal scale: a state that is set in closed form while training, and only then."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.distributions import Normal

from vaekit import VAE, Conditional, Gaussian, ImageVAE, StandardNormal
from vaekit.distributions import CalibratedNormal, point, temper
from vaekit.heads import Laplace, Optimal
from vaekit.objectives import ELBO
from vaekit.training import Training, TrainingState
from vaekit.training.fabric import make_fabric
from vaekit.training.step import Step

BOUNDS = (-14.0, 14.0)


def likelihood():
    return Conditional(nn.Linear(2, 8), Gaussian(scale=Optimal()), given=(2,), event=(5,)).double()


def test_the_scale_is_the_best_of_a_grid():
    """The closed form is the argmin, and the loss that is left is D/2 log MSE (D4)."""
    model, z, x = likelihood(), torch.randn(3, 40, 2).double(), 0.3 * torch.randn(40, 5).double()
    total = model(z).log_prob(x).sum()
    grid = torch.linspace(-6, 3, 9001).double()
    loc = model(z).mean.detach()
    each = torch.stack([Normal(loc, (g / 2).exp()).log_prob(x).sum() for g in grid[::10]])
    assert grid[::10][each.argmax()].item() == pytest.approx(model.shared["scale"].item(), abs=0.0051)
    assert total >= each.max()
    n, error = loc.numel(), (x - loc).square().mean()
    torch.testing.assert_close(total, -n / 2 * (error.log() + 1 + math.log(2 * math.pi)))


def test_the_gradient_is_that_of_the_minimum():
    """sigma is held still, and the gradient is that of D/2 log MSE all the same: the envelope theorem."""
    model, z, x = likelihood(), torch.randn(40, 2).double(), torch.randn(40, 5).double()
    weights = [p for p in model.parameters() if p.requires_grad]
    actual = torch.autograd.grad(-model(z).log_prob(x).sum(), weights)
    expected = torch.autograd.grad(x.numel() / 2 * (x - model(z).mean).square().mean().log(), weights)
    for a, e in zip(actual, expected, strict=True):
        torch.testing.assert_close(a, e)


def test_evaluation_uses_the_stored_scale_and_leaves_it():
    """A bound is that of the stored scale, in evaluation mode or without gradients (D3)."""
    model, z, x = likelihood(), torch.randn(40, 2).double(), 3 * torch.randn(40, 5).double()
    model.shared["scale"].fill_(-1.0)
    for mode, grad in ((False, True), (False, False), (True, False)):
        model.train(mode)
        with torch.set_grad_enabled(grad):
            found = model(z).log_prob(x)
        expected = Normal(model(z).mean, math.exp(-0.5)).log_prob(x).sum(-1)
        torch.testing.assert_close(found, expected)
        assert model.shared["scale"] == -1
    model.train()(z).log_prob(x)
    assert model.shared["scale"] > 1
    torch.testing.assert_close(
        model.eval()(z).stddev.unique().item(), (x - model(z).mean).square().mean().sqrt().item()
    )


def test_the_scale_stays_within_its_bounds_and_forgets_no_divergence():
    state = torch.zeros(())
    CalibratedNormal(torch.zeros(3), state, BOUNDS).log_prob(torch.zeros(3))
    assert state == -14
    for bad in (math.nan, math.inf):
        CalibratedNormal(torch.zeros(3), state.fill_(0.5), BOUNDS).log_prob(torch.full((3,), bad))
        assert state == (0.5 if math.isnan(bad) else 14)


def test_it_is_a_gaussian_to_the_functions_over_distributions():
    distribution = CalibratedNormal(torch.ones(3), torch.zeros(()), BOUNDS)
    assert torch.equal(point(distribution), torch.ones(3)) and (temper(distribution, 0.5).stddev == 0.5).all()


def test_the_state_is_trained_by_no_optimizer_averaged_and_saved():
    posterior = Conditional(nn.Linear(4, 6), Gaussian(), given=(4,), event=(2,))
    model = VAE(
        StandardNormal((2,)), posterior, Conditional(nn.Linear(2, 8), Gaussian(scale=Optimal()), given=(2,), event=(4,))
    )
    training = Training(steps=5, weight_decay=0.1)
    state = TrainingState(Step(model, ELBO(), lambda x: x), training, make_fabric(training))
    seen = []
    for _ in range(5):
        state.advance(0.1 * torch.randn(32, 4))
        seen.append(model.likelihood.shared["scale"].item())
    assert max(seen) < 0.5 and len(set(seen)) == 5
    averaged = state.average.module.likelihood.shared["scale"].item()
    assert min(*seen, 0.0) < averaged < max(*seen, 0.0) and averaged not in seen
    saved = copy.deepcopy(state.state_dict())
    model.likelihood.shared["scale"].fill_(9.0)
    state.load_state_dict(saved)
    assert model.likelihood.shared["scale"].item() == seen[-1]


def test_only_the_gaussian_likelihood_has_it():
    with pytest.raises(ValueError, match="optimal"):
        Laplace(scale=Optimal())
    with pytest.raises(ValueError, match=r"use posterior\.scale=exp"):
        ImageVAE(shape=(1, 4, 4), posterior=Gaussian(scale=Optimal()))
