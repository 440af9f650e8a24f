import pytest
import torch
from torch.distributions import Bernoulli, Gamma, Independent, Normal

from vaekit.distributions import ContinuousBernoulli, DiscretizedLogistic, point, temper


def test_a_distribution_without_a_rule_says_how_to_add_one():
    with pytest.raises(NotImplementedError, match=r"Gamma.*temper\.register"):
        temper(Gamma(torch.ones(1), torch.ones(1)), 0.5)


def test_scales_are_multiplied_and_logits_divided():
    t = 0.25
    assert temper(Normal(1.0, 2.0), t).scale == 0.5
    assert temper(DiscretizedLogistic(torch.ones(1), torch.tensor(2.0), 8), t).scale == 0.5
    assert temper(Bernoulli(logits=torch.ones(1)), t).logits == 4
    assert temper(ContinuousBernoulli(torch.ones(1)), t).logits == 4
    assert temper(Independent(Normal(torch.ones(2, 3), 2.0), 1), t).event_shape == (3,)


@pytest.mark.parametrize(
    "distribution",
    [
        Normal(torch.tensor(1.5), 2.0),
        Bernoulli(logits=torch.tensor(0.7)),
        DiscretizedLogistic(*torch.tensor([5.0, 2.0]), 8),
    ],
    ids=lambda d: type(d).__name__,
)
def test_towards_zero_the_samples_become_the_mode(distribution):
    draws = temper(distribution, 1e-6).sample((100,))
    mode = (point(distribution) > 0.5).float() if isinstance(distribution, Bernoulli) else point(distribution)
    assert (draws - mode).abs().max() < 1e-4


def test_point_of_a_bernoulli_is_its_probability():
    logits = torch.randn(4, 2)
    torch.testing.assert_close(point(Independent(Bernoulli(logits=logits), 1)), logits.sigmoid())


def test_point_of_a_discretized_logistic_is_held_inside_the_levels():
    assert point(DiscretizedLogistic(torch.tensor([-5.0, 3.5, 99.0]), torch.ones(3), 8)).tolist() == [0.0, 3.5, 7.0]
