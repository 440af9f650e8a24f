"""The laws of several groups of latents: every objective and every measure takes them, or says that it does not apply."""

import math

import pytest
import torch
from torch import nn

from laws.hierarchy import evidence, hierarchy
from laws.linear_gaussian import importance_bounds, standard_errors_above_zero
from laws.members import OBJECTIVES, name
from vaekit.errors import NotApplicable
from vaekit.evaluation import (
    Chains,
    PosteriorPoints,
    amortization,
    annealed,
    bounds,
    bracket,
    cell_likelihoods,
    information,
    rate_distortion,
    sample_quality,
)
from vaekit.heads import LearnedMixture
from vaekit.models import Groups, evaluating, resample
from vaekit.objectives import DIP, ELBO, IWAE, RAE, BetaTC
from vaekit.training import validate
from vaekit.training.marginals import match_marginals
from vaekit.training.prior import encode
from vaekit.training.second_stage import fit_second_stage

TRAIN, TEST = 400, 300


def problem(n=TEST, **keys):
    """Return a model, data of it, and their exact log-evidence."""
    torch.manual_seed(0)
    model = hierarchy(**keys)
    torch.manual_seed(0)
    p = evidence(hierarchy())
    x = p.sample((n,))
    return model, x, evidence(model).log_prob(x)


def batches(x, size=100):
    return list(x.split(size))


def measured(model, x, **keys):
    return bounds(model, batches(x), prepare=torch.Tensor.double, **keys)


def test_the_exact_posterior_makes_every_weight_the_evidence():
    model, x, exact = problem()
    trace = model(x, samples=5)
    torch.testing.assert_close(trace.log_weight, exact.expand(5, -1), rtol=0, atol=1e-5)
    assert abs(standard_errors_above_zero(trace.elbo - exact)) < 4
    drawn = torch.cat([model.decode(*model.prior_sample(100_000)).sample()])
    torch.testing.assert_close(drawn.T.cov(), evidence(model).covariance_matrix, rtol=0.05, atol=0.05)


def test_shapes_of_the_interface():
    model, x, _ = problem(7)
    assert [tuple(z.shape) for z in model.points(x)] == [(7, 2), (7, 3)]
    assert [tuple(z.shape) for z in model.prior_draws(4, 7)] == [(4, 7, 2), (4, 7, 3)]
    assert model.codes(model(x, samples=3)).shape == (7, 5)
    assert model.reconstruct(x).shape == x.shape and model.generate(3, prior_temperature=0.5).shape == (3, 6)
    assert model.log_joint(x, model.infer(x), *model.prior_draws(4, 7)).shape == (4, 7)


def test_columns_and_names():
    model, x, _ = problem(7)
    groups = Groups.of(model(x).latents)
    assert groups.names == ("z0_0", "z0_1", "z1_0", "z1_1", "z1_2")
    assert Groups(((3,),), (1,)).names == ("z0", "z1", "z2")
    assert (groups.sizes, groups.variables) == ((2, 3), (2, 3))
    z = model.prior_sample(4)
    assert all(torch.equal(a, b) for a, b in zip(groups.split(groups.join(z)), z, strict=True))


