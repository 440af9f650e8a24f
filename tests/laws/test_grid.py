"""The parts multiply: a grid of posterior x prior x likelihood x objective trains, saves, loads, samples and resumes."""

import itertools
from typing import get_args

import pytest
import torch
from safetensors.torch import load, save
from sklearn.datasets import load_digits

from laws.members import members
from vaekit.data import Batches, Dataset, ImageSchema
from vaekit.distributions import Delta
from vaekit.heads import AnyPrior, Likelihood, Posterior
from vaekit.modalities import ImageVAE
from vaekit.models import evaluating
from vaekit.nets import MLP
from vaekit.objectives import AnyObjective
from vaekit.training import Step, Training, TrainingState, Validation, train
from vaekit.training.fabric import make_fabric

DIGITS = torch.from_numpy(load_digits().images).to(torch.uint8).unsqueeze(-1)[:320]
SCHEMA = ImageSchema(height=8, width=8, channels=1, levels=17, low=0, high=16, binary=False)
DATA = Dataset(DIGITS, SCHEMA, torch.zeros(len(DIGITS), dtype=torch.int8))
TRAINING = Training(steps=50, batch=32, lr=3e-3, warmup=5, precision="fp32", threads=1, device="cpu")

SMALL = {
    "components": 5,
    "codes": 12,
    "width": 3,
    "classes": 4,
    "transforms": 2,
    "rank": 2,
    "hidden": (12,),
    "levels": 17,
}
"""Keys that make a member small, where it has them."""
BINARIZED = {"bernoulli": {"binarize": "dynamic"}}
DEQUANTIZED = {"beta", "flow"}
"""Likelihoods that integer levels only fit with noise on top."""


def kinds(union):
    """Return each kind of a union with the class that has it."""
    pairs = [(kind, member) for member in members(union) for kind in get_args(member.model_fields["kind"].annotation)]
    return dict(pairs)


POSTERIORS, ALL_PRIORS, LIKELIHOODS, OBJECTIVES = map(kinds, (Posterior, AnyPrior, Likelihood, AnyObjective))
PRIORS = {kind: prior for kind, prior in ALL_PRIORS.items() if prior().joint}


def part(table, kind):
    """Return a small member of one kind."""
    fields = table[kind].model_fields
    keys = {key: value for key, value in SMALL.items() if key in fields}
    return table[kind](kind=kind, **keys, **BINARIZED.get(kind, {}))


def natural(posterior):
    """Return the objective that a posterior goes with."""
    return {"delta": "rae", "vq": "vq"}.get(posterior, "elbo")


def goes_with(objective, posterior):
    """Whether an objective has a meaning for a posterior."""
    if posterior == "delta":
        return objective in ("rae", "wae", "aae")
    if posterior == "vq" or objective in ("vq", "rae"):
        return objective == natural(posterior)
    return objective not in ("beta_tc", "dip") or posterior in ("gaussian", "laplace", "floored", "batch_norm")


def suits(prior, posterior):
    """Whether a prior is one of a posterior's latents; pseudo-inputs make a mixture of Gaussians."""
    if prior == "vamp" and posterior != "gaussian":
        return False
    return part(PRIORS, prior).support == part(POSTERIORS, posterior).support


