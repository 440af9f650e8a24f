"""Tightness: a bound that is exact has no gap, a poor proposal has one, and what can be afforded follows the decoder."""

from __future__ import annotations

import copy
import dataclasses
import math
from typing import Any

import pytest
import torch

from diagnosis.subjects import examination, untrained
from laws.linear_gaussian import linear_gaussian
from vaekit.diagnosis import Examination, Sample, Subject
from vaekit.diagnosis.affordable import affordable
from vaekit.diagnosis.checks.tightness import CHECKS
from vaekit.diagnosis.tightness import tightness
from vaekit.heads import Bernoulli
from vaekit.modalities import ImageVAE, Plain
from vaekit.nets import MLP, Conv

(LOOSE,) = CHECKS


def linear(count: int = 40, **keys: Any) -> tuple[Subject, torch.Tensor]:
    """Return a linear-Gaussian model with data of its own, and their exact log-evidence."""
    torch.manual_seed(0)
    model, evidence = linear_gaussian(**keys)
    x = evidence.sample((count,))
    return Subject(model, Plain(model), Sample(x)), evidence.log_prob(x)


def images(*, net: object, side: int = 16) -> Subject:
    """Return an untrained image model with a few data."""
    vae = ImageVAE(shape=(1, side, side), latent=2, net=net, likelihood=Bernoulli())
    pixels = torch.randint(0, 2, (20, side, side, 1), dtype=torch.uint8) * 255
    return Subject(vae.build().eval(), vae.view(), Sample(pixels), description=vae)


def test_an_exact_posterior_has_no_gap() -> None:
    subject, exact = linear()
    found = tightness(subject, 40)
    assert found is not None and len(found.annealed.lower) == 40
    torch.testing.assert_close(found.annealed.lower, exact)
    assert (found.gap.nats, found.gap.se) == (pytest.approx(0, abs=1e-8), pytest.approx(0, abs=1e-8))
    assert LOOSE(Examination(subject)) is None


def test_a_poor_proposal_has_a_gap_and_the_annealed_bound_has_not() -> None:
    subject, exact = linear(shift=1.5)
    found = tightness(subject, 40)
    assert found is not None
    short = exact - found.annealed.lower
    assert -3 * short.std().item() / math.sqrt(40) < short.mean().item() < found.gap.nats / 5
    assert found.gap.nats > LOOSE.threshold
    finding = LOOSE(Examination(subject))
    assert finding is not None and finding.value == pytest.approx(found.gap.nats - 2 * found.gap.se)


def test_a_gap_within_its_noise_is_no_finding() -> None:
    """Two standard errors are taken off: what is left of a small gap on few data is far below the threshold."""
    subject, _ = linear(stretch=1.3)
    value = LOOSE.value(Examination(subject))
    assert value is not None and abs(value) < 0.1


def test_the_jacobian_of_the_data_moves_both_bounds_and_not_the_gap() -> None:
    class Rescaled(Plain):
        def log_jacobian(self, x):
            return torch.full((len(x),), -7.5)

    subject, _ = linear(shift=0.5)
    moved = dataclasses.replace(subject, view=Rescaled(subject.model))
    plain, found = tightness(subject, 20), tightness(moved, 20)
    assert plain is not None and found is not None
    torch.testing.assert_close(found.annealed.lower, plain.annealed.lower - 7.5)
    assert found.gap.nats == pytest.approx(plain.gap.nats)


def test_a_healthy_run_is_tight_and_left_as_it_was() -> None:
    healthy = examination()
    weights, generator = copy.deepcopy(healthy.subject.model.state_dict()), torch.get_rng_state()
    found = tightness(healthy.subject, 16)
    assert found is not None and not LOOSE.is_found(found.gap.nats)
    assert found.gap == tightness(healthy.subject, 16).gap  # type: ignore[union-attr]
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(torch.equal(now, weights[name]) for name, now in healthy.subject.model.state_dict().items())


@pytest.mark.parametrize("posterior", ["vmf", "vq", "gumbel", "delta"])
def test_where_chains_cannot_be_led_there_is_no_number(posterior: str) -> None:
    assert tightness(untrained(posterior), 4) is None


def test_one_datum_or_weights_that_are_not_finite_have_no_number() -> None:
    subject, _ = linear()
    assert tightness(dataclasses.replace(subject, test=Sample(subject.test.stored[:1])), 1) is None
    next(subject.model.parameters()).data.fill_(math.nan)
    assert tightness(subject, 4) is None


def test_more_data_are_affordable_for_a_small_decoder_than_for_a_large_one() -> None:
    small, large = images(net=MLP(widths=(16,))), images(net=Conv(widths=(64, 64)))
    counts = [affordable(subject, 100, 10**9) for subject in (small, large)]
    assert counts[0] > 10 * counts[1] > 10 * 16
    assert counts == [affordable(subject, 100, 10**9) for subject in (small, large)]


def test_what_is_affordable_is_a_budget_of_operations() -> None:
    """A linear decoder has 2 * inputs * outputs of them: with twice the outputs, or twice the passes, half the data."""
    (subject, _), (wide, _) = linear(), linear(dims=12)
    count = affordable(subject, 1000, 10**12)
    assert affordable(subject, 2000, 10**12) == pytest.approx(count / 2, abs=1)
    assert affordable(wide, 1000, 10**12) == pytest.approx(count / 2, abs=1)


@pytest.mark.parametrize("most", [1, 7, 16, 100, 256])
def test_never_more_than_there_are_nor_fewer_than_a_few(most: int) -> None:
    subject, _ = linear()
    assert affordable(subject, 1, most) == most
    assert affordable(subject, 10**12, most) == min(16, most)


def test_counting_leaves_model_and_generator_alone() -> None:
    subject = images(net=MLP(widths=(8,), norm="batch", dropout=0.5), side=8)
    subject.model.train()
    weights, generator = copy.deepcopy(subject.model.state_dict()), torch.get_rng_state()
    affordable(subject, 100, 1000)
    assert torch.equal(torch.get_rng_state(), generator) and subject.model.training
    assert all(torch.equal(now, weights[name]) for name, now in subject.model.state_dict().items())


def test_a_conditional_model_is_counted_with_its_context() -> None:
    vae = ImageVAE(
        shape=(1, 8, 8), latent=2, net=MLP(widths=(8,)), likelihood=Bernoulli(), condition="context", context=3
    )
    pixels, context = torch.randint(0, 2, (5, 8, 8, 1), dtype=torch.uint8) * 255, torch.randn(5, 3)
    subject = Subject(vae.build().eval(), vae.view(), Sample(pixels, (context,)), description=vae)
    assert affordable(subject, 1, 5) == 5
    found = tightness(subject, 4)
    assert found is not None and found.annealed.lower.isfinite().all()
