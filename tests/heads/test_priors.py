import pytest
import torch

from vaekit.heads import StandardNormal


@pytest.mark.parametrize("event", [(3,), (2, 4, 4)], ids=str)
def test_standard_normal(event):
    prior = StandardNormal(event)
    assert not list(prior.parameters()) and not prior.state_dict()
    p = prior.double()()
    assert (p.batch_shape, p.event_shape) == ((), event)
    assert p.sample().dtype == torch.float64
    z = torch.randn(5, *event).double()
    expected = torch.distributions.Normal(torch.zeros(event).double(), 1.0).log_prob(z).flatten(1).sum(1)
    torch.testing.assert_close(p.log_prob(z), expected)