@pytest.mark.parametrize("wrong", [{}, {"shift": 0.2}, {"stretch": 1.4}], ids=str)
def test_bounds_are_ordered_and_below_the_evidence(wrong):
    model, x, exact = problem(**wrong)
    with torch.no_grad():
        weights = importance_bounds(model(x, samples=100).log_weight, (1, 10, 100))
    found = measured(model, x, samples=100)
    torch.testing.assert_close(found.rates.sum(1), found.rate)
    torch.testing.assert_close(found.rate_per_dimension.sum().double(), found.rate.mean(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found.rates.mean(0), torch.stack([t.sum() for t in found.rate_per_dimension.split([2, 3])]).double(), rtol=1e-5, atol=1e-5)  # fmt: skip
    assert found.means.shape == (len(x), 5)
    assert found.active_per_group == (2, 3) and found.active_units == 5
    assert [group["latents"] for group in found.summary()["groups"]] == [2, 3]
    assert standard_errors_above_zero(exact - found.iw) > -4
    if wrong:
        assert standard_errors_above_zero(exact - found.elbo) > 4
        assert weights[1].mean() < weights[10].mean() < weights[100].mean() < exact.mean() + 0.01
    else:
        torch.testing.assert_close(found.iw, exact, rtol=0, atol=1e-5)
        torch.testing.assert_close(found.ess, torch.full_like(exact, 100.0))


def test_validation_tells_the_groups_apart():
    model, x, _ = problem()
    found = validate(model, batches(x), torch.Tensor.double)
    assert found.active_per_group == (2, 3) and found.active_units == 5
    assert len(found.rate_per_dimension) == 5
    assert sum(found.rate_per_group) == pytest.approx(found.rate)
    assert sum(found.rate_per_dimension) == pytest.approx(found.rate, rel=1e-5)


def meaningless(objective):
    """Whether an objective has no meaning for several groups of latents that have a density."""
    return isinstance(objective, BetaTC | DIP | RAE) or getattr(objective, "gradient", "plain") != "plain" or objective.kind == "piwae"  # fmt: skip


@pytest.mark.parametrize("objective", OBJECTIVES, ids=name)
def test_every_objective_trains_both_groups_or_does_not_apply(objective):
    model, x, _ = problem(TRAIN, trained=False)
    if getattr(objective, "penalty", "") == "gan":  # so small a model has little to reconstruct beside it
        objective = objective.replace(weight=1.0)
    criterion = objective.build(model, TRAIN)
    criterion = criterion.double() if isinstance(criterion, nn.Module) else criterion
    if meaningless(objective):
        with pytest.raises(NotApplicable):
            criterion(model(x[:20], samples=objective.samples))
        return
    weights = [*model.parameters(), *(criterion.parameters() if isinstance(criterion, nn.Module) else ())]
    optimizer = torch.optim.Adam({id(p): p for p in weights}.values(), lr=0.02)
    before = -model(x, samples=20).log_likelihood.mean().item()
    for step in range(150):
        loss = criterion(model(x[torch.randint(TRAIN, (64,))], samples=objective.samples), step)
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
        criterion.after_step()
    with torch.no_grad():
        trace = model(x, samples=20)
        exact = evidence(model).log_prob(x)
    assert -trace.log_likelihood.mean().item() < before
    assert standard_errors_above_zero(exact - trace.elbo) > -3
    assert standard_errors_above_zero(exact - (trace.log_weight.logsumexp(0) - math.log(20))) > -3
    assert {"elbo", "rate", "rate_per_group", "rate_per_dimension"} <= loss.metrics.keys()


def test_training_reaches_the_evidence():
    model, x, _ = problem(TRAIN, trained=False)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    for _ in range(800):
        optimizer.zero_grad()
        ELBO()(model(x)).value.backward()
        optimizer.step()
    reached = measured(model, x, samples=50)
    best = problem(TRAIN)[2].mean().item()
    assert reached.iw.mean().item() > best - 0.1
    assert evidence(model).log_prob(x).mean().item() >= reached.elbo.mean().item() - 0.02


@pytest.mark.parametrize("from_prior", [False, True])
def test_annealing_finds_the_evidence_from_both_sides(from_prior):
    model, x, exact = problem(100, shift=0.2, stretch=1.4)
    chains = Chains(8, 100, 4, from_prior)
    short = exact - annealed(model, x, chains=chains).lower
    error = (short.std() / 10).item()
    assert -3 * error < short.mean().item() < 0.15
    found = bracket(model, 100, chains=chains)
    assert -3 * found.gap.se < found.gap.nats < 0.3


def test_rate_and_distortion_meet_the_evidence_at_one():
    model, x, exact = problem(60)
    found = rate_distortion(model, x, chains=Chains(temperatures=300))
    assert (found.rate[-1] + found.distortion[-1]).item() == pytest.approx(-exact.mean().item(), abs=0.15)
    assert found.own_rate + found.own_distortion == pytest.approx(-exact.mean().item(), abs=0.5)


def test_information_is_that_of_all_groups_together():
    """I(x; z) = H(x) - H(x | z), in closed form for Gaussians."""
    model, x, _ = problem(1500)
    found = information(model, x)
    entropy = evidence(model).entropy().item()
    noise = model.decode(*model.prior_sample(1)).entropy().item()
    assert found.mutual_information.nats == pytest.approx(entropy - noise, abs=0.25)
    assert found.marginal_kl.nats == pytest.approx(0, abs=0.25)
    assert found.rate.nats == pytest.approx(found.mutual_information.nats + found.marginal_kl.nats)
    assert found.total_correlation is None and "does not factorise" in found.why
    one = information(hierarchy(latents=(2, 3)), x[:40])
    assert one.mutual_information.nats <= one.cap == math.log(40)


def test_the_amortization_gap():
    model, x, exact = problem(60)
    found = amortization(model, x, evidence=exact)
    assert found.amortization_gap.nats == pytest.approx(0, abs=0.02)
    wrong, x, exact = problem(60, shift=0.4)
    spoiled = amortization(wrong, x, evidence=exact)
    assert spoiled.amortization_gap.nats > 0.1 and spoiled.approximation_gap.nats > -0.05


def test_latents_of_partly_known_data():
    """Importance resampling, here of wholly known data, has the moments of the exact posterior."""
    model, x, _ = problem(5, shift=0.3)
    exact = problem(5)[0]
    with evaluating(model, 0):
        found = resample(model, x, proposals=20_000, draws=5000)
    assert [tuple(z.shape) for z in found.z] == [(5000, 5, 2), (5000, 5, 3)]
    z1, z2 = (part.mean(0) for part in found.z)
    first, second = exact.posteriors(x)
    assert (z1 - first.mean).abs().max() < 0.1 and (z2 - second.mean).abs().max() < 0.15


def test_points_as_features():
    model, x, _ = problem()
    quality = sample_quality(x, model.decode(*model.prior_sample(TEST)).sample(), PosteriorPoints(model))
    assert quality.coverage > 0.8 and quality.frechet < 0.2


def test_cells_are_those_of_columns():
    model, x, _ = problem(20)
    with pytest.raises(NotApplicable, match="likelihood of columns"):
        cell_likelihoods(model, x)
    with pytest.raises(NotApplicable, match="likelihood of columns"):
        match_marginals(model, x)


def test_the_prior_of_the_top_group_is_fitted_afterwards():
    model, x, _ = problem(TRAIN)
    model.float()
    with torch.no_grad():
        train, held_out = (encode(model, batches(part), torch.Tensor.float) for part in x.split(TRAIN - 100))
    assert train.draws.shape == (1, TRAIN - 100, 2)
    prior = LearnedMixture(4, (2,), covariance="full")
    before, after = fit_second_stage(model, prior, train, held_out)
    assert before == pytest.approx(after, abs=0.3)
    model.place_prior(prior)
    assert model.generate(5).shape == (5, 6)
    assert torch.isfinite(model(x.float()).elbo).all()


def test_gradients_reach_every_weight():
    model, x, _ = problem(50, trained=False)
    for objective in (ELBO(), IWAE(samples=3)):
        model.zero_grad()
        objective(model(x, samples=objective.samples)).value.backward()
        assert all(p.grad is not None and p.grad.any() for p in model.parameters())
