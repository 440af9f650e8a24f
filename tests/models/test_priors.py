"""A prior that knows of no batch is drawn as often as asked for, whatever axes of 1 it has."""

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from laws.linear_gaussian import linear_gaussian
from vaekit.evaluation import Chains, annealed, bounds, bracket, information
from vaekit.models import resample
from vaekit.objectives import AAE, ELBO, IWAE, MMD, WAE


class Wide(nn.Module):
    """N(0, I) with a batch axis of 1."""

    def forward(self, *_context):
        return Independent(Normal(torch.zeros(1, 3).double(), 1.0), 1)


@pytest.fixture
def model():
    model, _ = linear_gaussian(shift=0.2)
    model.place_prior(Wide())
    return model


def plain():
    torch.manual_seed(0)
    return linear_gaussian(shift=0.2)[0]


def test_as_many_as_asked_for(model):
    (z,) = model.prior_sample(10)
    assert z.shape == (10, 3) and len(z.unique()) == 30
    assert model.generate(10).shape == (10, 6)
    assert model.generate(10, prior_temperature=0).shape == (10, 6)
    assert len(model.generate(10, prior_temperature=0.5).unique()) == 60


@pytest.mark.parametrize(
    "objective", [ELBO(), IWAE(samples=3), MMD(), WAE(), WAE(penalty="gan", hidden=(8,)), AAE(hidden=(8,))]
)
def test_every_objective_draws_a_whole_batch(model, objective):
    x = torch.randn(7, 6).double()
    values = []
    for either in (model, plain()):
        torch.manual_seed(1)
        criterion = objective.build(either, 100)
        criterion = criterion.double() if isinstance(criterion, nn.Module) else criterion
        values.append(criterion(either(x, samples=objective.samples)).value)
    torch.testing.assert_close(*values)


def test_every_measure_draws_a_whole_batch(model):
    x, usual = torch.randn(7, 6).double(), plain()
    chains = Chains(2, 3, 2, from_prior=True)
    torch.testing.assert_close(annealed(model, x, chains=chains).lower, annealed(usual, x, chains=chains).lower)
    assert bracket(model, 5, chains=chains).gap == bracket(usual, 5, chains=chains).gap
    assert information(model, x) == information(usual, x)
    assert torch.equal(*(bounds(m, [x], prepare=torch.Tensor.double, samples=3).iw for m in (model, usual)))
    torch.manual_seed(0)
    found = resample(model, x, proposals=8, draws=4)
    torch.manual_seed(0)
    assert torch.equal(*found.z, *resample(usual, x, proposals=8, draws=4).z)
