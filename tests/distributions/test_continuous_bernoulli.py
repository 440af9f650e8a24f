import mpmath
import pytest
import torch

from vaekit.distributions import ContinuousBernoulli

LOGITS = [-80.0, -20.0, -3.0, -0.11, -0.0999, -1e-2, -1e-6, 0.0, 1e-9, 9.9e-3, 0.0999, 0.11, 1.0, 20.0, 80.0]


def exact_log_normalizer(eta):
    with mpmath.workdps(50):
        eta = mpmath.mpf(eta)
        return float(mpmath.log(mpmath.expm1(eta) / eta)) if eta else 0.0


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 2e-5)], ids=str)
@pytest.mark.parametrize("logit", LOGITS)
def test_log_prob_against_high_precision(logit, dtype, tolerance):
    """The normaliser that binary cross-entropy on grey values lacks (D5)."""
    x = torch.tensor([0.0, 0.2, 0.5, 0.999, 1.0], dtype=dtype)
    logits = torch.tensor(logit, dtype=dtype)
    expected = x.double() * logits.double() - exact_log_normalizer(logits.item())
    actual = ContinuousBernoulli(logits).log_prob(x).double()
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance / 10)


def test_far_tails_keep_their_digits():
    """At logit 80 a zero has log-density log 80 - 80; a clamp of the probability would end near -16."""
    for dtype in (torch.float32, torch.float64):
        log_prob = ContinuousBernoulli(torch.tensor(80.0, dtype=dtype)).log_prob(torch.tensor(0.0, dtype=dtype))
        assert log_prob.item() == pytest.approx(-80 + float(mpmath.log(80)), rel=1e-6)


def test_agrees_with_torch_where_torch_is_accurate():
    logits = torch.cat([torch.linspace(-12, -0.2, 40), torch.linspace(0.2, 12, 40)]).double()
    ours, theirs = ContinuousBernoulli(logits), torch.distributions.ContinuousBernoulli(logits=logits)
    x = torch.rand(50, 80, dtype=torch.float64)
    torch.testing.assert_close(ours.log_prob(x), theirs.log_prob(x), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(ours.mean, theirs.mean, rtol=1e-8, atol=1e-8)


def test_mean_is_the_derivative_of_the_log_normalizer():
    logits = torch.tensor(LOGITS, dtype=torch.float64, requires_grad=True)
    distribution = ContinuousBernoulli(logits)
    (slope,) = torch.autograd.grad(-distribution.log_prob(torch.zeros_like(logits)).sum(), logits)
    torch.testing.assert_close(distribution.mean.detach(), slope, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("logit", [-1000.0, -100.0, 0.0, 100.0, 1000.0])
def test_mean_and_its_gradient_stay_finite(logit):
    logits = torch.tensor(logit, requires_grad=True)
    mean = ContinuousBernoulli(logits).mean
    mean.backward()
    expected = 0.5 if logit == 0 else (1 - 1 / logit if logit > 0 else -1 / logit)
    assert mean.item() == pytest.approx(expected, rel=1e-4)
    assert torch.isfinite(logits.grad) and logits.grad > 0


@pytest.mark.parametrize("logit", [-30.0, -5e-4, 5e-4, 2e-3, 30.0])
def test_samples_carry_the_gradient_of_the_mean(logit):
    logits = torch.full((200_000,), logit, dtype=torch.float64, requires_grad=True)
    draws = ContinuousBernoulli(logits).rsample()
    (slope,) = torch.autograd.grad(draws.sum(), logits)
    assert ((draws >= 0) & (draws <= 1)).all()
    variance = torch.autograd.functional.jacobian(lambda eta: ContinuousBernoulli(eta).mean, logits[0].detach())
    assert slope.mean().item() == pytest.approx(variance.item(), rel=0.02)


def test_values_outside_the_support_are_refused_where_validation_is_on():
    with pytest.raises(ValueError, match="support"):
        ContinuousBernoulli(torch.zeros(1), validate_args=True).log_prob(torch.tensor([1.5]))


def test_expand_is_the_same_distribution():
    distribution = ContinuousBernoulli(torch.tensor([0.3, -2.0])).expand((4, 2))
    assert distribution.batch_shape == (4, 2) and distribution.sample().shape == (4, 2)
