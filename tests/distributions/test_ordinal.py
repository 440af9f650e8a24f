import pytest
import torch

from vaekit.distributions import Ordinal, point, temper


def example(levels=5, dtype=torch.float64):
    return Ordinal(torch.randn(40, dtype=dtype), torch.rand(40, levels - 2, dtype=dtype) * 2 + 0.01)


@pytest.mark.parametrize("levels", [2, 3, 6])
def test_cumulative_probabilities_are_sigmoids_of_the_cuts(levels):
    distribution = example(levels)
    assert (distribution.levels, distribution.probs.shape) == (levels, (40, levels))
    cuts = torch.cat([distribution.first[:, None], distribution.gaps], 1).cumsum(1)
    torch.testing.assert_close(distribution.probs.cumsum(1)[:, :-1], cuts.sigmoid())
    torch.testing.assert_close(distribution.probs.sum(1), torch.ones(40).double())
    found = torch.stack([distribution.log_prob(torch.full((40,), float(k)).double()) for k in range(levels)], 1)
    torch.testing.assert_close(found, distribution.logits)


def test_narrow_levels_far_out_keep_their_digits():
    """A difference of two sigmoids would be zero there."""
    distribution = Ordinal(torch.tensor([60.0]), torch.tensor([[1e-3, 1.0]]))
    exact = -60.0 + torch.log1p(-torch.exp(torch.tensor(-1e-3, dtype=torch.float64)).float())
    torch.testing.assert_close(distribution.log_prob(torch.tensor([1.0])), exact.view(1), rtol=1e-3, atol=0)


def test_the_point_is_the_median_and_cold_draws_become_it():
    distribution = example()
    cumulative = distribution.probs.cumsum(1)
    assert torch.equal(point(distribution), (cumulative < 0.5).sum(1).double())
    sure = (cumulative - 0.5).abs().amin(1) > 0.02
    assert torch.equal(temper(distribution, 1e-3).sample()[sure], point(distribution)[sure])


def test_draws_are_as_frequent_as_probable():
    distribution = example()
    draws = distribution.sample((20_000,))
    for level in range(distribution.levels):
        assert ((draws == level).double().mean(0) - distribution.probs[:, level]).abs().max() < 0.02


def test_validation_refuses_levels_that_do_not_exist():
    with pytest.raises(ValueError, match="support"):
        Ordinal(torch.zeros(1), torch.ones(1, 1), validate_args=True).log_prob(torch.tensor([3.0]))
