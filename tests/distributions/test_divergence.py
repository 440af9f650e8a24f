import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal, StudentT

from vaekit.distributions import kl_terms


def test_value_against_the_formula():
    mu, sigma = torch.randn(5, 3).double(), torch.rand(5, 3).double() + 0.1
    q = Independent(Normal(mu, sigma), 1)
    p = Independent(Normal(torch.zeros(3).double(), 1.0), 1)
    expected = 0.5 * (mu.square() + sigma.square() - 1) - sigma.log()
    torch.testing.assert_close(kl_terms(q, p), expected)


def test_none_where_no_closed_form_per_dimension_exists():
    normal = Independent(Normal(torch.zeros(2, 3), 1.0), 1)
    full = MultivariateNormal(torch.zeros(2, 3), torch.eye(3))
    assert kl_terms(full, normal) is None
    assert kl_terms(normal, full) is None
    assert kl_terms(normal, Independent(StudentT(torch.full((3,), 5.0)), 1)) is None


def test_different_events_are_refused():
    """A size mismatch is an error, never a broadcast (A8)."""
    q, p = (Independent(Normal(torch.zeros(n), 1.0), 1) for n in (3, 1))
    with pytest.raises(ValueError, match="event shape"):
        kl_terms(q, p)
