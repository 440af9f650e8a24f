"""Planted encoders and planted batch norm, sick and healthy, and what the chapter makes of them."""

from __future__ import annotations

import copy
import dataclasses
import math

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from diagnosis.subjects import examination
from laws.linear_gaussian import linear_gaussian
from laws.members import POSTERIORS, name
from vaekit.diagnosis import Examination, Sample, Subject
from vaekit.diagnosis.checks.inference import CHECKS
from vaekit.diagnosis.inference import NormMismatch, inference_gap, norm_mismatch
from vaekit.heads import Bernoulli
from vaekit.interfaces.describing.parsing import parse
from vaekit.modalities import ImageVAE, Plain
from vaekit.models import VAE
from vaekit.nets import MLP, Conv
from vaekit.objectives import ELBO, FreeBits
from vaekit.training import Training

GAP, MISMATCH = CHECKS


def linear(**wrong):
    """Return the examination of a linear-Gaussian model, a free composition, and of exact data."""
    torch.manual_seed(0)
    model, evidence = linear_gaussian(**wrong)
    return Examination(Subject(model, Plain(model), Sample(evidence.sample((100,)))))


def images(n=64, steps=40, training=None, scale=1.0, **keys):
    """Return the subject of an untrained image model whose running statistics have seen `steps` batches like its data."""
    torch.manual_seed(0)
    vae = ImageVAE(shape=(1, 4, 4), latent=2, **{"net": MLP(widths=(8,)), "likelihood": Bernoulli(), **keys})
    view = vae.view()
    model, pixels = vae.build(), torch.randint(0, 2, (n, 4, 4, 1), dtype=torch.uint8) * 255
    model.train()
    for _ in range(steps):
        model(view.prepare(torch.randint(0, 2, (64, 4, 4, 1), dtype=torch.uint8) * 255) * scale)
    return Subject(model.eval(), view, Sample(pixels), description=vae, training=training or Training(batch=64))


def test_an_exact_encoder_has_no_gap_and_a_spoiled_one_has_its_divergence():
    assert GAP.value(linear()) == pytest.approx(0, abs=0.01)
    assert GAP(linear()) is None
    sick = linear(stretch=2.0)
    finding = GAP(sick)
    assert finding.value > GAP.threshold
    known = 3 * (0.5 * (4 - 1) - math.log(2))
    assert sick.inference_gap.gaps.amortization_gap.nats == pytest.approx(known, rel=0.1)
    assert finding.prescription == ("steps=4000",)


def test_one_deviation_for_all_data_is_found_and_its_prescription_cures_it():
    sick, healthy = examination("posterior.scale=fixed"), examination()
    finding = GAP(sick)
    assert finding.prescription == ("posterior.scale=exp",)
    assert GAP(healthy) is None
    assert GAP.value(healthy) < GAP.threshold / 2  # the run with that key, which is the default


def test_a_rate_that_training_does_not_charge_is_no_gap():
    free, subject = FreeBits(nats=0.5), linear().subject
    latent = subject.model(subject.test.stored).latents[0]
    count = latent.kl_terms.flatten(2).shape[-1]
    assert free(latent) == pytest.approx((latent.kl.mean() + 0.5 * count - free.unpaid(latent)).item(), abs=1e-5)
    assert FreeBits().unpaid(latent) == 0
    sick = linear(stretch=2.0).subject
    gaps = inference_gap(sick, 100)
    spared = inference_gap(dataclasses.replace(sick, objective=ELBO(free_bits={"nats": 100.0})), 100)
    assert spared.share == pytest.approx(gaps.share - 1) and gaps.share > 1  # all of the rate lies below such a floor


def test_a_brief_training_is_prolonged_and_a_long_one_widened():
    subject = images()
    brief = dataclasses.replace(subject, history=({"step": 300}, {"step": 600}))
    assert GAP.prescription(Examination(brief)) == ("steps=2400",)
    limited = dataclasses.replace(brief, training=Training(time_limit=7.5))
    assert GAP.prescription(Examination(limited)) == ("time_limit=30",)
    long = dataclasses.replace(subject, history=({"step": 5000},))
    assert GAP.prescription(Examination(long)) == ("net.widths=[128]",)
    wide = images(net=MLP(widths=(512, 256)))
    long = dataclasses.replace(wide, history=({"step": 5000},))
    assert GAP.prescription(Examination(long)) == ("net.widths=[1024,512]",)
    widest = dataclasses.replace(images(net=MLP(widths=(1024, 512))), history=long.history)
    assert GAP.prescription(Examination(widest)) == ("net.widths=[1024,1024]",)
    widest = dataclasses.replace(images(net=MLP(widths=(2048, 1024))), history=long.history)
    assert GAP.prescription(Examination(widest)) == ()
    normed = images(net=Conv(widths=(8,), norm="batch"))
    assert GAP.prescription(Examination(normed)) == MISMATCH.prescription(Examination(normed)) == ("net.norm=group",)


