import math

import pytest
import torch

from distributions.test_discretized_logistic import exact_log_mass
from vaekit.distributions import DiscretizedLogistic, DiscretizedLogisticMixture, point, temper


def parts(batch, m, c, grid, levels=256, dtype=torch.float64):
    shape = (*batch, m, c, *grid)
    pairs = torch.rand(*batch, m, c * (c - 1) // 2, *grid, dtype=dtype) * 2 - 1
    loc, scale = (torch.rand(shape, dtype=dtype) * levels for _ in range(2))
    logits = torch.randn(*batch, m, *grid, dtype=dtype)
    return {
        "logits": logits,
        "loc": loc,
        "scale": scale / 8 + 0.1,
        "coefficients": pairs,
        "levels": levels,
        "grid": len(grid),
    }


def test_log_prob_against_a_brute_force_sum_over_components():
    p = parts((3,), 4, 3, (2, 5))
    x = torch.randint(0, 256, (3, 3, 2, 5)).double()
    k, loc, scale = p["coefficients"], p["loc"], p["scale"]
    total = 0
    for m in range(4):
        means = [loc[:, m, 0], loc[:, m, 1] + k[:, m, 0] * (x[:, 0] - 127.5)]
        means.append(loc[:, m, 2] + k[:, m, 1] * (x[:, 0] - 127.5) + k[:, m, 2] * (x[:, 1] - 127.5))
        mass = sum(DiscretizedLogistic(means[c], scale[:, m, c], 256).log_prob(x[:, c]) for c in range(3))
        total = total + (mass + p["logits"].log_softmax(1)[:, m]).exp()
    distribution = DiscretizedLogisticMixture(**p)
    assert (distribution.batch_shape, distribution.event_shape) == ((3,), (3, 2, 5))
    torch.testing.assert_close(distribution.log_prob(x), total.log().sum((1, 2)))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 3e-9), (torch.float32, 3e-6)], ids=str)
@pytest.mark.parametrize("log_scale", [-9.0, -3.0, 1.0])
def test_far_tails_against_high_precision(log_scale, dtype, tolerance):
    """A level 200 bins from the mean of a component at log-scale -9 keeps all its digits; no clamp, no threshold."""
    scale = torch.full((2, 1), 127.5 * math.exp(log_scale), dtype=dtype)
    loc = torch.tensor([[20.25], [30.0]], dtype=dtype)
    empty = torch.zeros(2, 0, dtype=dtype)
    distribution = DiscretizedLogisticMixture(
        torch.tensor([0.0, -1e4], dtype=dtype), loc, scale, empty, levels=256, grid=0
    )
    for k in (0, 1, 19, 20, 100, 254, 255):
        expected = exact_log_mass(k, 20.25, scale[0, 0].item(), 256)
        if expected < -5000:  # there the other component takes over, whatever its weight
            continue
        actual = distribution.log_prob(torch.tensor([float(k)], dtype=dtype)).item()
        assert actual == pytest.approx(expected, rel=tolerance, abs=tolerance)


def test_gradients_against_finite_differences():
    p = parts((2,), 2, 3, (), levels=16)
    x = torch.randint(0, 16, (2, 3)).double()
    leaves = [p[key].requires_grad_() for key in ("logits", "loc", "scale", "coefficients")]
    assert torch.autograd.gradcheck(lambda *a: DiscretizedLogisticMixture(*a, levels=16, grid=0).log_prob(x), leaves)


@pytest.mark.parametrize("grid", [(), (4,), (2, 3)], ids=str)
@pytest.mark.parametrize("channels", [1, 2, 4])
def test_draws_are_levels_of_the_shape_of_an_event(channels, grid):
    distribution = DiscretizedLogisticMixture(**parts((2, 5), 3, channels, grid, levels=8))
    draws = distribution.sample((7,))
    assert draws.shape == (7, 2, 5, channels, *grid)
    assert distribution.support.check(draws).all()
    assert torch.isfinite(distribution.log_prob(draws)).all() and distribution.log_prob(draws).shape == (7, 2, 5)


def test_narrow_components_are_drawn_together_over_channels():
    """Both channels of a pixel come from the same component, and the second follows the rounded first."""
    loc = torch.tensor([[10.3, 49.8], [40.0, 20.0]])
    k = torch.tensor([[1.0], [0.0]])
    d = DiscretizedLogisticMixture(torch.zeros(2), loc, torch.full((2, 2), 1e-3), k, levels=64, grid=0)
    draws = d.sample((200,)).unique(dim=0)
    assert draws.tolist() == [[10.0, 28.0], [40.0, 20.0]]  # 49.8 + (10 - 31.5) = 28.3


def test_the_point_is_the_mean_where_no_edge_is_near():
    p = parts((6,), 3, 3, ())
    p |= {"loc": 100 + p["loc"] / 8, "scale": torch.full_like(p["scale"], 2.0), "coefficients": p["coefficients"] / 8}
    distribution = DiscretizedLogisticMixture(**p)
    draws = distribution.sample((20_000,))
    assert ((draws.mean(0) - point(distribution)).abs() <= 5 * draws.std(0) / 20_000**0.5 + 0.02).all()


def test_towards_zero_the_samples_become_the_mode():
    p = parts((6,), 3, 2, (), levels=16)
    p["logits"] = torch.tensor([0.0, 1.0, 3.0]).double().expand(6, 3)
    draws = temper(DiscretizedLogisticMixture(**p), 1e-6).sample((50,))
    assert torch.equal(draws, draws[:1].expand_as(draws))