def _grid():
    pairs = [(q, p) for q, p in itertools.product(POSTERIORS, PRIORS) if suits(p, q)]
    likelihoods = itertools.cycle(LIKELIHOODS)
    found = [(q, p, next(likelihoods), natural(q)) for q, p in pairs]
    some = [pair for pair in pairs if pair[0] not in ("delta", "vq")]
    turn = itertools.cycle(some)
    found += [(*next(turn), likelihood, "elbo") for likelihood in LIKELIHOODS for _ in range(5)]
    for objective in OBJECTIVES:
        able = [pair for pair in pairs if goes_with(objective, pair[0])]
        found += [(*pair, next(likelihoods), objective) for pair in (able[:: max(1, len(able) // 5)])[:6]]
    return list(dict.fromkeys(found))


GRID = _grid()


def description(posterior, prior, likelihood):
    return ImageVAE(
        shape=(1, 8, 8),
        levels=17,
        value_range=(0, 16),
        latent=4,
        net=MLP(widths=(24,)),
        posterior=part(POSTERIORS, posterior),
        prior=part(PRIORS, prior),
        likelihood=part(LIKELIHOODS, likelihood),
        dequantize=likelihood in DEQUANTIZED,
    )


def state_of(model, objective):
    torch.manual_seed(0)
    vae = model.build()
    with evaluating(vae):
        vae.initialize(model.view().prepare(DIGITS[:128]))
    step = Step(vae, objective.build(vae, len(DIGITS)), model.view().prepare, objective.samples)
    state = TrainingState(step, TRAINING, make_fabric(TRAINING))
    torch.manual_seed(1)
    return state


def run(state, until=50):
    losses = []
    for progress in train(state, Batches(DIGITS, torch.arange(320), 32, 0), lambda _: Validation(0.0, 0, 0.0)):
        losses.append(progress.metrics["loss"].item())
        if progress.step == until:
            break
    return torch.tensor(losses)


def measured(model, vae):
    """Return the log-likelihood and, where there is one, the bound on a fixed batch with fixed noise."""
    with evaluating(vae):
        trace = vae(model.view().prepare(DIGITS[:64]), samples=4)
        likelihood = trace.log_likelihood.mean().item()
        return {"likelihood": likelihood} | ({} if trace.no_bound else {"bound": trace.elbo.mean().item()})


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def test_the_grid_is_large_and_holds_every_member():
    assert len(GRID) >= 200
    for place, table in enumerate((POSTERIORS, PRIORS, LIKELIHOODS, OBJECTIVES)):
        assert {combination[place] for combination in GRID} == set(table)


@pytest.mark.parametrize("combination", GRID, ids="-".join)
def test_a_combination_trains_saves_loads_samples_and_resumes(combination):
    *parts, kind = combination
    model, objective = description(*parts), part(OBJECTIVES, kind)
    model.check(DATA)
    assert type(model).model_validate_json(model.model_dump_json()) == model

    whole = state_of(model, objective)
    before = measured(model, whole.model)
    losses = run(whole)
    assert torch.isfinite(losses).all() and whole.guard.non_finite == 0
    assert whole.position.taken >= 30, "most steps were skipped"
    after = measured(model, whole.model)
    # An objective that is no bound may trade one for the other, but not both away.
    better = [name for name in before if after[name] > before[name]]
    assert "bound" in better if objective.is_bound and "bound" in before else better

    half = state_of(model, objective)
    run(half, until=20)
    saved = half.state_dict()
    rest = state_of(model, objective)
    rest.load_state_dict(saved)
    run(rest)
    assert equal(whole.model.state_dict(), rest.model.state_dict()), "a resumed run differs"
    assert equal(whole.average.module.state_dict(), rest.average.module.state_dict())

    again = model.build()
    again.load_state_dict(load(save({k: v.contiguous().clone() for k, v in whole.model.state_dict().items()})))
    assert measured(model, again) == after
    with evaluating(again):
        x = again.generate(3)
        model.likelihood.check(x if model.likelihood.measure == "counting" else x.clamp(1e-6, 1 - 1e-6))
        assert x.shape == (3, 1, 8, 8) and torch.isfinite(x).all()
        assert model.view().decode(again.reconstruct(model.view().prepare(DIGITS[:2]))).shape == (2, 1, 8, 8)


@pytest.mark.parametrize("posterior", POSTERIORS)
def test_a_prior_on_another_space_is_refused(posterior):
    for prior in PRIORS:
        if part(PRIORS, prior).support != part(POSTERIORS, posterior).support:
            with pytest.raises(ValueError, match=f"posterior={posterior} .* prior={prior} .*use prior="):
                description(posterior, prior, "bernoulli")


@pytest.mark.parametrize(
    ("objective", "posterior"), [pair for pair in itertools.product(OBJECTIVES, POSTERIORS) if not goes_with(*pair)]
)
def test_an_objective_without_meaning_is_refused_with_the_cure(objective, posterior):
    model = ImageVAE(shape=(1, 8, 8), latent=4, net=MLP(widths=(8,)), posterior=part(POSTERIORS, posterior))
    with pytest.raises(ValueError, match=r"posterior|objective"):
        step = part(OBJECTIVES, objective)
        vae = model.build()
        step.build(vae, 320)(vae(model.view().prepare(DIGITS[:4]), samples=step.samples), 0)


def test_only_a_point_mass_has_no_bound():
    without = {q for q in POSTERIORS if description(q, _first_prior(q), "bernoulli").build()(_few()).no_bound}
    assert without == {"delta"} and Delta.no_density


def _first_prior(posterior):
    return next(prior for prior in PRIORS if suits(prior, posterior))


def _few():
    return torch.randint(0, 2, (2, 1, 8, 8)).float()
