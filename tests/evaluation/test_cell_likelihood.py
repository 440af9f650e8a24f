"""Cells judged one by one: nothing is told by latents that nobody reads, all of a bit by one that is the bit."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Independent, Normal

from vaekit.distributions import Columns
from vaekit.evaluation import bounds, cell_likelihoods
from vaekit.models import VAE


class Prior(nn.Module):
    def forward(self):
        return Independent(Normal(torch.zeros(1), 1.0), 1)


class Posterior(nn.Module):
    """The latent says which sign the first cell has; the second cell is not looked at."""

    def forward(self, x):
        return Independent(Normal(x[:, :1].nan_to_num() * 4 - 2, 0.01), 1)


class Likelihood(nn.Module):
    """A bit that follows the latent, a bit and a number that do not."""

    def forward(self, z):
        bits = torch.cat([z * 10, torch.zeros_like(z)], -1)
        return Columns(
            [(torch.tensor([0, 1]), Bernoulli(logits=bits)), (torch.tensor([2]), Normal(torch.zeros_like(z), 3.0))]
        )


@pytest.fixture
def model():
    return VAE(Prior(), Posterior(), Likelihood())


@pytest.fixture
def x():
    bits = (torch.arange(80) % 2).float()
    return torch.stack([bits, torch.ones(80), torch.linspace(-3, 3, 80)], 1)


def test_the_latents_tell_a_bit_of_what_they_are_and_nothing_else(model, x):
    found = cell_likelihoods(model, x, draws=64)
    assert found.gain.tolist() == pytest.approx([math.log(2), 0, 0], abs=0.02)
    assert found.mean[:2].tolist() == pytest.approx([0, -math.log(2)], abs=1e-4)
    assert found.mean[2].item() == pytest.approx(Normal(0, 3.0).log_prob(x[:, 2]).mean().item(), abs=1e-5)


def test_groups_are_judged_together_and_their_sum_is_the_distortion(model, x):
    found = cell_likelihoods(model, x, groups=[[0, 1], [2]], draws=16)
    apart = cell_likelihoods(model, x, draws=16)
    assert torch.allclose(found.given, torch.stack([apart.given[:, :2].sum(1), apart.given[:, 2]], 1))
    distortion = bounds(model, [x], samples=16).distortion
    assert found.given.sum(1).mean().item() == pytest.approx(-distortion.mean().item(), abs=1e-3)


def test_what_was_not_observed_is_left_out(model, x):
    some = x.clone()
    some[::4, 2] = torch.nan
    some[:, 1] = torch.nan
    found = cell_likelihoods(model, some, draws=8)
    assert (found.given[::4, 2] == 0).all() and found.alone[::4, 2].abs().max() < 1e-12
    assert found.observed.sum(0).tolist() == [80, 0, 60]
    assert found.mean[1].isnan() and found.gain[1].isnan()
    seen = ~some[:, 2].isnan()
    assert found.mean[2].item() == pytest.approx(Normal(0, 3.0).log_prob(x[seen, 2]).mean().item(), abs=1e-5)


def test_a_row_is_not_compared_with_itself(model, x):
    two = torch.stack([x[0], x[1]])
    found = cell_likelihoods(model, two, draws=10)
    assert found.gain[0].item() > 10  # the other row says the contrary


def test_chunks_change_nothing_but_the_noise_and_the_generator_stays(model, x):
    state = torch.get_rng_state()
    one, other = (cell_likelihoods(model, x, draws=32, rows=rows) for rows in (64, 4000))
    assert torch.equal(state, torch.get_rng_state())
    assert torch.allclose(one.gain, other.gain, atol=1e-4)


def test_what_has_no_cells_is_refused(model, x):
    model.likelihood = nn.Module()
    model.likelihood.forward = lambda z: Independent(Normal(z.expand(*z.shape[:-1], 3), 1.0), 1)
    with pytest.raises(ValueError, match="this one is Independent"):
        cell_likelihoods(model, x)
    with pytest.raises(ValueError, match="two rows are needed, got 1"):
        cell_likelihoods(model, x[:1])
