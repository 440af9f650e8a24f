import math
from dataclasses import replace

import pytest
import torch

from diagnosis.chapter import Chapter
from diagnosis.linear_gaussian import linear_gaussian
from diagnosis.subjects import examination
from vaekit.diagnosis import Examination
from vaekit.diagnosis.checks import geometry
from vaekit.diagnosis.two_samples import told_apart
from vaekit.interfaces.describing.parsing import parse

CHAPTER = Chapter(geometry.CHECKS)
CHECKS, found, prescribed = CHAPTER.checks, CHAPTER.found, CHAPTER.prescribed


def points(count: int, size: int, seed: int) -> torch.Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("beta", [0.1, 0.3, 1.0, 3.0, 10.0])
def test_exchange_rate_is_the_weight_that_the_posterior_is_best_for(beta: float) -> None:
    rate = linear_gaussian(torch.tensor([4.0, 2.0, 1.0]), 0.5, beta).exchange_rate
    assert rate is not None and rate.beta == pytest.approx(beta, rel=0.06)


def test_slopes_of_the_exchange_rate_in_closed_form() -> None:
    weight, sigma = torch.tensor([2.0, 1.0]), 0.5
    rate = linear_gaussian(weight, sigma).exchange_rate
    assert rate is not None
    variance = 1 / (1 + weight**2 / sigma**2)
    assert rate.distortion == pytest.approx(float((weight**2 * variance).sum() / sigma**2), rel=0.05)
    assert rate.rate == pytest.approx(float((variance - 1).sum()), rel=0.05)


def test_no_exchange_without_rate() -> None:
    rate = linear_gaussian(torch.full((3,), 0.05), 0.5).exchange_rate
    assert rate is not None and rate.beta is None


@pytest.mark.parametrize(("beta", "name"), [(0.01, "under_regularized"), (3.0, "over_regularized")])
def test_a_wrong_weight_of_the_rate_is_measured_and_named(beta: float, name: str) -> None:
    sick = examination(f"objective.beta={beta}")
    assert CHECKS[name].value(sick) == pytest.approx(beta, rel=0.3, abs=0.05)
    assert name in found(sick)
    assert prescribed(name, sick) == ("objective.beta=1",)


@pytest.mark.parametrize(("beta", "name"), [(0.01, "under_regularized"), (3.0, "over_regularized")])
def test_the_weight_of_the_rate_is_measured_by_the_prior_of_training_where_another_was_fitted(
    beta: float, name: str
) -> None:
    plain = examination(f"objective.beta={beta}")
    subject = examination(f"objective.beta={beta}", "second_stage=gmm").subject
    assert subject.description is not None and subject.description.prior.kind == "gmm"
    refitted = Examination(subject)
    assert CHECKS["over_regularized"].value(refitted) == CHECKS["over_regularized"].value(plain)
    # A light rate is meant where a prior follows; a heavy one is not.
    assert (name in found(refitted)) == (beta > 1)
    unknown = Examination(replace(subject, prior=None))
    assert CHECKS["over_regularized"].value(unknown) is None


def test_a_healthy_run_is_silent() -> None:
    healthy = examination()
    assert CHECKS["over_regularized"].value(healthy) == pytest.approx(1, abs=0.2)
    assert found(healthy) == set()


def test_free_bits_above_the_natural_rate_under_regularize() -> None:
    sick = examination("objective.free_bits.nats=4", "steps=200")
    assert "under_regularized" in found(sick)
    assert prescribed("under_regularized", sick) == ("objective.free_bits.nats=0",)


def test_a_schedule_that_never_ends_under_regularizes() -> None:
    keys = ("objective.beta=linear", "objective.beta.steps=4000")
    sick = examination(*keys, "steps=200")
    assert "under_regularized" in found(sick)
    cure = prescribed("under_regularized", sick)
    assert parse([*keys, *cure])["objective"]["beta"] == {"kind": "linear", "stop": 1, "steps": 50}


