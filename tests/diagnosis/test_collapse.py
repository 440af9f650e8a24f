import copy
import math
from dataclasses import replace

import pytest
import torch

from diagnosis.chapter import Chapter
from diagnosis.linear_gaussian import linear_gaussian
from diagnosis.subjects import examination
from vaekit.diagnosis import Examination
from vaekit.diagnosis.checks import collapse
from vaekit.interfaces.describing.parsing import parse

CHAPTER = Chapter(collapse.CHECKS)
CHECKS, found, prescribed = CHAPTER.checks, CHAPTER.found, CHAPTER.prescribed
IGNORED = (
    "likelihood=gaussian",
    "likelihood.scale.kind=fixed",
    "likelihood.scale.value=10",
    "objective.free_bits.nats=0.5",
)


@pytest.mark.parametrize("working", [1, 3, 7])
def test_used_latents_are_counted(working: int) -> None:
    weight = torch.zeros(8)
    weight[:working] = 1.0
    examination = linear_gaussian(weight, 0.5)
    use = examination.latent_use
    assert use is not None and use.used == working
    assert CHECKS["dead_dimensions"].value(examination) == 1 - working / 8
    assert ("dead_dimensions" in found(examination)) == (working in (1, 3))


def test_too_many_latents_are_no_dead_dimensions_as_well() -> None:
    weight = torch.zeros(100)
    weight[:5] = 1.0
    assert found(linear_gaussian(weight, 0.5)) == {"latent_too_large"}


def test_a_decoder_that_lost_its_input_ignores_it() -> None:
    examination = linear_gaussian(torch.ones(4), 0.5)
    assert found(examination) == set()
    with torch.no_grad():
        examination.subject.model.likelihood.slope.zero_()
    deaf = Examination(examination.subject)
    assert "decoder_ignores_latent" in found(deaf)
    assert CHECKS["decoder_ignores_latent"].value(deaf) == 0


def test_nothing_encoded_is_collapse_alone() -> None:
    examination = linear_gaussian(torch.full((4,), 0.01), 0.5)
    assert found(examination) == {"posterior_collapse"}


def test_a_healthy_run_is_silent() -> None:
    assert found(examination()) == set()


def test_a_large_beta_collapses_and_is_told_to_be_one() -> None:
    sick = examination("objective.beta=100", "steps=150")
    assert found(sick) == {"posterior_collapse"}
    assert prescribed("posterior_collapse", sick) == ("objective.beta=1",)


def test_free_bits_pay_rate_for_a_decoder_that_cannot_hear() -> None:
    sick = examination(*IGNORED, "steps=200")
    assert "decoder_ignores_latent" in found(sick)
    keys = prescribed("decoder_ignores_latent", sick)
    assert keys == ("likelihood.scale=optimal", "objective.free_bits.nats=0")
    parse(keys, base=parse(IGNORED))


def test_two_latents_are_too_few_for_digits() -> None:
    sick = examination("latent=2", "steps=250")
    assert found(sick) == {"latent_too_small"}
    (key,) = prescribed("latent_too_small", sick)
    assert int(key.removeprefix("latent=")) >= 4


def test_hundreds_of_latents_are_too_many_for_digits() -> None:
    sick = examination("latent=200", "steps=200")
    assert found(sick) == {"latent_too_large"}
    (key,) = prescribed("latent_too_large", sick)
    use = sick.latent_use
    assert use is not None
    fewer = int(key.removeprefix("latent="))
    cured = replace(use, latents=fewer, first=fewer)
    assert cured.excess is not None and cured.excess <= 1


def test_a_posterior_without_a_rate_is_judged_by_its_decoder() -> None:
    deterministic = examination("posterior=delta", "steps=200")
    use = deterministic.latent_use
    assert use is not None and use.rate is None and use.information is None
    assert CHECKS["posterior_collapse"].value(deterministic) == use.drop > 1
    assert CHECKS["decoder_ignores_latent"].value(deterministic) is None
    model = copy.deepcopy(deterministic.subject.model)
    with torch.no_grad():
        for weight in model.posterior.parameters():
            weight.zero_()
    constant = Examination(replace(deterministic.subject, model=model))
    assert found(constant) == {"posterior_collapse"}
    assert prescribed("posterior_collapse", constant)


@pytest.mark.parametrize("posterior", ["vmf", "vq", "gumbel"])
def test_latents_that_are_no_numbers(posterior: str) -> None:
    strange = examination(f"posterior={posterior}", "steps=60")
    use = strange.latent_use
    assert use is not None and math.isfinite(use.drop) and use.latents == 6
    assert (use.information is None) == (posterior != "gumbel")
    assert all(check.value(strange) is None or math.isfinite(check.value(strange) or 0) for check in collapse.CHECKS)


def test_where_nothing_can_be_measured_nothing_is_said() -> None:
    examination = linear_gaussian(torch.ones(2), 0.5)
    one = replace(examination.subject, test=replace(examination.subject.test, stored=torch.zeros(1, 2)))
    assert all(check.value(Examination(one)) is None for check in collapse.CHECKS)
    with torch.no_grad():
        examination.subject.model.posterior.slope.fill_(math.nan)
    assert all(check.value(Examination(examination.subject)) is None for check in collapse.CHECKS)
