"""Annealed importance sampling against exact evidences, from below and above, and over the whole algebra."""

import json
import math

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from laws.linear_gaussian import linear_gaussian
from laws.test_grid import DIGITS, GRID, POSTERIORS, description, part
from vaekit.evaluation import Chains, annealed, bounds, bracket
from vaekit.evaluation.hamiltonian import Path, adapted_steps, annealing, move
from vaekit.heads import Bernoulli, StandardNormal
from vaekit.modalities import ImageVAE
from vaekit.models import VAE, evaluating
from vaekit.nets import MLP

QUICK = Chains(2, 3, 2)
FROM_PRIOR = pytest.mark.parametrize("from_prior", [False, True])


def problem(n=100, **wrong):
    """Return a linear-Gaussian model, data, and their exact log-evidence."""
    torch.manual_seed(0)
    model, evidence = linear_gaussian(**wrong)
    x = evidence.sample((n,))
    return model, x, evidence.log_prob(x)


def error(values):
    return (values.std() / math.sqrt(len(values))).item()


@FROM_PRIOR
def test_exact_evidence_lies_between_and_close(from_prior):
    model, x, exact = problem(120, shift=0.2, stretch=1.5)
    chains = Chains(8, 40, 3, from_prior)
    short = exact - annealed(model, x, chains=chains).lower
    assert -3 * error(short) < short.mean().item() < 0.1
    found = bracket(model, 120, chains=chains)
    assert -3 * found.gap.se < found.gap.nats < 0.2
    assert found.upper_estimate.nats - found.lower_estimate.nats == pytest.approx(found.gap.nats)


@FROM_PRIOR
def test_coarse_annealing_is_off_on_both_sides(from_prior):
    torch.manual_seed(0)
    model, evidence = linear_gaussian(stretch=3.0)
    drawn = []
    model.posterior.register_forward_hook(lambda _module, given, _out: drawn.append(given[0]))
    found = bracket(model, 150, chains=Chains(4, 4, 3, from_prior))
    exact = evidence.log_prob(torch.cat(drawn))
    for short in (exact - found.lower, found.upper - exact):
        assert short.mean().item() > 3 * error(short)


@FROM_PRIOR
def test_weights_are_unbiased_however_coarse(from_prior):
    """E[w] = p(x), which the bound forgets by the logarithm: very many chains and few temperatures find it."""
    model, x, exact = problem(6, shift=0.3, stretch=1.5)
    found = annealed(model, x, chains=Chains(20_000, 4, 2, from_prior)).lower
    torch.testing.assert_close(found, exact, rtol=0, atol=0.1)


def test_reverse_weights_are_unbiased_too():
    torch.manual_seed(0)
    model, evidence = linear_gaussian(dims=3, latent=2, shift=0.2, stretch=1.3)
    drawn = []
    model.posterior.register_forward_hook(lambda _module, given, _out: drawn.append(given[0]))
    found = bracket(model, 2000, chains=Chains(1, 4, 3))
    inverse = torch.exp(evidence.log_prob(torch.cat(drawn)) - found.upper)
    assert abs(inverse.mean().item() - 1) < 4 * error(inverse)


def test_exact_posterior_is_the_end_of_the_path_already():
    model, x, exact = problem(20)
    found = annealed(model, x, chains=QUICK)
    torch.testing.assert_close(found.lower, exact)
    torch.testing.assert_close(found.ess, torch.full_like(found.ess, 2.0))
    assert abs(bracket(model, 20, chains=QUICK).gap.nats) < 1e-8


@pytest.mark.parametrize("wrong", [{"stretch": 0.3}, {"shift": 1.0}], ids=str)
def test_reaches_above_importance_sampling_where_the_posterior_is_poor(wrong):
    model, x, exact = problem(100, **wrong)
    weighted = bounds(model, [x], prepare=torch.Tensor.double, samples=20)
    found = annealed(model, x, chains=Chains(4, 40, 3))
    gap = found.gap(weighted)
    assert gap.nats > 0.2
    assert gap.nats > 3 * gap.se
    assert gap.nats == pytest.approx((found.lower - weighted.iw).mean().item())
    short = exact - found.lower
    assert short.mean().item() > -3 * error(short)


def test_more_temperatures_come_nearer():
    model, x, exact = problem(100, stretch=3.0)
    lower = [annealed(model, x, chains=Chains(2, t, 3)).estimate.nats for t in (2, 8, 32)]
    assert lower[0] + 0.5 < lower[1] < lower[2] - 0.1
    assert lower[2] < exact.mean().item() + 0.1


