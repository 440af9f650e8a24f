import pytest
import torch
from torch.nn import functional as F

from vaekit.distributions import Bernoulli, point, temper

LOGITS = torch.tensor([-300.0, -30.0, -2.0, 0.0, 0.5, 30.0, 300.0])


@pytest.mark.parametrize("x", [0.0, 1.0])
def test_log_prob_is_the_binary_cross_entropy(x):
    """No clamp of the probability: a logit of -300 gives a one 300 nats, in single precision too (D5)."""
    value = torch.full_like(LOGITS, x)
    expected = -F.binary_cross_entropy_with_logits(LOGITS, value, reduction="none")
    torch.testing.assert_close(Bernoulli(logits=LOGITS).log_prob(value), expected, rtol=1e-6, atol=1e-12)


def test_agrees_with_torch_from_probabilities_too():
    p, x = torch.rand(20).double(), torch.randint(0, 2, (20,)).double()
    torch.testing.assert_close(Bernoulli(probs=p).log_prob(x), torch.distributions.Bernoulli(probs=p).log_prob(x))


def test_gradient_is_the_error():
    logits = LOGITS.double().requires_grad_()
    x = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0]).double()
    Bernoulli(logits=logits).log_prob(x).sum().backward()
    torch.testing.assert_close(logits.grad, x - logits.detach().sigmoid())


def test_grey_values_are_refused_where_validation_is_on():
    with pytest.raises(ValueError, match="support"):
        Bernoulli(logits=torch.zeros(1), validate_args=True).log_prob(torch.tensor([0.5]))


def test_functions_over_distributions_know_it_as_torchs():
    ours = Bernoulli(logits=LOGITS)
    torch.testing.assert_close(point(ours), LOGITS.sigmoid())
    torch.testing.assert_close(temper(ours, 0.5).logits, 2 * LOGITS)
    kl = torch.distributions.kl_divergence(ours.expand((7,)), Bernoulli(logits=LOGITS))
    torch.testing.assert_close(kl, torch.zeros(7))
