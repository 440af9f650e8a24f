import math

import mpmath
import pytest
import torch

from vaekit.distributions import NegativeBinomial, Poisson, ZeroInflated, point, temper
from vaekit.distributions.stirling import log1p_or, stirling

PRECISIONS = pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-11), (torch.float32, 3e-6)], ids=str)
COUNTS = [0.0, 1.0, 2.0, 7.0, 8.0, 50.0, 1e3, 99_000.0, 100_000.0, 101_000.0, 1e6]


def exact_poisson(x, eta):
    with mpmath.workdps(60):
        x, eta = mpmath.mpf(x), mpmath.mpf(eta)
        return float(x * eta - mpmath.exp(eta) - mpmath.loggamma(x + 1))


def exact_negative_binomial(x, eta, log_r):
    with mpmath.workdps(60):
        x, mean, r = mpmath.mpf(x), mpmath.exp(mpmath.mpf(eta)), mpmath.exp(mpmath.mpf(log_r))
        choose = mpmath.loggamma(x + r) - mpmath.loggamma(r) - mpmath.loggamma(x + 1)
        return float(choose + r * mpmath.log(r / (r + mean)) + x * mpmath.log(mean / (r + mean)))


@PRECISIONS
@pytest.mark.parametrize("eta", [-50.0, -1.0, 0.0, 2.0, 6.9, 11.5, 11.513, 20.0])
def test_poisson_against_high_precision(eta, dtype, tolerance):
    """Near a rate of 1e5 the usual formula leaves 0.1 nats of a single-precision result."""
    log_rate = torch.tensor(eta, dtype=dtype)
    for x in COUNTS:
        actual = Poisson(log_rate).log_prob(torch.tensor(x, dtype=dtype)).item()
        assert actual == pytest.approx(exact_poisson(x, log_rate.item()), rel=tolerance, abs=100 * tolerance)


@PRECISIONS
@pytest.mark.parametrize("eta", [-50.0, 0.0, 2.0, 11.513, 20.0])
@pytest.mark.parametrize("log_r", [-10.0, -1.0, 0.0, 5.0, 11.5, 15.0])
def test_negative_binomial_against_high_precision(eta, log_r, dtype, tolerance):
    mean, concentration = torch.tensor(eta, dtype=dtype), torch.tensor(log_r, dtype=dtype)
    for x in COUNTS:
        actual = NegativeBinomial(mean, concentration).log_prob(torch.tensor(x, dtype=dtype)).item()
        expected = exact_negative_binomial(x, mean.item(), concentration.item())
        assert actual == pytest.approx(expected, rel=tolerance, abs=100 * tolerance)


def test_gradients_against_finite_differences():
    eta, log_r = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in ([0.5, 3.0, 2.0], [0.1, 2.0, 9.0]))
    x = torch.tensor([0.0, 3.0, 60.0]).double()
    assert torch.autograd.gradcheck(lambda e: Poisson(e).log_prob(x), eta)
    assert torch.autograd.gradcheck(lambda e, r: NegativeBinomial(e, r).log_prob(x), (eta, log_r))
    assert torch.autograd.gradcheck(
        lambda e, r, o: ZeroInflated(NegativeBinomial(e, r), o).log_prob(x), (eta, log_r, eta)
    )


def test_many_failures_make_a_negative_binomial_a_poisson():
    x, eta = torch.arange(40.0).double(), torch.full((40,), 2.0).double()
    limit = NegativeBinomial(eta, torch.full_like(eta, 25.0)).log_prob(x)
    torch.testing.assert_close(limit, Poisson(eta).log_prob(x), rtol=1e-7, atol=1e-7)


def test_a_zero_has_two_causes():
    base = Poisson(torch.tensor([1.0]).double())
    zeros = ZeroInflated(base, torch.tensor([math.log(0.3 / 0.7)]).double())
    expected = math.log(0.3 + 0.7 * math.exp(-math.e))
    assert zeros.log_prob(torch.zeros(1)).item() == pytest.approx(expected)
    three = torch.tensor([3.0]).double()
    assert zeros.log_prob(three).item() == pytest.approx(math.log(0.7) + base.log_prob(three).item())


@pytest.mark.parametrize("distribution", [Poisson(torch.ones(1)), NegativeBinomial(torch.ones(1), torch.ones(1))])
def test_validation_refuses_what_is_no_count(distribution):
    checked = type(distribution)(
        *(getattr(distribution, key) for key in distribution.arg_constraints), validate_args=True
    )
    for bad in (-1.0, 0.5):
        with pytest.raises(ValueError, match="support"):
            checked.log_prob(torch.tensor([bad]))


@pytest.mark.parametrize("t", [1e-6, 0.5, 2.0])
def test_a_temperature_scales_the_deviation_of_counts(t):
    base = NegativeBinomial(torch.tensor([7.0]), torch.tensor([2.0]))
    draws = temper(base, t).sample((20_000,))
    assert torch.equal(draws, draws.round()) and draws.min() >= 0
    assert draws.mean().item() == pytest.approx(point(base).item(), rel=0.03)
    assert draws.std().item() == pytest.approx(t * base.variance.sqrt().item(), rel=0.05, abs=1)


def test_large_rates_are_drawn_as_they_should():
    draws = Poisson(torch.full((2000,), 20.0).double()).sample()
    rate = math.exp(20)
    assert abs(draws.mean().item() - rate) < 5 * math.sqrt(rate / 2000)
    assert draws.std().item() == pytest.approx(math.sqrt(rate), rel=0.1)


def test_stirlings_remainder_against_high_precision():
    for z in (1e-6, 0.1, 1.0, 7.999, 8.0, 8.001, 100.0, 1e12):
        with mpmath.workdps(60):
            m = mpmath.mpf(z)
            expected = mpmath.loggamma(m) - (m - 0.5) * mpmath.log(m) + m - mpmath.log(2 * mpmath.pi) / 2
        assert stirling(torch.tensor(z, dtype=torch.float64)).item() == pytest.approx(
            float(expected), rel=1e-10, abs=1e-13
        )


def test_the_logarithm_of_a_ratio_near_one_keeps_its_digits():
    near, far = torch.tensor([2.0**-23, -0.9, 8.0]), torch.tensor([0.0, -7.0, 9.0])
    assert log1p_or(near, far).tolist() == pytest.approx([2.0**-23, -7.0, 9.0], rel=1e-6)