class Shifted(nn.Module):
    """A part of the linear-Gaussian model that sees its data moved by the context."""

    def __init__(self, part, sign):
        super().__init__()
        self.part, self.sign = part, sign

    def forward(self, given, context):
        if self.sign < 0:
            return self.part(given - context)
        base = self.part(given).base_dist
        return Independent(Normal(base.loc + context, base.scale), 1)


def test_conditional_models():
    model, x, exact = problem(60, stretch=1.3)
    context = torch.randn_like(x)
    moved = VAE(model.prior, Shifted(model.posterior, -1), Shifted(model.likelihood, 1))
    found = annealed(moved, x + context, context, chains=QUICK)
    torch.testing.assert_close(found.lower, annealed(model, x, chains=QUICK).lower)
    assert found.lower.mean() < exact.mean()
    assert bracket(moved, 60, context, chains=Chains()).gap.nats < 0.5


@pytest.mark.parametrize(("posterior", "prior", "likelihood"), list(dict.fromkeys(case[:3] for case in GRID))[::3])
def test_the_algebra(posterior, prior, likelihood):
    """A finite bound from either start, or a sentence why there is none."""
    torch.manual_seed(0)
    vae = description(posterior, prior, likelihood)
    model = vae.build().eval()
    model.initialize(vae.view().prepare(DIGITS[:50]))
    with evaluating(model):
        x = vae.view().prepare(DIGITS[:4])
    real = part(POSTERIORS, posterior).support == "real"
    for from_prior in (False, True):
        chains = Chains(2, 2, 1, from_prior)
        if real and (posterior != "delta" or from_prior):
            assert annealed(model, x, chains=chains).lower.isfinite().all()
            assert bracket(model, 2, chains=chains).upper.isfinite().all()
        else:
            with pytest.raises(ValueError, match="without a density" if real else "real vectors"):
                annealed(model, x, chains=chains)


def image_model():
    torch.manual_seed(0)
    vae = ImageVAE(shape=(1, 6, 6), latent=3, net=MLP(widths=(16,), norm="batch", dropout=0.3), likelihood=Bernoulli())
    return vae.build().train(), torch.rand(23, 1, 6, 6).round()


def test_model_and_generator_are_left_alone():
    model, x = image_model()
    model.posterior.eval()
    modes = [module.training for module in model.modules()]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    generator = torch.get_rng_state()
    found = annealed(model, x, chains=QUICK)
    bracket(model, 3, chains=QUICK)
    assert torch.get_rng_state().equal(generator)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert not found.lower.requires_grad
    assert torch.is_grad_enabled()


def test_seeds_and_modes():
    model, x = image_model()
    first = annealed(model, x, chains=QUICK).lower
    torch.manual_seed(5)
    model.eval()
    assert annealed(model, x, chains=QUICK).lower.equal(first)
    assert not annealed(model, x, chains=QUICK, seed=1).lower.equal(first)
    assert bracket(model, 5, chains=QUICK).upper.equal(bracket(model, 5, chains=QUICK).upper)


def test_log_jacobian_moves_both_sides():
    model, x, _ = problem(9, stretch=1.5)
    plain, moved = (annealed(model, x, chains=QUICK, log_jacobian=value).lower for value in (0.0, -2.5))
    torch.testing.assert_close(moved, plain - 2.5)
    plain, moved = (bracket(model, 9, chains=QUICK, log_jacobian=value) for value in (0.0, -2.5))
    torch.testing.assert_close(moved.lower, plain.lower - 2.5)
    torch.testing.assert_close(moved.upper, plain.upper - 2.5)


def test_parts_cover_all_data():
    """More data than chains are moved together."""
    model, x, exact = problem(600)
    torch.testing.assert_close(annealed(model, x, chains=Chains(4, 2, 1)).lower, exact)


def test_summary_is_plain():
    model, x, exact = problem(9)
    summary = annealed(model, x, chains=QUICK).summary()
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["nats"] == pytest.approx(exact.mean().item())
    assert summary["bits_per_dim"] == pytest.approx(-exact.mean().item() / (6 * math.log(2)))
    assert (summary["n"], summary["count"], summary["temperatures"], summary["from_prior"]) == (9, 2, 3, False)