def test_prescriptions_are_keys_that_fit_takes():
    for keys in (
        "posterior.scale=exp",
        "steps=2400",
        "time_limit=30",
        "net.widths=[1024,512]",
        "net.norm=layer",
        "batch=64",
    ):
        assert any(parse([keys]).values())


@pytest.mark.parametrize("posterior", POSTERIORS, ids=name)
def test_every_posterior_has_numbers_or_none(posterior):
    examined = Examination(
        images(n=20, posterior=posterior, training=Training(batch=16), net=MLP(widths=(8,), norm="batch"))
    )
    gap = GAP.value(examined)
    assert (gap is not None) == (posterior.support == "real" and posterior.kind != "delta")
    assert gap is None or math.isfinite(gap)
    assert math.isfinite(MISMATCH.value(examined))


def test_batch_norm_with_steady_statistics_is_healthy_and_small_batches_or_stale_statistics_are_not():
    keys = {"n": 256, "net": MLP(widths=(16, 8), norm="batch")}
    healthy = Examination(images(**keys))
    assert MISMATCH.value(healthy) < math.sqrt(1.5 / 64) + 0.05
    assert MISMATCH(healthy) is None
    small = Examination(images(**keys, training=Training(batch=4)))
    assert MISMATCH(small).prescription == ("net.norm=layer",)
    assert MISMATCH(Examination(images(**keys, steps=1))) is not None
    assert MISMATCH(Examination(images(**keys, scale=3.0))) is not None
    assert MISMATCH.value(Examination(images(n=256, net=MLP(widths=(16, 8))))) is None


@pytest.mark.parametrize(("batch", "is_sick"), [(3, True), (4, True), (16, False), (64, False)])
def test_the_noise_of_usual_batches_is_no_mismatch_and_that_of_small_ones_is(batch, is_sick):
    keys = {"n": 256, "net": MLP(widths=(32, 16), norm="batch"), "training": Training(batch=batch)}
    assert (MISMATCH(Examination(images(**keys))) is not None) == is_sick
    assert MISMATCH(Examination(images(**keys, scale=3.0))) is not None


@pytest.mark.parametrize(
    ("size", "expected"), [(64, 0.8**2 - 1.5 / 64), (16, 0.8**2 - 1.5 / 16), (3, 0.8**2 - 1.5 / 16)]
)
def test_what_chance_makes_of_a_usual_batch_is_taken_off(size, expected):
    assert NormMismatch(0.8, size).excess == pytest.approx(math.sqrt(expected))
    assert NormMismatch(0.1, size).excess == 0


def test_a_run_with_small_batches_is_found():
    small = examination("net.norm=batch", "batch=4", "steps=150")
    assert MISMATCH(small).value > 1.5 * MISMATCH.threshold
    assert MISMATCH.value(examination()) is None
    assert small.norm_mismatch.size == 4


def test_measures_what_batches_do_to_the_distance():
    """One layer, by hand."""

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(2)

        def forward(self, x):
            return Independent(Normal(self.norm(x), 1.0), 1)

    model, _ = linear_gaussian(dims=2, latent=2)
    model = VAE(model.prior, Encoder().double(), model.likelihood).eval()
    x = torch.randn(40, 2).double() * 3 + 1
    found = norm_mismatch(Subject(model, Plain(model), Sample(x), training=Training(batch=40)), 1000)
    variance = x.var(0) + 1e-5
    by_hand = (x.mean(0).square() / (1 + 1e-5) + (variance / (1 + 1e-5)).log().square() / 4).mean().sqrt()
    assert found.distance == pytest.approx(by_hand.item())
    free = Examination(Subject(model, Plain(model), Sample(x), training=Training(batch=20)))
    assert MISMATCH(free).prescription == ("batch=64",)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_too_few_data_or_weights_that_are_not_finite_have_no_numbers(norm):
    for n in (3, 10):
        few = Examination(images(n=n, net=MLP(widths=(8,), norm=norm)))
        assert GAP.value(few) is MISMATCH.value(few) is None
    broken = images(net=MLP(widths=(8,), norm=norm))
    next(broken.model.parameters()).data.fill_(math.nan)
    assert inference_gap(broken, 64) is norm_mismatch(broken, 64) is None


def test_leaves_everything_as_it_was():
    subject = images(net=MLP(widths=(8,), norm="batch", dropout=0.2))
    model = subject.model
    before, state = torch.get_rng_state(), copy.deepcopy(model.state_dict())
    first = norm_mismatch(subject, 1000)
    assert first == norm_mismatch(subject, 1000)
    inference_gap(subject, 20)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), state.values(), strict=True))
    layers = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm1d)]
    assert not any(layer.training or layer._forward_pre_hooks or not layer.track_running_stats for layer in layers)
    assert not any(module.training for module in model.modules())
