import math

import pytest
import torch
from torch.distributions import Distribution, Independent, Normal

from laws.linear_gaussian import linear_gaussian, standard_errors_above_zero
from laws.members import name
from laws.test_objectives import parts, trace_of
from vaekit.models import Latent, Trace
from vaekit.objectives import CIWAE, IWAE, MIWAE, PIWAE, Renyi


class Known(Distribution):
    """A likelihood whose log-probabilities are given."""

    arg_constraints = {}  # noqa: RUF012

    def __init__(self, log_prob):
        self.values = log_prob
        super().__init__(log_prob.shape, torch.Size((1,)), validate_args=False)

    def log_prob(self, x):
        return self.values


def weighted(log_weight):
    """Return a trace with given log-weights (S, B): posterior and prior are the same."""
    s, b = log_weight.shape
    q = Independent(Normal(torch.zeros(b, 2).double(), 1.0), 1)
    p = Independent(Normal(torch.zeros(2).double(), 1.0), 1)
    return Trace(torch.zeros(b, 1).double(), Known(log_weight), (Latent(torch.randn(s, b, 2).double(), q, p),))


@pytest.mark.parametrize("k", [1, 2, 50])
@pytest.mark.parametrize("log_w", [-255.9, 0.0, 3.0])
def test_constant_weights_give_their_logarithm(log_w, k):
    """The reported number is the log-mean-exp of the weights, not their softmax mean (D7)."""
    loss = IWAE()(weighted(torch.full((k, 4), log_w, dtype=torch.float64)))
    assert loss.value.item() == pytest.approx(-log_w, abs=1e-12)
    assert loss.metrics["iw_bound"].item() == pytest.approx(log_w, abs=1e-12)


def test_the_value_is_the_log_mean_exp_over_samples():
    """The weights are normalised over the K samples, not over the batch (D6)."""
    log_weight = 3 * torch.randn(7, 5).double()
    expected = log_weight.exp().mean(0).log().mean()
    torch.testing.assert_close(IWAE()(weighted(log_weight)).value, -expected)


def test_one_sample_is_the_elbo_on_the_same_sample():
    trace = trace_of(*parts(samples=1))
    expected = -(trace.log_likelihood + trace.latents[0].log_ratio).mean()
    torch.testing.assert_close(IWAE(samples=1)(trace).value, expected)


def test_weights_favour_the_lower_error():
    """Errors {0, 1} give a loss below their mean of 0.5, and most of the gradient goes to the better sample (A2)."""
    errors = torch.tensor([[0.0], [1.0]]).double().requires_grad_()
    loss = IWAE()(weighted(-errors)).value
    loss.backward()
    assert loss.item() == pytest.approx(-math.log((1 + math.exp(-1)) / 2)) and loss < 0.5
    torch.testing.assert_close(errors.grad, torch.softmax(-errors.detach(), 0))


def test_far_weights_do_not_underflow():
    log_weight = torch.tensor([[-5000.0], [-5010.0]])
    assert IWAE()(weighted(log_weight)).value.item() == pytest.approx(5000 + math.log(2), abs=1e-2)


def test_more_samples_give_a_higher_bound_on_the_same_weights():
    log_weight = torch.randn(100, 500).double()
    one = -log_weight.mean()
    assert IWAE()(weighted(log_weight)).value < one


@pytest.mark.parametrize("samples", [0, -1])
def test_at_least_one_sample(samples):
    with pytest.raises(ValueError):
        IWAE(samples=samples)


ESTIMATORS = [
    IWAE(samples=4, gradient="dreg"),
    MIWAE(samples=4, groups=2, gradient="dreg"),
    CIWAE(samples=4, beta=0.3, gradient="dreg"),
    Renyi(samples=4, alpha=0.4, gradient="dreg"),
    Renyi(samples=4, alpha=-0.5, gradient="dreg"),
    IWAE(samples=1, gradient="stl"),
    CIWAE(samples=4, beta=1.0, gradient="stl"),
]


def gradients(objective, parameters, noise, x):
    """Return the gradient of each datum's loss to its own loading, mean and scale, `(3, B)`, times B."""
    loading, loc, log_scale = parameters = [parameter.detach().requires_grad_() for parameter in parameters]
    q = Independent(Normal(loc.unsqueeze(-1), log_scale.exp().unsqueeze(-1)), 1)
    z = q.base_dist.loc + q.base_dist.scale * noise
    p = Independent(Normal(torch.zeros(1).to(x), torch.ones(1).to(x)), 1)
    likelihood = Independent(Normal(loading.unsqueeze(-1) * z, 0.6), 1)
    objective(Trace(x, likelihood, (Latent(z, q, p),))).value.backward()
    return torch.stack([parameter.grad for parameter in parameters]) * len(x)