def test_broken_weights_give_no_number_and_no_error():
    model, x = image_model()
    nn.init.constant_(next(model.likelihood.parameters()), math.nan)
    found = annealed(model, x, chains=QUICK)
    assert found.lower.isnan().all()
    assert math.isnan(found.estimate.nats)


def test_what_is_refused():
    model, x, _ = problem(5)
    with pytest.raises(ValueError, match="no data"):
        annealed(model, x[:0])
    with pytest.raises(ValueError, match="no data"):
        bracket(model, 0)
    with pytest.raises(ValueError, match="at least 1"):
        Chains(count=0)
    with pytest.raises(ValueError, match="3 data"):
        annealed(model, x, chains=QUICK).gap(bounds(model, [x[:3]], prepare=torch.Tensor.double, samples=2))


def gaussian_path(scale, widths):
    """Return the path from N(0, 1) to N(0, scale^2) in 2 dimensions, for 500 data."""
    ends = [Independent(Normal(torch.zeros(500, 2).double(), s), 1) for s in (1.0, scale)]
    return Path(ends[0].log_prob, ends[1].log_prob, torch.tensor(widths).double().view(2, 1, 1).expand(2, 500, 2))


@pytest.mark.parametrize("step", [0.1, 0.7, 1.6])
def test_moves_leave_their_density_invariant(step):
    """Also where the integrator is so coarse that most moves are rejected."""
    torch.manual_seed(0)
    path = gaussian_path(0.5, [1.0, 1.0])
    middle = (0.5 + 0.5 / 0.25) ** -0.5  # precisions are averaged
    point = path.at(middle * torch.randn(20, 500, 2).double())
    share = []
    for _ in range(5):
        point, accepted = move(path, point, 0.5, torch.full((500,), step).double(), 3)
        share.append(accepted.mean().item())
    assert point.z.std().item() == pytest.approx(middle, rel=0.02)
    assert point.z.pow(4).mean().item() == pytest.approx(3 * middle**4, rel=0.05)
    assert min(share) > 0.9 if step < 0.5 else max(share) < 0.99
    torch.testing.assert_close(point.values, path.at(point.z).values)
    torch.testing.assert_close(point.gradients, path.at(point.z).gradients)


@pytest.mark.parametrize("widths", [[1.0, 0.3], [9.0, 4.0]], ids=str)
def test_steps_adapt_to_what_is_accepted(widths):
    """Right widths need no adaptation; moves ten times too long are shortened until they are accepted."""
    torch.manual_seed(0)
    path, betas = gaussian_path(0.3, widths), torch.linspace(0, 1, 81)
    steps = adapted_steps(path, path.at(torch.randn(1, 500, 2).double()), betas, 3)
    assert steps.shape == (81, 500)
    assert steps.max().item() == pytest.approx(math.pi / 6)
    *_, last = annealing(path, path.at(torch.randn(4, 500, 2).double()), betas, steps, 3)
    assert last.accepted.mean().item() > 0.5
    assert last.point.z.std().item() == pytest.approx(0.3, rel=0.2)
    if widths[0] > 1:
        assert steps[-1].mean().item() < 0.3 * steps[0].mean().item()


def test_a_diverged_move_is_rejected():
    """The density has no value out there, which must neither raise nor spread."""

    def cliff(z):
        return torch.where(z.abs() < 3, -(z**4), torch.nan).sum(-1)

    start = Independent(Normal(torch.zeros(7, 1), 1.0), 1)
    path = Path(start.log_prob, cliff, torch.ones(2, 7, 1))
    point = path.at(torch.linspace(-1, 1, 7).view(1, 7, 1))
    there, accepted = move(path, point, 1.0, torch.full((7,), 1e3), 2)
    assert there.z.equal(point.z)
    assert accepted.eq(0).all()


def test_free_compositions_on_the_line():
    """Any three modules; the exact evidence of x = z + noise is N(0, 2)."""

    class Line(nn.Module):
        def forward(self, z):
            return Independent(Normal(z, 1.0), 1)

    class Wide(nn.Module):
        def forward(self, x):
            return Independent(Normal(x / 3, 1.0).expand(x.shape), 1)

    x = torch.linspace(-2, 2, 50).unsqueeze(1)
    found = annealed(VAE(StandardNormal((1,)), Wide(), Line()), x, chains=Chains(20, 20, 3))
    exact = Normal(0.0, math.sqrt(2)).log_prob(x).squeeze(1).double()
    torch.testing.assert_close(found.lower, exact, rtol=0, atol=0.15)
