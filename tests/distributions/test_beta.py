import mpmath
import pytest
import torch

from vaekit.distributions import Beta, point, temper

CONCENTRATIONS = [0.007, 0.3, 1.0, 7.9, 8.1, 60.0, 2900.0]


def exact(x, a, b):
    with mpmath.workdps(50):
        x, a, b = map(mpmath.mpf, (x, a, b))
        value = (a - 1) * mpmath.log(x) + (b - 1) * mpmath.log(1 - x)
        return float(value + mpmath.loggamma(a + b) - mpmath.loggamma(a) - mpmath.loggamma(b))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-11), (torch.float32, 1e-5)], ids=str)
@pytest.mark.parametrize("a", CONCENTRATIONS)
@pytest.mark.parametrize("b", CONCENTRATIONS)
def test_log_prob_against_high_precision(a, b, dtype, tolerance):
    """Near the mean and far from it; in single precision torch's is wrong by 1e-3 and more at the largest."""
    a, b = torch.tensor(a, dtype=dtype), torch.tensor(b, dtype=dtype)
    mean = (a / (a + b)).item()
    for x in (2.0**-24, 0.01, 0.5, min(max(mean, 1e-6), 1 - 1e-6), 1 - 2.0**-24):
        x = torch.tensor(x, dtype=dtype)
        expected = exact(x.item(), a.item(), b.item())
        assert Beta(a, b).log_prob(x).item() == pytest.approx(expected, rel=tolerance, abs=40 * tolerance)


def test_draws_stay_inside_the_open_interval():
    draws = Beta(torch.full((5000,), 0.01), torch.full((5000,), 0.01)).sample()
    assert draws.min() > 0 and draws.max() < 1


def test_temperature_keeps_the_mean():
    d = Beta(torch.tensor([2.0]), torch.tensor([6.0]))
    assert point(temper(d, 0.1)) == point(d) == 0.25
    assert temper(d, 0.1).variance < d.variance < temper(d, 3.0).variance
