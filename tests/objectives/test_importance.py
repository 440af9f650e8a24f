import math

import pytest
import torch
from torch.distributions import Distribution, Independent, Normal

from laws.test_objectives import parts, trace_of
from vaekit.models import Latent, Trace
from vaekit.objectives import IWAE


class Known(Distribution):
    """A likelihood whose log-probabilities are given."""

    arg_constraints = {}  # noqa: RUF012

    def __init__(self, log_prob):
        self.values = log_prob
        super().__init__(log_prob.shape, torch.Size((1,)), validate_args=False)

    def log_prob(self, x):
        return self.values


def weighted(log_weight):
    """Return a trace with given log-weights (S, B): posterior and prior are the same."""
    s, b = log_weight.shape
    q = Independent(Normal(torch.zeros(b, 2).double(), 1.0), 1)
    p = Independent(Normal(torch.zeros(2).double(), 1.0), 1)
    return Trace(torch.zeros(b, 1).double(), Known(log_weight), (Latent(torch.randn(s, b, 2).double(), q, p),))


@pytest.mark.parametrize("k", [1, 2, 50])
@pytest.mark.parametrize("log_w", [-255.9, 0.0, 3.0])
def test_constant_weights_give_their_logarithm(log_w, k):
    """The reported number is the log-mean-exp of the weights, not their softmax mean (D7)."""
    loss = IWAE()(weighted(torch.full((k, 4), log_w, dtype=torch.float64)))
    assert loss.value.item() == pytest.approx(-log_w, abs=1e-12)
    assert loss.metrics["iw_bound"].item() == pytest.approx(log_w, abs=1e-12)


def test_the_value_is_the_log_mean_exp_over_samples():
    """The weights are normalised over the K samples, not over the batch (D6)."""
    log_weight = 3 * torch.randn(7, 5).double()
    expected = log_weight.exp().mean(0).log().mean()
    torch.testing.assert_close(IWAE()(weighted(log_weight)).value, -expected)


def test_one_sample_is_the_elbo_on_the_same_sample():
    trace = trace_of(*parts(samples=1))
    expected = -(trace.log_likelihood + trace.latents[0].log_ratio).mean()
    torch.testing.assert_close(IWAE(samples=1)(trace).value, expected)


def test_weights_favour_the_lower_error():
    """Errors {0, 1} give a loss below their mean of 0.5, and most of the gradient goes to the better sample (A2)."""
    errors = torch.tensor([[0.0], [1.0]]).double().requires_grad_()
    loss = IWAE()(weighted(-errors)).value
    loss.backward()
    assert loss.item() == pytest.approx(-math.log((1 + math.exp(-1)) / 2)) and loss < 0.5
    torch.testing.assert_close(errors.grad, torch.softmax(-errors.detach(), 0))


def test_far_weights_do_not_underflow():
    log_weight = torch.tensor([[-5000.0], [-5010.0]])
    assert IWAE()(weighted(log_weight)).value.item() == pytest.approx(5000 + math.log(2), abs=1e-2)


def test_more_samples_give_a_higher_bound_on_the_same_weights():
    log_weight = torch.randn(100, 500).double()
    one = -log_weight.mean()
    assert IWAE()(weighted(log_weight)).value < one


@pytest.mark.parametrize("samples", [0, -1])
def test_at_least_one_sample(samples):
    with pytest.raises(ValueError):
        IWAE(samples=samples)
