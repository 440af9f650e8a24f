import itertools

import pytest
import torch
from torch.distributions import Categorical

from vaekit.distributions import Categoricals, point, temper

LEVELS = (2, 2, 3, 7, 2)
SPREAD = [1.0, 100.0, 1e4]


def example(rows=64, dtype=torch.float64, spread=1.0):
    """Return logits whose variables may lie far from one another, and levels."""
    offsets = spread * torch.randn(len(LEVELS), dtype=dtype)
    logits = torch.randn(rows, sum(LEVELS), dtype=dtype) + offsets.repeat_interleave(torch.tensor(LEVELS))
    return logits.requires_grad_(), torch.stack([torch.randint(0, count, (rows,)) for count in LEVELS], 1).to(dtype)


def one_by_one(logits, x):
    """Return the same log-probabilities from torch's own categoricals."""
    parts = logits.split(LEVELS, -1)
    return torch.stack([Categorical(logits=part).log_prob(x[..., j]) for j, part in enumerate(parts)], -1)


@pytest.mark.parametrize("spread", SPREAD)
def test_they_are_independent_categoricals_however_far_apart_their_logits(spread):
    """One shift serves all variables of a row where it can, and never costs a digit where it cannot."""
    logits, x = example(spread=spread)
    slopes = torch.randn(x.shape, dtype=x.dtype)
    found, expected = Categoricals(logits, LEVELS).log_prob(x), one_by_one(logits, x)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    gradients = [torch.autograd.grad((value * slopes).sum(), logits)[0] for value in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-8, atol=1e-10)


def test_single_precision_keeps_its_digits():
    logits, x = example(dtype=torch.float32, spread=20.0)
    torch.testing.assert_close(
        Categoricals(logits, LEVELS).log_prob(x).double(), one_by_one(logits.double(), x.double()), rtol=0, atol=2e-5
    )


def test_values_and_logits_broadcast():
    logits, x = example(rows=4)
    distribution = Categoricals(logits.expand(3, 4, -1), LEVELS)
    assert distribution.batch_shape == (3, 4, len(LEVELS))
    torch.testing.assert_close(distribution.log_prob(x), one_by_one(logits, x).expand(3, -1, -1))
    more = Categoricals(logits, LEVELS).log_prob(x.expand(5, 3, -1, -1))
    torch.testing.assert_close(more, one_by_one(logits, x).expand(5, 3, -1, -1))


def test_the_sum_over_all_rows_is_one():
    logits, _ = example(rows=1)
    rows = torch.tensor(list(itertools.product(*map(range, LEVELS))), dtype=torch.float64)
    total = Categoricals(logits, LEVELS).log_prob(rows[:, None]).sum(-1).exp().sum()
    assert total.item() == pytest.approx(1, abs=1e-12)


def test_draws_are_as_frequent_as_probable():
    logits, _ = example(rows=1)
    distribution = Categoricals(logits.detach(), LEVELS)
    draws = distribution.sample((20_000,))
    assert draws.dtype == torch.float64 and draws.shape == (20_000, 1, len(LEVELS))
    for j, part in enumerate(distribution.logits.split(LEVELS, -1)):
        found = torch.stack([(draws[:, 0, j] == level).double().mean() for level in range(LEVELS[j])])
        assert (found - part[0].exp()).abs().max() < 0.02


def test_the_point_is_the_mode_and_cold_draws_become_it():
    logits, _ = example()
    distribution = Categoricals(logits.detach(), LEVELS)
    expected = torch.stack([part.argmax(-1) for part in logits.split(LEVELS, -1)], -1).double()
    assert torch.equal(point(distribution), expected)
    assert torch.equal(temper(distribution, 1e-4).sample(), expected)


def test_what_inference_has_kept_serves_training():
    """Constants are kept between calls; one made in inference mode may not be saved for a gradient."""
    logits, _ = example(rows=2)
    levels = (5, 4, 7)  # no other test has these
    with torch.inference_mode():
        Categoricals(logits, levels).log_prob(torch.zeros(2, 3))
    Categoricals(logits, levels).log_prob(torch.zeros(2, 3)).sum().backward()
    assert torch.isfinite(logits.grad).all()


def test_logits_that_are_no_numbers_stay_none():
    logits = torch.zeros(2, sum(LEVELS))
    logits[1, 0] = torch.nan
    found = Categoricals(logits, LEVELS).log_prob(torch.zeros(2, len(LEVELS)))
    assert torch.isfinite(found[0]).all() and found[1, 0].isnan()
