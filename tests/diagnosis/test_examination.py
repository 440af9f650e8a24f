"""What holds for every measurement: broken models have none, and none fills a memory or takes minutes."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import nn
from torch.distributions import Distribution

from diagnosis.linear_gaussian import linear_gaussian
from diagnosis.subjects import untrained
from vaekit.diagnosis import CHECKS, Examination, Sample, Subject, examination
from vaekit.diagnosis.affordable import affordable
from vaekit.diagnosis.closeness import closeness
from vaekit.diagnosis.finite import is_finite, non_finite
from vaekit.diagnosis.latent_use import latent_use
from vaekit.diagnosis.trial import trial
from vaekit.modalities import ImageVAE, Plain
from vaekit.models import VAE
from vaekit.nets import MLP
from vaekit.objectives import IWAE


@contextmanager
def decodings(model: VAE) -> Iterator[list[int]]:
    """Note how many latents are decoded at once; a copy of the model has the same hook."""
    seen: list[int] = []
    latent = model.prior_sample(1)[0].numel()
    hook = model.likelihood.register_forward_pre_hook(lambda _, given: seen.append(given[0].numel() // latent))
    yield seen
    hook.remove()


def normed(prior: str = "standard") -> Subject:
    """Return an untrained model with batch norm."""
    subject = untrained("gaussian")
    like = subject.description
    assert isinstance(like, ImageVAE)
    net = MLP(widths=(8,), norm="batch")
    description = ImageVAE.model_validate({**dict(like), "net": net, "prior": {"kind": prior}})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = description.build().eval()
    return dataclasses.replace(subject, model=model, description=description)


def with_a_broken_statistic() -> Subject:
    subject = normed()
    statistics = [module.running_var for module in subject.model.modules() if isinstance(module, nn.BatchNorm1d)]
    statistics[0].fill_(math.nan)  # type: ignore[union-attr]
    return subject


def with_a_broken_prior() -> Subject:
    subject = normed("gmm")
    for weight in subject.model.prior.parameters():
        weight.data.fill_(math.nan)
    return subject


@pytest.mark.parametrize("broken", [with_a_broken_statistic, with_a_broken_prior])
def test_a_model_that_is_not_finite_is_called_so_and_nothing_is_measured(broken) -> None:
    subject = broken()
    examined = Examination(subject)
    found = {check.name for check in CHECKS if check(examined) is not None}
    assert not is_finite(subject.model) and non_finite(subject.model) >= 1
    assert "non_finite" in found and found <= {"non_finite", "leakage"}
    assert examined.rate_distortion is examined.latent_use is examined.sharpness is None
    assert examined.calibration.dispersion is None and examined.scales.collapsed is None
    assert affordable(subject, 1, 100) == 16 and len(examined.bounds.distortion) == 16


def test_a_model_of_integers_too_is_finite() -> None:
    assert is_finite(normed().model)  # batch norm counts its batches


def test_bounds_are_on_as_many_data_as_can_be_afforded(monkeypatch) -> None:
    subject = untrained("gaussian")
    monkeypatch.setattr(examination, "affordable", lambda _, passes, most: min(17, most) if passes == 50 else most)
    assert len(Examination(subject).bounds.distortion) == 17
    assert len(Examination(subject, deep=True).bounds.distortion) == len(subject.test)


def test_the_use_of_latents_decodes_a_draw_at_a_time() -> None:
    subject = linear_gaussian(torch.ones(3), 0.5).subject
    with decodings(subject.model) as seen:
        assert latent_use(subject, 1000) is not None
    assert seen == [1000] * 8  # four draws, each beside those of other data


def test_a_trial_of_many_draws_decodes_them_in_parts() -> None:
    subject = dataclasses.replace(untrained("gaussian"), objective=IWAE(samples=50))
    subject = dataclasses.replace(subject, model=copy.deepcopy(subject.model))
    with decodings(subject.model) as seen:
        assert trial(subject) is not None
    assert max(seen) <= 2000 < 256 * 50


def test_parts_of_a_trial_have_the_loss_of_the_whole(monkeypatch) -> None:
    """Decoded at once or in parts, the same data fall by the same, up to the noise of the draws."""
    subject = dataclasses.replace(untrained("gaussian"), objective=IWAE(samples=20))
    parts = trial(subject)
    monkeypatch.setattr("vaekit.diagnosis.trial._DECODED", 10**6)
    whole = trial(subject)
    assert parts is not None and whole is not None
    assert parts.own == pytest.approx(whole.own, rel=0.05)


def test_samples_are_generated_some_at_a_time() -> None:
    subject = untrained("gaussian")
    with decodings(subject.model) as seen:
        assert closeness(subject) is not None
    assert sum(seen) == 1000 and max(seen) <= 250


class Misshapen(nn.Module):
    """p(x | z) of one more dimension than the data have."""

    def __init__(self, likelihood: nn.Module) -> None:
        super().__init__()
        self.likelihood = likelihood

    def forward(self, z: torch.Tensor) -> Distribution:
        return self.likelihood(torch.cat([z, z[..., :1]], -1)[..., : z.shape[-1] + 1])


@pytest.mark.parametrize("name", ["tightness", "rate_distortion", "inference_gap", "latent_use", "exchange_rate"])
def test_a_mistake_in_a_likelihood_of_ones_own_is_no_measurement_that_does_not_apply(name) -> None:
    subject = linear_gaussian(torch.ones(1), 0.5, count=20).subject
    model = VAE(subject.model.prior, subject.model.posterior, Misshapen(subject.model.likelihood))
    wide = dataclasses.replace(subject, model=model, test=Sample(subject.test.stored), view=Plain(model))
    with pytest.raises((ValueError, RuntimeError)):
        getattr(Examination(wide), name)


def test_what_does_not_apply_is_none() -> None:
    examined = Examination(untrained("vmf"))
    assert examined.tightness is examined.rate_distortion is examined.inference_gap is None
