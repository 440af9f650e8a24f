import math

import mpmath
import pytest
import torch
from scipy import special, stats
from torch.nn.functional import normalize

from vaekit.distributions import PowerSpherical, UniformSphere, VonMisesFisher, kl

DIMENSIONS = [2, 3, 4, 5, 10, 33, 50, 64, 100]
KAPPAS = [1e-3, 0.1, 1.0, 5.0, 30.0, 200.0, 3000.0]
both = pytest.mark.parametrize("kind", [VonMisesFisher, PowerSpherical])
every_dimension = pytest.mark.parametrize("d", DIMENSIONS)


def pole(d, **options):
    return torch.eye(d, dtype=torch.float64)[0].to(**options)


@every_dimension
@pytest.mark.parametrize("kappa", KAPPAS)
def test_von_mises_fisher_is_that_of_scipy(d, kappa):
    mu, z = (normalize(torch.randn(n, d).double(), dim=-1) for n in (1, 6))
    reference = stats.vonmises_fisher(mu[0].numpy(), kappa)
    exact = torch.as_tensor(reference.logpdf(z.numpy()))
    if not torch.isfinite(exact).all():  # scipy's Bessel function underflows at large orders of a small argument
        v = d / 2 - 1
        log_bessel = v * math.log(kappa / 2) - math.lgamma(v + 1) + math.log1p(kappa**2 / (4 * v + 4))
        exact = kappa * z @ mu[0] + v * math.log(kappa) - d / 2 * math.log(2 * math.pi) - log_bessel
    q = VonMisesFisher(mu, torch.tensor([kappa]).double())
    torch.testing.assert_close(q.log_prob(z), exact, rtol=1e-6, atol=1e-7)
    single = VonMisesFisher(mu.float(), torch.tensor([kappa])).log_prob(z.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), exact, rtol=1e-5, atol=1e-4 + 1e-6 * kappa)