@pytest.mark.parametrize(("limit", "key"), [(None, "steps=200"), (12.5, "time_limit=25")])
def test_more_training_is_asked_for_in_the_unit_that_the_run_counts_in(limit: float | None, key: str) -> None:
    subject = linear_gaussian(torch.ones(2), 0.5).subject
    training = subject.training.replace(time_limit=limit)
    examination = Examination(replace(subject, training=training, history=({"step": 100},)))
    assert prescribed("over_regularized", examination) == prescribed("prior_holes", examination) == (key,)


def test_importance_weights_are_not_over_regularized() -> None:
    broad = examination("objective=iwae", "steps=200")
    assert CHECKS["over_regularized"].value(broad) is None
    assert CHECKS["under_regularized"].value(broad) is not None


@pytest.mark.parametrize("size", [2, 16, 64])
def test_draws_of_one_law_cannot_be_told_apart(size: int) -> None:
    assert told_apart(points(256, size, 0), points(256, size, 1)) == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("size", [2, 16, 64])
@pytest.mark.parametrize("scale", [0.2, 5.0])
def test_a_narrower_and_a_broader_law_are_told_apart(size: int, scale: float) -> None:
    q, p = points(256, size, 0), points(256, size, 1)
    assert told_apart(scale * q, p) > 0.85
    assert told_apart(q + 4, p) > 0.95


def test_told_apart_does_not_depend_on_which_is_which() -> None:
    q, p = points(200, 5, 0) * 2, points(200, 5, 1)
    assert told_apart(q, p) == pytest.approx(told_apart(p, q), abs=1e-12)


def test_the_prior_of_an_exact_model_is_its_aggregate() -> None:
    exact = linear_gaussian(torch.tensor([2.0, 1.0, 0.5]), 0.5)
    aggregate = exact.aggregate_posterior
    assert aggregate is not None and aggregate.accuracy < 0.6
    assert aggregate.posterior.shape == aggregate.prior.shape == (256, 2)


def test_a_scattered_aggregate_leaves_holes_that_the_bound_closes() -> None:
    sick, cured = examination("objective.beta=0.01"), examination()
    check = CHECKS["prior_holes"]
    assert "prior_holes" in found(sick)
    assert prescribed("prior_holes", sick) == ("objective.beta=1",)
    assert (check.value(sick) or 0) > check.threshold > (check.value(cured) or 1)


def test_an_autoencoder_without_noise_has_holes() -> None:
    sick = examination("posterior=delta", "steps=200")
    assert found(sick) == {"prior_holes"}
    assert "posterior=gaussian" in prescribed("prior_holes", sick)


@pytest.mark.parametrize("posterior", ["vmf", "vq", "gumbel"])
def test_latents_that_are_no_real_vectors_have_no_exchange_rate(posterior: str) -> None:
    strange = examination(f"posterior={posterior}", "steps=60")
    assert strange.exchange_rate is None
    assert (strange.aggregate_posterior is None) == (posterior == "vq")


def test_one_latent_has_one_axis() -> None:
    aggregate = linear_gaussian(torch.ones(1), 0.5).aggregate_posterior
    assert aggregate is not None and aggregate.prior.shape == (256, 1)


def test_where_nothing_can_be_measured_nothing_is_said() -> None:
    few = linear_gaussian(torch.ones(2), 0.5, count=20)
    assert few.aggregate_posterior is None and few.exchange_rate is not None
    one = replace(few.subject, test=replace(few.subject.test, stored=torch.zeros(1, 2)))
    assert all(check.value(Examination(one)) is None for check in geometry.CHECKS)
    with torch.no_grad():
        few.subject.model.posterior.slope.fill_(math.nan)
    assert all(check.value(Examination(few.subject)) is None for check in geometry.CHECKS)


def test_measuring_leaves_the_generator_alone() -> None:
    examination = linear_gaussian(torch.ones(2), 0.5)
    before = torch.get_rng_state()
    first, second = examination.exchange_rate, Examination(examination.subject, deep=True).exchange_rate
    assert examination.aggregate_posterior is not None
    assert torch.equal(before, torch.get_rng_state())
    assert first == second
