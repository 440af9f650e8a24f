"""Calibration: ranks of data among draws of their own law are uniform, and of no other."""

from dataclasses import replace

import pytest
import torch
from scipy.stats import kstest
from torch import nn
from torch.distributions import Bernoulli as TorchBernoulli, Independent, Laplace, Normal

from diagnosis.subjects import examination
from vaekit import distributions
from vaekit.diagnosis.calibration import _moments, calibration, outside_support, randomized_pit
from vaekit.diagnosis.checks.calibration import CHECKS
from vaekit.interfaces.describing.parsing import parse

N = 4000
LOC = torch.linspace(-2, 2, N)
ONE = torch.ones(N)
LAWS = {
    "gaussian": Normal(LOC, 0.3 * ONE),
    "laplace": Laplace(LOC, ONE),
    "student_t": distributions.StudentT(torch.tensor(3.0), LOC, ONE),
    "poisson": distributions.Poisson(LOC),
    "negative_binomial": distributions.NegativeBinomial(LOC, ONE),
    "discretized_logistic": distributions.DiscretizedLogistic(8 + 6 * LOC, 2 * ONE, 17),
    "categorical": distributions.Categorical(logits=torch.randn(N, 5)),
    "continuous_bernoulli": distributions.ContinuousBernoulli(logits=LOC),
    "mixture": distributions.DiscretizedLogisticMixture(
        torch.zeros(N, 2), 8 + 6 * torch.randn(N, 2, 1), torch.ones(N, 2, 1), torch.zeros(N, 2, 0), levels=17, grid=0
    ),
}

CHECK = {check.name: check for check in CHECKS}


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("law", LAWS)
def test_ranks_of_data_of_the_model_are_uniform(law):
    x = LAWS[law].sample()
    u = randomized_pit(LAWS[law], x)
    assert u.shape == x.shape
    assert kstest(u.flatten().numpy(), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("factor", [0.5, 2.0])
@pytest.mark.parametrize("law", ["gaussian", "laplace", "discretized_logistic"])
def test_ranks_under_another_scale_are_not(law, factor):
    true = LAWS[law]
    scale = {"scale": true.scale * factor} | ({"levels": 17} if law == "discretized_logistic" else {})
    u = randomized_pit(type(true)(true.loc, **scale), true.sample())
    assert kstest(u.numpy(), "uniform").pvalue < 1e-6
    assert (12 * u.var() > 1.2) == (factor < 1)


def test_support_is_known_by_element():
    x = torch.tensor([[0.0, 0.5, 1.0, 2.0]])
    bernoulli = Independent(TorchBernoulli(logits=torch.zeros(1, 4), validate_args=False), 1)
    levels = Independent(distributions.DiscretizedLogistic(torch.zeros(1, 4), torch.ones(1, 4), 2), 1)
    assert outside_support(bernoulli, x).tolist() == [[False, True, False, True]]
    assert outside_support(levels, x).tolist() == [[False, True, False, True]]
    assert not outside_support(Independent(Normal(torch.zeros(1, 4), 1.0), 1), x).any()


class _Grey(nn.Module):
    """A Bernoulli likelihood on whatever the data are, as tutorials have it."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, z):
        loc = distributions.point(self.inner(z))
        return Independent(TorchBernoulli(logits=loc, validate_args=False), 3, validate_args=False)


def _with_likelihood(subject, likelihood):
    model = type(subject.model)(subject.model.prior, subject.model.posterior, likelihood)
    return replace(subject, model=model, description=None)


def test_cross_entropy_on_grey_levels_has_the_wrong_support():
    subject = examination().subject
    grey = _with_likelihood(subject, _Grey(subject.model.likelihood))
    found = calibration(grey, 100)
    x = subject.given(subject.test, 100)[0]
    assert found.outside == pytest.approx(((x != 0) & (x != 1)).float().mean().item())
    assert CHECK["wrong_support"].is_found(found.outside)
    assert found.dispersion is None  # the spread of a Bernoulli follows from its mean


def test_a_healthy_run_is_calibrated_and_left_as_it_was():
    healthy = examination()
    state = torch.get_rng_state()
    found = calibration(healthy.subject, 156)
    assert torch.equal(state, torch.get_rng_state())
    assert found == calibration(healthy.subject, 156)
    assert found.outside == 0
    assert found.dispersion == pytest.approx(1, abs=0.15)
    assert sum(found.histogram) / 20 == pytest.approx(1, abs=1e-4)
    assert not any(check.is_found(check.value(healthy)) for check in CHECKS)


@pytest.mark.parametrize(
    ("name", "sigma"),
    [("underdispersed", 0.03), ("overdispersed", 0.5)],
)
def test_a_fixed_scale_far_off_is_found_and_cured(name, sigma):
    keys = ("likelihood=gaussian", "likelihood.scale=fixed", f"likelihood.scale.value={sigma}", "ema=0.99")
    sick, check = examination(*keys), CHECK[name]
    assert check.is_found(check.value(sick))
    prescription = check.prescription(sick)
    parse(prescription)
    cured = examination("ema=0.99", *prescription)
    assert not check.is_found(check.value(cured))


def test_binary_data_have_no_dispersion():
    assert examination("likelihood=bernoulli", "likelihood.binarize=dynamic").calibration.dispersion is None


@pytest.mark.parametrize("signs", [torch.ones(6), torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])], ids=["one", "both"])
def test_a_shifted_mean_is_not_too_narrow(signs):
    """The dispersion is the variance of the ranks; the second moment about 1/2 would be 2.2 here instead of .22."""
    x = torch.randn(3000, 6)
    shifted = randomized_pit(Normal(2 * signs.expand_as(x), torch.ones_like(x)), x).double()
    spread, _, shift = _moments(shifted, torch.ones_like(shifted))
    assert spread == pytest.approx(0.22, abs=0.03) and shift == pytest.approx(0.40, abs=0.02)
    spread, _, shift = _moments(
        randomized_pit(Normal(torch.zeros_like(x), torch.ones_like(x)), x).double(), torch.ones(3000, 6)
    )
    assert spread == pytest.approx(1, abs=0.03) and shift < 0.03


def test_the_dispersion_of_few_data_is_unbiased():
    u = torch.rand(3, 20_000, dtype=torch.float64)
    assert _moments(u, torch.ones_like(u))[0] == pytest.approx(1, abs=0.03)
    assert _moments(u[:1], torch.ones_like(u[:1])) == (None, 0.0, None)


def test_the_error_of_the_dispersion_is_its_spread_over_samples():
    found = [_moments(u, torch.ones_like(u)) for u in torch.rand(300, 15, 4, dtype=torch.float64)]
    spreads, errors = (torch.tensor(column) for column in list(zip(*found, strict=True))[:2])
    assert errors.mean().item() == pytest.approx(spreads.std().item(), rel=0.2)