@both
@every_dimension
def test_entropy_and_moments_are_integrals_over_the_angle(kind, d):
    """Those of the cosine, with sin^(d - 2) for the part of the sphere at an angle."""
    kappa = torch.tensor([0.1, 2.0, 40.0]).double()
    angle = torch.linspace(0, math.pi, 20_001).double()[1:-1].unsqueeze(1)
    z = torch.cat([angle.cos(), angle.sin(), torch.zeros(len(angle), d - 2).double()], 1).unsqueeze(1)
    q = kind(pole(d).expand(3, d), kappa)
    ring = 2 * math.pi ** ((d - 1) / 2) / special.gamma((d - 1) / 2)
    log_prob = q.log_prob(z)
    p = log_prob.exp() * ring * angle.sin() ** (d - 2) * math.pi / 20_000
    torch.testing.assert_close(p.sum(0), torch.ones(3).double(), rtol=0, atol=2e-3 if d == 2 else 1e-5)
    if d > 2:
        torch.testing.assert_close(q.entropy(), -(p * log_prob).sum(0), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(q.mean[:, 0], (p * angle.cos()).sum(0), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(q.variance.sum(-1), 1 - q.mean.square().sum(-1))


@pytest.mark.parametrize("kappa", [1e-3, 1.0, 30.0, 1e5, 1e8, 1e12])
@pytest.mark.parametrize("d", [2, 3, 10, 100])
def test_the_moments_keep_their_digits_at_every_concentration(d, kappa):
    """Mean A = I_{d/2} / I_{d/2 - 1} and variance 1 - A^2 - (d - 1) A / kappa (Mardia and Jupp, 2000), in 60 digits."""
    with mpmath.workdps(60):
        mean = mpmath.besseli(mpmath.mpf(d) / 2, kappa) / mpmath.besseli(mpmath.mpf(d) / 2 - 1, kappa)
        exact, around = 1 - mean**2 - (d - 1) * mean / kappa, mean / kappa
        mean, exact, around = float(mean), float(exact), float(around)
    q = VonMisesFisher(pole(d), torch.tensor(kappa, dtype=torch.float64))
    assert [part.item() for part in q.cosine_moments()] == pytest.approx([mean, exact], rel=1e-9, abs=1e-300)
    assert q.variance.tolist() == pytest.approx([exact] + [around] * (d - 1), rel=1e-9)
    single = VonMisesFisher(pole(d).float(), torch.tensor(kappa, dtype=torch.float64))
    assert single.stddev.tolist() == pytest.approx([exact**0.5] + [around**0.5] * (d - 1), rel=1e-5)


def test_the_power_spherical_variance_keeps_its_digits_in_single_precision():
    """4 a b / ((a + b)^2 (a + b + 1)) along the pole (De Cao and Aziz, 2020), and E[sin^2] / (d - 1) across it."""
    kappa, d = 1e6, 3
    a, b = 1 + kappa, 1.0
    q = PowerSpherical(pole(d).float(), torch.tensor(kappa))
    along, across = 4 * a * b / ((a + b) ** 2 * (a + b + 1)), 2 * a * b / ((a + b) * (a + b + 1))
    assert q.variance.tolist() == pytest.approx([along, across, across], rel=1e-5)


@both
@every_dimension
def test_draws_and_their_gradient_follow_the_moments_of_the_cosine(kind, d):
    """d E[t] / d kappa by the draws is the derivative of the mean in closed form, for every concentration."""
    kappa = torch.tensor([0.1, 2.0, 40.0, 900.0]).double()
    leaf, many = kappa.clone().requires_grad_(), kappa.repeat(4000, 1).requires_grad_()
    mean, variance = kind(pole(d).expand(4, d), leaf).cosine_moments()
    mean.sum().backward()
    cosine = kind(pole(d).expand(4000, 4, d), many).rsample()[..., 0]
    cosine.sum().backward()
    error = (variance.detach() / 4000).sqrt()
    assert ((cosine.mean(0) - mean).abs() < 4.5 * error).all()
    assert ((many.grad.mean(0) - leaf.grad).abs() < 4.5 * many.grad.std(0) / math.sqrt(4000) + 1e-9).all()
    torch.testing.assert_close(cosine.var(0), variance.detach(), rtol=0.25, atol=0)


@both
@pytest.mark.parametrize("d", [2, 3, 8])
def test_the_gradient_of_the_pole_turns_the_draws(kind, d):
    """Turning the pole by a small angle turns E z: the derivative of mean = A mu, whatever the noise."""
    mu = normalize(torch.randn(d).double(), dim=0)
    across = normalize(torch.randn(d).double(), dim=0)
    turn = torch.zeros(5000, requires_grad=True, dtype=torch.float64)
    loc = normalize(mu + turn[:, None] * across, dim=-1)
    z = kind(loc, torch.full((5000,), 3.0).double()).rsample()
    assert torch.allclose(z.norm(dim=-1), torch.ones(5000).double())
    (z @ across).sum().backward()
    expected = kind(mu, torch.tensor(3.0).double()).cosine_moments()[0] * (1 - (mu @ across).square())
    assert (turn.grad.mean() - expected).abs() < 4.5 * turn.grad.std() / math.sqrt(5000)


@both
@pytest.mark.parametrize("d", [2, 3, 40])
def test_the_gradient_of_the_rate_after_draws(kind, d):
    kappa = torch.tensor([0.5, 20.0], dtype=torch.float64, requires_grad=True)

    def rate(kappa):
        q = kind(pole(d).expand(2, d), kappa)
        q.rsample()
        return kl(q, UniformSphere(pole(d))).sum()

    assert torch.autograd.gradcheck(rate, kappa, atol=1e-6)


@both
def test_the_rate_vanishes_with_the_concentration_and_grows_with_it(kind):
    kappa = torch.tensor([1e-3, 0.1, 1.0, 10.0, 1000.0]).double()
    rate = kl(kind(pole(16).expand(5, 16), kappa), UniformSphere(pole(16)))
    assert rate[0] == pytest.approx(0, abs=1e-6) and (rate.diff() > 0).all()


@both
def test_single_precision_far_out(kind):
    """Finite values and gradients, and unit vectors, from nearly uniform to nearly a point."""
    for d in (2, 3, 100):
        kappa = torch.tensor([1e-3, 1.0, 1e4], requires_grad=True)
        q = kind(pole(d, dtype=torch.float32).expand(3, d), kappa)
        z = q.rsample((500,))
        torch.testing.assert_close(z.norm(dim=-1), torch.ones(500, 3), rtol=0, atol=1e-5)
        (z.square().sum() + z[..., 0].sum() + q.log_prob(z).sum() + q.entropy().sum()).backward()
        assert torch.isfinite(kappa.grad).all()


def test_the_uniform_sphere_draws_evenly():
    p = UniformSphere(pole(5))
    z = p.sample((20_000,))
    assert z.mean(0).abs().max() < 0.02
    torch.testing.assert_close(z.var(0), p.variance, rtol=0.05, atol=0)
