import torch
from torch.distributions import kl_divergence

from vaekit.distributions import StraightThrough, point, temper


def test_draws_are_exact_and_one_hot():
    q = StraightThrough(torch.tensor([0.0, 1.0, 2.0]).double(), tau=0.3)
    z = q.rsample((40_000,))
    assert set(z.unique().tolist()) == {0.0, 1.0} and (z.sum(-1) == 1).all()
    torch.testing.assert_close(z.mean(0), q.probs, rtol=0.03, atol=0)


def test_the_gradient_is_that_of_the_relaxation_with_the_same_noise():
    logits = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(5, 4).double()
    torch.manual_seed(3)
    (StraightThrough(logits, tau=0.7).rsample() * weight).sum().backward()
    torch.manual_seed(3)
    again = logits.detach().requires_grad_()
    gumbel = -torch.empty_like(again).exponential_().log()
    (torch.softmax((again.log_softmax(-1) + gumbel) / 0.7, -1) * weight).sum().backward()
    torch.testing.assert_close(logits.grad, again.grad)
    assert logits.grad.abs().min() > 1e-4


def test_the_rate_is_that_of_the_categorical():
    logits = torch.tensor([[0.0, 1.0, -2.0], [-50.0, 50.0, 0.0]])
    rate = kl_divergence(StraightThrough(logits), StraightThrough(torch.zeros(3)))
    p = logits.double().softmax(-1)
    expected = (p * (p.log() + torch.tensor(3.0).double().log())).sum(-1)
    torch.testing.assert_close(rate.double(), expected, rtol=1e-5, atol=1e-6)


def test_a_low_temperature_draws_the_mode():
    q = StraightThrough(torch.tensor([0.0, 0.5, 0.2]))
    assert torch.equal(temper(q, 0.01).sample((50,)), point(q).expand(50, 3))
    assert torch.equal(point(q), torch.tensor([0.0, 1.0, 0.0]))


def test_the_temperature_of_the_relaxation_is_no_part_of_the_distribution():
    logits = torch.randn(3)
    z = torch.eye(3)
    assert torch.equal(StraightThrough(logits, 0.1).log_prob(z), StraightThrough(logits, 9.0).log_prob(z))
    torch.testing.assert_close(StraightThrough(logits).log_prob(z).exp().sum(), torch.tensor(1.0))