def problem(count, samples):
    parameters = [torch.full((count,), value, dtype=torch.float64) for value in (1.3, 0.2, -0.3)]
    return parameters, torch.randn(samples, count, 1).double(), torch.full((count, 1), 0.9, dtype=torch.float64)


@pytest.mark.parametrize("objective", ESTIMATORS, ids=name)
def test_the_gradients_mean_is_that_of_the_bound(objective):
    """The plain gradient is the bound's by finite differences (a law); the mean of the others is the same."""
    numbers = problem(40_000, objective.samples)
    plain, other = (gradients(each, *numbers) for each in (objective.replace(gradient="plain"), objective))
    torch.testing.assert_close(other[0], plain[0])  # the model's is the same, draw by draw
    for difference in (other - plain)[1:]:
        assert difference.abs().max() > 1e-3
        assert abs(standard_errors_above_zero(difference)) < 4


def test_sticking_the_landing_is_biased_for_several_samples():
    numbers = problem(40_000, 8)
    difference = gradients(IWAE(gradient="stl"), *numbers) - gradients(IWAE(), *numbers)
    assert max(abs(standard_errors_above_zero(part)) for part in difference[1:]) > 6


@pytest.mark.parametrize("gradient", ["stl", "dreg"])
def test_at_the_exact_posterior_the_gradient_has_no_noise(gradient):
    precision = 1 + 1.3**2 / 0.36
    parameters, noise, x = problem(50, 5)
    parameters[1][:] = 0.9 * 1.3 / 0.36 / precision
    parameters[2][:] = -0.5 * math.log(precision)
    assert gradients(IWAE(gradient=gradient), parameters, noise, x)[1:].abs().max() < 1e-12
    assert gradients(IWAE(), parameters, noise, x)[1:].std() > 0.01


@pytest.mark.parametrize("gradient", ["plain", "stl", "dreg"])
def test_piwae_gives_the_model_iwae_and_the_posterior_miwae(gradient):
    numbers = problem(20, 6)
    partial = gradients(PIWAE(samples=6, groups=3, gradient=gradient), *numbers)
    torch.testing.assert_close(partial[0], gradients(IWAE(samples=6), *numbers)[0])
    posterior = gradients(MIWAE(samples=6, groups=3, gradient=gradient), *numbers)
    torch.testing.assert_close(partial[1:], posterior[1:])
    assert not torch.allclose(partial[1:], gradients(IWAE(samples=6, gradient=gradient), *numbers)[1:])


@pytest.mark.parametrize("gradient", ["plain", "dreg"])
def test_groups_far_below_the_best_still_tell_the_posterior(gradient):
    """Weights thousands of nats apart, as at the start of training, in single precision."""
    parameters, noise, x = (
        [part.float() for part in numbers] if isinstance(numbers, list) else numbers.float()
        for numbers in problem(20, 4)
    )
    noise[2:] += 60
    partial = gradients(PIWAE(samples=4, groups=2, gradient=gradient), parameters, noise, x)
    posterior = gradients(MIWAE(samples=4, groups=2, gradient=gradient), parameters, noise, x)
    torch.testing.assert_close(partial[1:], posterior[1:], rtol=1e-4, atol=1e-3)
    assert posterior[2].abs().min() > 100


@pytest.mark.parametrize("objective", [PIWAE(samples=4), IWAE(samples=4, gradient="dreg")], ids=name)
def test_nothing_is_left_on_the_draws(objective):
    """The same trace may be asked again, by this objective or another."""
    loc, scale, x, noise = parts()
    trace = trace_of(loc, scale, x, noise)
    other = IWAE()(trace).value
    (expected,) = torch.autograd.grad(other, loc, retain_graph=True)
    first, second = (objective(trace).value for _ in range(2))
    (once,) = torch.autograd.grad(first, loc, retain_graph=True)
    (again,) = torch.autograd.grad(second, loc, retain_graph=True)
    assert torch.equal(once, again) and not torch.allclose(once, expected)
    (untouched,) = torch.autograd.grad(other, loc)
    assert torch.equal(untouched, expected)


