import mpmath
import pytest
import torch

from vaekit.distributions import StudentT, temper


def exact(x, df, scale):
    with mpmath.workdps(50):
        x, df, scale = map(mpmath.mpf, (x, df, scale))
        height = mpmath.loggamma((df + 1) / 2) - mpmath.loggamma(df / 2) - mpmath.log(df * mpmath.pi) / 2
        return float(height - mpmath.log(scale) - (df + 1) / 2 * mpmath.log1p((x / scale) ** 2 / df))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-6)], ids=str)
@pytest.mark.parametrize("df", [0.5, 2.1, 10.0, 15.9, 16.1, 1e4, 1e7])
@pytest.mark.parametrize("scale", [0.01, 1.0])
def test_far_tails_against_high_precision(df, scale, dtype, tolerance):
    """At 1e4 degrees of freedom two log-gammas in single precision leave 2e-3 nats per dimension."""
    df, scale = torch.tensor(df, dtype=dtype), torch.tensor(scale, dtype=dtype)
    for x in (0.0, 0.3, -5.0, 1e3, 1e6):
        actual = StudentT(df, torch.zeros((), dtype=dtype), scale).log_prob(torch.tensor(x, dtype=dtype)).item()
        assert actual == pytest.approx(exact(x, df.item(), scale.item()), rel=tolerance, abs=tolerance)


def test_agrees_with_torch():
    df, loc, scale, x = (torch.rand(50).double() * 5 + 0.1 for _ in range(4))
    theirs = torch.distributions.StudentT(df, loc, scale)
    torch.testing.assert_close(StudentT(df, loc, scale).log_prob(x), theirs.log_prob(x))
    torch.testing.assert_close(
        StudentT(df + 2, loc, scale).variance, torch.distributions.StudentT(df + 2, loc, scale).variance
    )


def test_draws_carry_gradients_to_location_and_scale():
    loc, scale = torch.zeros(3, requires_grad=True), torch.ones(3, requires_grad=True)
    StudentT(torch.tensor(5.0), loc, scale).rsample((10,)).square().sum().backward()
    assert loc.grad.all() and scale.grad.all()


def test_temperature_multiplies_the_scale():
    tempered = temper(StudentT(torch.tensor(5.0), torch.ones(2), torch.ones(2)), 0.25)
    assert (tempered.scale == 0.25).all() and tempered.df == 5 and (tempered.loc == 1).all()
