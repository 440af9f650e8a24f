import math

import pytest
import torch

from vaekit.distributions import WrappedNormal, exponential


def distance(x, y):
    """Return the hyperbolic distance in the Poincare ball, by its textbook formula."""
    difference = (x - y).square().sum(-1)
    return torch.acosh(1 + 2 * difference / ((1 - x.square().sum(-1)) * (1 - y.square().sum(-1))))


def test_the_exponential_keeps_lengths():
    v = torch.randn(50, 3).double() * 2
    torch.testing.assert_close(distance(exponential(v), torch.zeros(50, 3).double()), v.norm(dim=-1))
    assert torch.equal(exponential(torch.zeros(2)), torch.zeros(2))


def test_draws_lie_as_far_from_the_center_as_their_noise_is_long():
    """The squared distance over the variance is a chi-square, wherever the center is."""
    loc = exponential(torch.tensor([[0.0, 0.0, 0.0], [2.0, -1.0, 3.0]]).double())
    z = WrappedNormal(loc, torch.full((3,), 0.7).double()).sample((20_000,))
    squared = (distance(z, loc) / 0.7).square()
    torch.testing.assert_close(squared.mean(0), torch.full((2,), 3.0).double(), rtol=0.03, atol=0)
    torch.testing.assert_close(squared.var(0), torch.full((2,), 6.0).double(), rtol=0.08, atol=0)


@pytest.mark.parametrize("d", [1, 3, 16])
def test_the_density_is_that_of_the_noise_over_the_jacobian(d):
    """log N(v) - log |det dz/dv| + the volume element: a check by automatic differentiation."""
    loc, scale = exponential(0.3 * torch.randn(d).double()), torch.rand(d).double() + 0.5
    q = WrappedNormal(loc, scale)
    noise = torch.randn(d).double()

    def draw(v):
        y = exponential(v)
        xy, xx, yy = loc @ y, loc @ loc, y @ y
        return ((1 + 2 * xy + yy) * loc + (1 - xx) * y) / (1 + 2 * xy + xx * yy)

    v = scale * noise
    z, jacobian = draw(v), torch.autograd.functional.jacobian(draw, v)
    lebesgue = torch.distributions.Normal(0, scale).log_prob(v).sum() - jacobian.det().abs().log()
    volume = d * torch.log(2 / (1 - z @ z))
    torch.testing.assert_close(q.log_prob(z), lebesgue - volume)


def test_gradients_are_finite_at_the_center_and_next_to_the_boundary():
    loc = torch.tensor([[0.0, 0.0], [0.995, 0.0]], requires_grad=True)
    scale = torch.ones(2, 2, requires_grad=True)
    q = WrappedNormal(loc, scale)
    for z in (loc.detach(), q.rsample((500,))):
        loc.grad = scale.grad = None
        log_prob = q.log_prob(z)
        assert log_prob.dtype == torch.float32 and torch.isfinite(log_prob).all()
        (log_prob.sum() + z.sum()).backward()
        assert torch.isfinite(loc.grad).all() and torch.isfinite(scale.grad).all()


def test_draws_stay_inside_in_single_precision():
    z = WrappedNormal(torch.zeros(8), torch.full((8,), 30.0)).sample((200,))
    assert (z.double().norm(dim=-1) < 1).all() and math.isfinite(distance(z.double(), 0 * z.double()).max())
