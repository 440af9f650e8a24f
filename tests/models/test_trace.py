import pytest
import torch
from torch.distributions import Independent, Normal, OneHotCategorical

from vaekit.models import Latent, Trace


def latent(samples, batch, dims, q_batch):
    q = Independent(Normal(torch.randn(*q_batch, dims).double(), torch.rand(*q_batch, dims).double() + 0.2), 1)
    p = Independent(Normal(torch.zeros(dims).double(), 1.0), 1)
    return Latent(torch.randn(samples, batch, dims).double(), q, p)


def test_groups_of_latents_add_up():
    """A hierarchy has many groups, a flat model one; rates and ratios are their sums, whatever their shapes."""
    groups = (latent(3, 4, 2, (4,)), latent(3, 4, 5, (3, 4)))
    x = torch.randn(4, 6).double()
    likelihood = Independent(Normal(torch.randn(3, 4, 6).double(), 1.0), 1)
    trace = Trace(x, likelihood, groups)
    assert [group.kl.shape for group in groups] == [(1, 4), (3, 4)] and trace.kl.shape == (3, 4)
    torch.testing.assert_close(trace.kl, groups[0].kl + groups[1].kl)
    expected = likelihood.log_prob(x) + groups[0].log_ratio + groups[1].log_ratio
    torch.testing.assert_close(trace.log_weight, expected)
    torch.testing.assert_close(trace.elbo, (likelihood.log_prob(x) - trace.kl).mean(0))


def test_log_ratio_is_prior_minus_posterior():
    group = latent(3, 4, 2, (4,))
    expected = group.p.log_prob(group.z) - group.q.log_prob(group.z)
    assert torch.equal(group.log_ratio, expected)


def test_quantities_are_computed_once():
    group = latent(3, 4, 2, (4,))
    assert group.kl is group.kl and group.kl_terms is group.kl_terms


@pytest.mark.parametrize("samples", [(), (5,)], ids=["once", "per draw"])
def test_rates_of_categorical_latents_are_one_per_variable(samples):
    """Whether the posterior has a sample axis of its own, as below the top of a hierarchy, or not."""
    q = Independent(OneHotCategorical(logits=torch.randn(*samples, 4, 2, 3)), 1)
    p = Independent(OneHotCategorical(logits=torch.zeros(2, 3)), 1)
    latent = Latent(torch.zeros(5, 4, 2, 3), q, p)
    assert latent.kl_terms.shape == (*(samples or (1,)), 4, 2) and latent.width == 3
    assert latent.kl.shape == latent.kl_terms.shape[:2]
