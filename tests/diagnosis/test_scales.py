"""Scales: deviations at planted places are found there, and healthy ones nowhere."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from torch.distributions import Independent, Normal

from diagnosis.subjects import examination
from vaekit import VAE, distributions
from vaekit.diagnosis import Examination, Sample
from vaekit.diagnosis.checks.scales import CHECKS
from vaekit.diagnosis.deviations import Scales, scales
from vaekit.interfaces.describing.parsing import parse
from vaekit.modalities import Plain

CHECK = {check.name: check for check in CHECKS}
AVERAGED = "ema=0.99"
GAUSSIAN = (AVERAGED, "likelihood=gaussian")


@pytest.mark.parametrize(
    "keys",
    [
        (),
        (*GAUSSIAN, "likelihood.scale=optimal"),
        (*GAUSSIAN, "likelihood.scale=exp", "dequantize=true"),
        ("likelihood=bernoulli", "likelihood.binarize=dynamic"),
        ("likelihood=categorical", "posterior.scale=softplus"),
    ],
    ids=lambda keys: " ".join(keys) or "default",
)
def test_healthy_runs_are_silent(keys):
    healthy = examination(*keys)
    assert [c.name for c in CHECKS if c.is_found(c.value(healthy))] == []


NARROW = (*GAUSSIAN, "likelihood.scale=exp", "likelihood.scale.bounds=[-20,2]")
SICK = [
    ("mse_as_likelihood", (*GAUSSIAN, "likelihood.scale=fixed")),
    ("density_on_levels", NARROW),
    ("sigma_collapse", NARROW),
    ("variance_at_clamp", (*GAUSSIAN, "likelihood.scale=exp", "likelihood.scale.bounds=[-2,2]", "dequantize=true")),
    ("variance_at_clamp", ("posterior.scale.bounds=[-1,1]", AVERAGED)),
    ("variance_at_clamp", ("posterior.scale=softplus", "posterior.scale.floor=0.8", AVERAGED)),
    ("exploding_log_variance", ("posterior.scale.bounds=[6,10]", AVERAGED)),
]


@pytest.mark.parametrize(("name", "keys"), SICK, ids=lambda part: part if isinstance(part, str) else " ".join(part))
def test_what_is_planted_is_found_and_the_prescription_cures_it(name, keys):
    keys = ("steps=200", *keys)
    sick, check = examination(*keys), CHECK[name]
    value = check.value(sick)
    assert check.is_found(value)
    prescription = check.prescription(sick)
    parse(prescription)
    parts = {key.split("=")[0] for key in prescription}
    kept = [k for k in keys if not any(k.split("=")[0] == p or k.startswith(f"{p}.") for p in parts)]
    cured = examination(*kept, *prescription)
    assert not check.is_found(check.value(cured))


def test_an_encoder_whose_log_variance_ran_away_is_found():
    subject = examination().subject
    model = copy.deepcopy(subject.model)
    for name, bias in model.posterior.heads.named_parameters():
        if "scale" in name and name.endswith("bias"):
            bias.data += 9
    check, ran = CHECK["exploding_log_variance"], Examination(replace(subject, model=model))
    assert check.is_found(check.value(ran))


def test_without_finite_weights_or_without_a_scale_there_is_no_number():
    subject = examination().subject
    model = copy.deepcopy(subject.model)
    next(model.parameters()).data.fill_(math.nan)
    assert scales(replace(subject, model=model)) == Scales()
    assert (
        CHECK["exploding_log_variance"].value(examination("posterior=poincare", "steps=3")) is not None
    )  # of the decoder alone
    assert scales(examination("posterior=poincare", "steps=3").subject).posterior_log_variance is None


class _Own(torch.nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, z):
        return Independent(Normal(distributions.point(self.inner(z)), 1.0), 3)


def test_a_composition_of_ones_own_with_a_fixed_scale_is_found():
    subject = examination(*GAUSSIAN, "likelihood.scale=fixed").subject
    own = VAE(subject.model.prior, subject.model.posterior, _Own(subject.model.likelihood))
    found = Examination(
        replace(subject, model=own, description=None, view=Plain(own), test=Sample(subject.given(subject.test)[0]))
    )
    check = CHECK["mse_as_likelihood"]
    assert check.is_found(check.value(found))
    assert check.prescription(found) == ()
