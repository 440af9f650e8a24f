"""Many groups of latents: every check and every measurement has a finite number or does not apply, and none falls over."""

import math
from functools import cache, cached_property
from types import SimpleNamespace
from typing import cast

import pytest
import torch

from diagnosis.two_groups import TwoGroups, two_groups
from vaekit import Bernoulli, ImageVAE
from vaekit.diagnosis import CHECKS, Examination, Sample, Subject, diagnose
from vaekit.diagnosis.balance import balance
from vaekit.diagnosis.latent_use import LatentUse
from vaekit.modalities import Plain
from vaekit.nets import Hierarchical

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


def used(groups, *information: float) -> LatentUse:
    values = torch.tensor(information)
    return LatentUse(groups, False, 9.0, values, len(values), 4, 64, None)


def test_latents_are_too_many_by_the_first_group_whose_number_is_a_key() -> None:
    """A position of a lower group costs next to nothing, and most of them are idle in a good model."""
    use = used((4.0, 1.0), *[1.0] * 4, *[0.0] * 600)
    assert use.used == 4 and use.excess is not None and use.excess < 1
    (dead,) = (check for check in CHECKS if check.name == "dead_dimensions")
    assert not dead.is_found(dead.value(cast(Examination, SimpleNamespace(latent_use=use, exchange_rate=None))))


def test_every_group_that_carries_nothing_is_named() -> None:
    (check,) = (check for check in CHECKS if check.name == "collapsed_group")
    use = used((4.0, 0.01, 2.0, 0.02), *[1.0] * 9)
    assert check.where(cast(Examination, SimpleNamespace(latent_use=use))) == "groups z1, z3"


def test_the_way_down_past_the_groups_belongs_to_the_decoder() -> None:
    net = Hierarchical(widths=(8, 12), groups=(1, 2), channels=2)
    model = ImageVAE(shape=(1, 8, 8), net=net, latent=3, likelihood=Bernoulli()).build()
    found = balance(Subject(model, Plain(model), Sample(torch.rand(64, 1, 8, 8).round())))
    assert found is not None and found.parameters is not None and found.parameters < 2
    assert found.encoder + found.decoder == pytest.approx(sum(p.numel() for p in model.parameters()), rel=0.05)
