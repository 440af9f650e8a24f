import math

import pytest
import torch

from vaekit.distributions import LogisticMixture, point, temper


def example(dtype=torch.float64):
    return LogisticMixture(
        torch.tensor([[0.0, 1.0, -1.0]], dtype=dtype),
        torch.tensor([[-2.0, 0.5, 3.0]], dtype=dtype),
        torch.tensor([[0.3, 1.0, 0.05]], dtype=dtype),
    )


def test_the_density_is_the_slope_of_the_cdf():
    mixture, x = example(), torch.linspace(-8, 8, 41, dtype=torch.float64).view(-1, 1).requires_grad_()
    (slope,) = torch.autograd.grad(mixture.cdf(x).sum(), x)
    torch.testing.assert_close(mixture.log_prob(x).exp(), slope, rtol=1e-10, atol=1e-14)


def test_moments_are_those_of_draws():
    mixture = example()
    draws = mixture.sample((200_000,))
    assert draws.mean().item() == pytest.approx(mixture.mean.item(), abs=0.02)
    assert draws.var().item() == pytest.approx(mixture.variance.item(), rel=0.02)
    assert (draws < 0.5).double().mean().item() == pytest.approx(
        mixture.cdf(torch.tensor([0.5]).double()).item(), abs=0.01
    )
    assert torch.equal(point(mixture), mixture.mean)


def test_one_component_is_a_logistic():
    x = torch.linspace(-5, 5, 11, dtype=torch.float64)[:, None]
    mixture = LogisticMixture(*(torch.full((1, 1), value, dtype=torch.float64) for value in (3.0, 1.0, 2.0)))
    y = (x - 1) / 2
    torch.testing.assert_close(mixture.log_prob(x), -y - 2 * torch.log1p(torch.exp(-y)) - math.log(2))
    assert mixture.variance.item() == pytest.approx(4 * math.pi**2 / 3)


@pytest.mark.parametrize("far", [1e3, 1e6])
def test_far_off_it_is_finite_and_linear_in_single_precision(far):
    mixture = example(torch.float32)
    x = torch.tensor([[far], [-far]], requires_grad=True)
    found = mixture.log_prob(x)
    found.sum().backward()
    assert torch.isfinite(found).all() and torch.isfinite(x.grad).all()
    # The component with the widest tails decides.
    torch.testing.assert_close(x.grad, torch.tensor([[-1.0], [1.0]]), rtol=1e-4, atol=1e-4)


def test_no_draw_is_infinite():
    torch.manual_seed(0)
    assert torch.isfinite(example(torch.float32).sample((2_000_000,))).all()


def test_cold_draws_are_at_the_most_probable_component():
    assert (temper(example(), 1e-3).sample((50,)) - 0.5).abs().max() < 0.05
