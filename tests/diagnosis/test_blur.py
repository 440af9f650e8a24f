"""Blur: power spectra are those of a plain transform, and what reconstructions lose is measured."""

import copy
import math
from dataclasses import replace

import pytest
import torch

from diagnosis.subjects import examination, untrained
from vaekit.diagnosis import Examination, Sample
from vaekit.diagnosis.checks.blur import CHECKS
from vaekit.diagnosis.sharpness import sharpness
from vaekit.evaluation.sharpness import ring_power
from vaekit.interfaces.describing.parsing import parse
from vaekit.modalities import Plain
from vaekit.objectives import FocalFrequency
from vaekit.training import Training

(CHECK,) = CHECKS
AVERAGED = "ema=0.99"


def test_a_wave_has_its_power_in_its_ring_alone():
    columns = torch.arange(16)
    wave = torch.cos(2 * math.pi * 3 * columns / 16).expand(1, 1, 16, 16)
    spectrum = torch.fft.fft2(wave)
    power = ring_power(spectrum, spectrum)
    assert len(power) == 8
    assert power.argmax() == 2  # rings are counted from 1
    assert power[2].item() == pytest.approx(2 * (256 / 2) ** 2)
    assert power.sum().item() == pytest.approx(power[2].item())


def test_rings_hold_what_a_plain_loop_holds():
    torch.manual_seed(0)
    a, b = torch.fft.fft2(torch.randn(2, 3, 1, 9, 12))
    expected = [0.0] * 10
    for i in range(9):
        for j in range(12):
            f = math.hypot(min(i, 9 - i) / 9, min(j, 12 - j) / 12) * 9
            expected[round(f)] += (a[:, 0, i, j] * b[:, 0, i, j].conj()).real.mean().item()
    assert ring_power(a, b).tolist() == pytest.approx(expected[1:5], rel=1e-4)


def test_what_agrees_falls_with_a_known_blur():
    torch.manual_seed(0)
    x = torch.fft.fft2(torch.randn(400, 1, 16, 16))
    noise = torch.fft.fft2(torch.randn(400, 1, 16, 16))
    power = ring_power(x, x)
    assert torch.allclose(ring_power(x, 0.25 * x), 0.25 * power)
    assert (ring_power(x, noise) / power).abs().max() < 0.2  # noise has power, and none that agrees


@pytest.mark.parametrize(
    "keys",
    [
        (),
        ("likelihood=gaussian", "likelihood.scale=optimal", "dequantize=true"),
        # One bit says little of a pixel: such runs need more training until they are sharp.
        ("likelihood=bernoulli", "likelihood.binarize=dynamic", "lr=0.01", "steps=500"),
        ("likelihood=bernoulli", "likelihood.binarize=threshold", "lr=0.01", "steps=500"),
    ],
    ids=lambda keys: " ".join(keys) or "default",
)
def test_healthy_reconstructions_are_sharp(keys):
    healthy = examination(*keys, AVERAGED)
    assert not CHECK.is_found(CHECK.value(healthy))


@pytest.mark.parametrize(
    "keys",
    [
        ("objective.beta=10", AVERAGED),
        ("latent=1", AVERAGED),
        ("steps=30", AVERAGED),
        ("likelihood=gaussian", "likelihood.scale=fixed", AVERAGED),
    ],
    ids=lambda keys: " ".join(keys),
)
def test_blur_is_found_and_cured(keys):
    sick = examination(*keys)
    assert CHECK.is_found(CHECK.value(sick))
    prescription = CHECK.prescription(sick)
    parse(prescription)
    parts = {key.split("=")[0] for key in prescription}
    kept = [k for k in keys if not any(k.split("=")[0] == p or k.startswith(f"{p}.") for p in parts)]
    assert not CHECK.is_found(CHECK.value(examination(*kept, *prescription)))


def prescribed(**changes):
    return CHECK.prescription(Examination(replace(untrained("gaussian"), **changes)))


def test_a_brief_run_is_prolonged_in_the_unit_that_it_counts_in():
    brief = ({"step": 100},)
    assert prescribed(history=brief) == ("steps=1000",)
    assert prescribed(history=brief, training=Training(time_limit=5)) == ("time_limit=20",)


def test_a_term_that_looks_at_the_spectrum_is_prescribed_once():
    long = ({"step": 5000},)
    assert prescribed(history=long) == ("objective=focal_frequency",)
    assert prescribed(history=long, objective=FocalFrequency()) == ()


def test_spectra_are_of_data_reconstructions_and_samples():
    subject = examination(AVERAGED).subject
    found = sharpness(subject)
    assert found.frequency.tolist() == [k / 8 for k in range(1, 5)]
    curves = (found.data, found.reconstructions, found.samples)
    assert all(curve.shape == (4,) and (curve > 0).all() for curve in curves)
    assert torch.equal(found.samples, sharpness(subject).samples)


def test_without_images_enough_there_is_no_spectrum():
    subject = examination(AVERAGED).subject
    assert sharpness(replace(subject, view=Plain(subject.model))) is None
    assert sharpness(replace(subject, test=Sample(subject.test.stored[:3]))) is None
    assert sharpness(examination("likelihood=bernoulli", "likelihood.binarize=static", AVERAGED).subject) is None
    broken = copy.deepcopy(subject.model)
    next(broken.parameters()).data.fill_(math.nan)
    assert sharpness(replace(subject, model=broken)) is None