@pytest.mark.parametrize("gradient", ["stl", "dreg"])
def test_a_posterior_that_cannot_be_held_still_is_refused(gradient):
    known = Known(torch.zeros(5, 2))
    known.net = torch.nn.Linear(1, 1)  # parameters inside a net are out of reach
    q = Independent(known, 1)
    likelihood = Independent(Normal(torch.zeros(3, 5, 1), 1.0), 1)
    trace = Trace(torch.zeros(5, 1), likelihood, (Latent(torch.zeros(3, 5, 2), q, q, torch.zeros(3, 5)),))
    with pytest.raises(ValueError, match=r"use posterior=gaussian, or objective\.gradient=plain"):
        IWAE(gradient=gradient)(trace)


def test_gradients_for_one_group_refuse_several():
    trace = trace_of(*parts())
    with pytest.raises(ValueError, match="one group of latents"):
        PIWAE(samples=4)(Trace(trace.x, trace.likelihood, 2 * trace.latents))


def test_a_density_that_comes_with_the_draws_is_used():
    """A quick flow has no other, and its gradient is not rescaled."""
    found = []
    loc, scale, x, noise = parts(samples=6)
    for cached in (False, True):
        trace = trace_of(loc, scale, x, noise)
        (latent,) = trace.latents
        # An equal density whose graph does not go through the draws.
        log_q = Independent(Normal(0.0, torch.ones(3).double()), 1).log_prob(noise) - scale.log().sum(-1)
        latent = Latent(latent.z, latent.q, latent.p, log_q if cached else None)
        loss = PIWAE(samples=6, groups=3)(Trace(trace.x, trace.likelihood, (latent,))).value
        found.append(torch.autograd.grad(loss, loc)[0])
    torch.testing.assert_close(*found)


def test_published_reductions():
    """MIWAE(1, K) = IWAE(K), MIWAE(M, 1) = ELBO (D6); CIWAE and Renyi at both ends, on the same draws."""
    trace = trace_of(*parts(samples=6))
    iwae, elbo = IWAE()(trace).value, -trace.log_weight.mean()
    assert iwae < elbo
    for objective in (MIWAE(groups=1), PIWAE(groups=1), PIWAE(groups=3), CIWAE(beta=0.0), Renyi(alpha=0.0)):
        torch.testing.assert_close(objective(trace).value, iwae)
    for objective in (MIWAE(groups=6), CIWAE(beta=1.0), Renyi(alpha=1.0)):
        torch.testing.assert_close(objective(trace).value, elbo)
    torch.testing.assert_close(Renyi(alpha=1 - 1e-5)(trace).value, Renyi(alpha=1.0)(trace).value, rtol=1e-3, atol=0)


def test_bounds_rise_towards_the_evidence():
    """Every bound lies below the exact evidence, and they are ordered as published."""
    model, exact = linear_gaussian(shift=0.3, stretch=1.4)
    x = exact.sample((60,))
    trace = model(x, samples=1200)
    log_weight = trace.log_weight.detach()
    ordered = [
        MIWAE(groups=1200),
        Renyi(alpha=0.5),
        IWAE(),
    ]
    values = [-objective(trace).value.item() for objective in ordered]
    small = [-MIWAE(groups=groups)(trace).value.item() for groups in (1200, 240, 24, 1)]
    evidence = exact.log_prob(x).mean().item()
    noise = log_weight.std().item() / math.sqrt(log_weight.numel())
    assert values == sorted(values) and small == sorted(small)
    assert max(*values, *small) < evidence + 3 * noise
    assert evidence - small[-1] < 0.1 < evidence - small[0]


@pytest.mark.parametrize("objective", [MIWAE(), PIWAE()], ids=name)
def test_groups_divide_the_samples(objective):
    with pytest.raises(ValueError, match=r"objective\.groups=2 must divide objective\.samples=5"):
        objective(trace_of(*parts(samples=5)))


def test_an_order_outside_the_unit_interval_is_no_bound():
    assert Renyi(alpha=0.3).is_bound and not Renyi(alpha=-0.5).is_bound and not Renyi(alpha=2.0).is_bound


@pytest.mark.parametrize("objective", [PIWAE(samples=4), IWAE(samples=4, gradient="dreg")], ids=name)
def test_a_compiled_step_is_refused_since_it_would_drop_the_rescaling(objective, monkeypatch):
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert torch.isfinite(IWAE()(trace_of(*parts())).value)
    with pytest.raises(ValueError, match="compile=false"):
        objective(trace_of(*parts()))
