"""Many groups of latents: every check and every measurement has a finite number or does not apply, and none falls over."""

import math
from functools import cache, cached_property

import pytest

from diagnosis.two_groups import TwoGroups, two_groups
from vaekit.diagnosis import CHECKS, Examination, diagnose

APPLY = {
    "posterior_collapse",
    "collapsed_group",
    "decoder_ignores_latent",
    "latent_too_large",
    "dead_dimensions",
    "over_regularized",
    "under_regularized",
    "prior_holes",
    "overfitting",
    "memorized_samples",
    "leakage",
    "learning_rate_too_high",
    "learning_rate_too_low",
    "parameter_imbalance",
    "gradient_imbalance",
    "underdispersed",
    "overdispersed",
    "exploding_log_variance",
}
MEASUREMENTS = [name for name, member in vars(Examination).items() if isinstance(member, cached_property)]


@cache
def healthy() -> Examination:
    return two_groups()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_every_check_has_a_finite_number_or_none(check) -> None:
    value = check.value(healthy())
    assert value is None or math.isfinite(value)
    assert value is not None or check.name not in APPLY
    assert isinstance(check.prescription(healthy()), tuple)


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_every_measurement_can_be_made(name) -> None:
    getattr(healthy(), name)


def test_a_healthy_hierarchy_has_no_findings() -> None:
    assert {found.name for found in diagnose(healthy())} <= {"parameter_imbalance"}


def test_numbers_are_those_of_the_closed_form() -> None:
    examined, a, v, w, s, sigma, size = healthy(), 1.0, 0.5, 1.5, 0.6, 0.5, 3
    total, shared = (v + w * a) ** 2 + (w * s) ** 2 + sigma**2, v + w * a
    top = -0.5 * size * math.log(1 - shared**2 / total)
    rate = 0.5 * size * math.log(total / sigma**2)
    use = examined.latent_use
    assert use is not None and use.latents == 6 and use.information is not None and len(use.information) == 6
    assert use.groups == pytest.approx((top, rate - top), rel=0.05)
    # Foreign latents of both groups: E (x - v z0' - w z1')^2 - sigma^2 over 2 sigma^2, that is the variance of their mean.
    assert use.drop == pytest.approx(size * (total - sigma**2) / sigma**2, rel=0.1)
    assert examined.exchange_rate is not None and examined.exchange_rate.beta == pytest.approx(1, abs=0.1)
    assert examined.exchange_rate.nats == pytest.approx(rate - top, rel=0.05)
    assert examined.aggregate_posterior is not None and examined.aggregate_posterior.accuracy < 0.65
    assert examined.scales.posterior_log_variance == pytest.approx(
        max(math.log(1 - shared**2 / total), -math.log((1 + w**2 * s**2 / sigma**2) * (a**2 / s**2 + 1))), abs=0.15
    )


@pytest.mark.parametrize(("slopes", "group"), [((0.0, 0.0, 1.5), "z0"), ((1.0, 1.5, 0.0), "z1")], ids=["top", "bottom"])
def test_a_planted_collapse_of_one_group_is_found_and_named(slopes, group) -> None:
    (finding,) = (found for found in diagnose(two_groups(*slopes)) if found.name == "collapsed_group")
    assert f"group {group}: " in finding.evidence


def test_where_all_groups_have_collapsed_that_is_the_finding() -> None:
    found = {finding.name for finding in diagnose(two_groups(1.0, 0.0, 0.0))}
    assert "posterior_collapse" in found and "collapsed_group" not in found
    assert isinstance(healthy().subject.model, TwoGroups)
