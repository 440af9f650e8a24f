"""Sharpness of three sets of images, of any size and number of channels."""

import math

import pytest
import torch

from vaekit.evaluation import sharpness


@pytest.mark.parametrize("shape", [(20, 1, 8, 8), (9, 4, 17, 30), (30, 3, 64, 12), (8, 2, 9, 9)], ids=str)
def test_sets_of_known_power(shape):
    torch.manual_seed(0)
    real = torch.rand(shape)
    mean = real.mean(0)
    found = sharpness(real, mean + 0.5 * (real - mean), mean + 2 * (real.flip(0) - mean))
    assert found.ratio(found.data) == 1 and found.distance(found.data) == 0
    assert found.ratio(found.reconstructions) == pytest.approx(0.25, rel=1e-4)
    assert found.ratio(found.samples) == pytest.approx(4, rel=1e-4)
    assert found.distance(found.reconstructions) == pytest.approx(10 * math.log10(4), rel=1e-4)
    assert found.agreement == pytest.approx(0.5, rel=1e-4)


def test_constant_images_have_no_power():
    real = torch.rand(20, 1, 16, 16)
    found = sharpness(real, real.mean(0).expand_as(real), real)
    assert found.ratio(found.reconstructions) < 1e-6 and found.distance(found.reconstructions) > 50
    assert sharpness(real[:3], real[:3], real[:3]) is None
    assert sharpness(real[..., :4], real[..., :4], real[..., :4]) is None
