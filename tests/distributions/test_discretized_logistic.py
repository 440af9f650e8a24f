import math

import mpmath
import pytest
import torch

from vaekit.distributions import DiscretizedLogistic


def exact_log_mass(k, loc, scale, levels):
    """Return the log-mass by high-precision arithmetic, taken on the side where nothing cancels."""
    with mpmath.workdps(60):
        k, loc, scale = map(mpmath.mpf, (k, loc, scale))
        if k > loc:
            k, loc = levels - 1 - k, levels - 1 - loc
        sigmoid = lambda t: 1 / (1 + mpmath.exp(-t))  # noqa: E731
        below = sigmoid((k - mpmath.mpf("0.5") - loc) / scale) if k > 0 else mpmath.mpf(0)
        above = sigmoid((k + mpmath.mpf("0.5") - loc) / scale) if k < levels - 1 else mpmath.mpf(1)
        return float(mpmath.log(above - below))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 3e-9), (torch.float32, 3e-6)], ids=str)
@pytest.mark.parametrize("log_scale", [-9.0, -7.0, -3.0, 0.0, 3.0])
@pytest.mark.parametrize("loc", [-20.0, 0.25, 127.25, 254.75, 300.0])
def test_far_tails_against_high_precision(loc, log_scale, dtype, tolerance):
    """Double precision ends at 2e-9, where torch cuts its softplus; a level at the far end has a log-mass near -16,000."""
    scale = torch.tensor(127.5 * math.exp(log_scale), dtype=dtype)
    distribution = DiscretizedLogistic(torch.tensor(loc, dtype=dtype), scale, 256)
    for k in (0, 1, 2, 100, 127, 128, 253, 254, 255):
        expected = exact_log_mass(k, loc, scale.item(), 256)
        actual = distribution.log_prob(torch.tensor(float(k), dtype=dtype)).item()
        assert actual == pytest.approx(expected, rel=tolerance, abs=tolerance)


def test_gradients_against_finite_differences():
    loc = torch.tensor([-3.0, 2.2, 7.5, 30.0], dtype=torch.float64, requires_grad=True)
    scale = torch.tensor([0.5, 0.1, 3.0, 2.0], dtype=torch.float64, requires_grad=True)
    k = torch.tensor([0.0, 2.0, 15.0, 9.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda m, s: DiscretizedLogistic(m, s, 16).log_prob(k), (loc, scale))


@pytest.mark.parametrize("levels", [-1, 0, 1])
def test_needs_two_levels(levels):
    with pytest.raises(ValueError, match="at least 2 levels"):
        DiscretizedLogistic(torch.zeros(1), torch.ones(1), levels)


def test_validation_refuses_levels_that_do_not_exist():
    distribution = DiscretizedLogistic(torch.zeros(1), torch.ones(1), 8, validate_args=True)
    for bad in (-1.0, 8.0, 2.5):
        with pytest.raises(ValueError, match="support"):
            distribution.log_prob(torch.tensor([bad]))


def test_expand_is_the_same_distribution():
    distribution = DiscretizedLogistic(torch.tensor([3.0, 1.0]), torch.tensor(2.0), 8).expand((4, 2))
    assert distribution.batch_shape == (4, 2) and distribution.sample((3,)).shape == (3, 4, 2)
