import pytest
import torch

from vaekit.distributions import Categorical, point, temper

LOGITS = torch.tensor([[0.0, 1.0, -2.0], [50.0, 0.0, -50.0]], dtype=torch.float64)


def test_levels_are_floats():
    distribution = Categorical(logits=LOGITS)
    draws = distribution.sample((4,))
    assert draws.dtype == torch.float64 and draws.shape == (4, 2)
    for level in range(3):
        found = distribution.log_prob(torch.full((2,), float(level)).double())
        torch.testing.assert_close(found, LOGITS.log_softmax(-1)[:, level])


def test_a_constant_added_to_all_logits_changes_nothing():
    """The logits are normalised, once and exactly (O5)."""
    x = torch.tensor([2.0, 1.0]).double()
    torch.testing.assert_close(Categorical(logits=LOGITS + 7).log_prob(x), Categorical(logits=LOGITS).log_prob(x))


def test_the_point_is_the_mean_level():
    torch.testing.assert_close(point(Categorical(logits=LOGITS)), LOGITS.softmax(-1) @ torch.arange(3.0).double())


def test_towards_zero_the_samples_become_the_mode():
    assert (temper(Categorical(logits=LOGITS), 1e-3).sample((50,)) == LOGITS.argmax(-1)).all()


def test_validation_refuses_levels_that_do_not_exist():
    with pytest.raises(ValueError, match="support"):
        Categorical(logits=LOGITS, validate_args=True).log_prob(torch.tensor([3.0, 0.0]))
