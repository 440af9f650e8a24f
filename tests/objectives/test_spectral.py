"""Structural similarity and the spectrum, against direct references."""

import math

import pytest
import torch

from vaekit.objectives.spectral import focal_frequency, ms_ssim


def direct_ssim(x, y, window=11):
    """Return the structural similarity of two images (H, W), window by window."""
    half = (window - 1) / 2
    g = torch.tensor(
        [[math.exp(-((i - half) ** 2 + (j - half) ** 2) / 4.5) for j in range(window)] for i in range(window)]
    )
    g = (g.double() / g.double().sum()).double()
    values = []
    for i in range(x.shape[0] - window + 1):
        for j in range(x.shape[1] - window + 1):
            a, b = x[i : i + window, j : j + window], y[i : i + window, j : j + window]
            ma, mb = (g * a).sum(), (g * b).sum()
            va, vb, cov = (g * (a - ma) ** 2).sum(), (g * (b - mb) ** 2).sum(), (g * (a - ma) * (b - mb)).sum()
            luminance = (2 * ma * mb + 1e-4) / (ma**2 + mb**2 + 1e-4)
            values.append(luminance * (2 * cov + 9e-4) / (va + vb + 9e-4))
    return torch.stack(values).mean()


def pair(*shape, noise=0.2):
    x = torch.rand(shape, dtype=torch.float64)
    return x, (x + noise * torch.randn_like(x)).clamp(0, 1)


@pytest.mark.parametrize("grid", [(12, 15), (11, 11)], ids=str)
def test_one_scale_against_a_direct_reference(grid):
    x, y = pair(2, 3, *grid)
    expected = torch.stack(
        [
            torch.stack([direct_ssim(*channels) for channels in zip(*images, strict=True)]).mean()
            for images in zip(x, y, strict=True)
        ]
    )
    torch.testing.assert_close(ms_ssim(x, y), expected, rtol=1e-5, atol=1e-6)


def test_a_small_image_has_a_small_window():
    x, y = pair(1, 1, 8, 9)
    torch.testing.assert_close(ms_ssim(x, y)[0], direct_ssim(x[0, 0], y[0, 0], 8), rtol=1e-5, atol=1e-6)


def test_two_scales_are_the_weighted_product_of_contrast_and_similarity():
    """28 x 28 leaves room for the window at 28 and at 14; a flat shift changes the luminance, which counts once."""
    x = torch.rand(1, 1, 28, 28, dtype=torch.float64) / 2
    shifted = ms_ssim(x, x + 0.3)
    half = torch.nn.functional.avg_pool2d(x, 2)[0, 0]
    weight = 0.2856 / (0.0448 + 0.2856)
    torch.testing.assert_close(shifted[0], direct_ssim(half, half + 0.3) ** weight, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("grid", [(8, 8), (28, 28), (45, 61), (180, 176), (3, 40), (1, 1)], ids=str)
def test_equal_images_have_similarity_one_and_it_is_symmetric(grid):
    x, y = pair(2, 3, *grid)
    torch.testing.assert_close(ms_ssim(x, x), torch.ones(2).double())
    torch.testing.assert_close(ms_ssim(x, y), ms_ssim(y, x))
    assert (ms_ssim(x, y) < 1).all() and (ms_ssim(x, y) > 0).all()


def test_similarity_falls_with_noise_and_with_blur():
    x = torch.rand(1, 1, 64, 64)
    noisy = [ms_ssim(x, x + level * torch.randn(x.shape)).item() for level in (0.02, 0.1, 0.5)]
    blurred = [ms_ssim(x, torch.nn.functional.avg_pool2d(x, k, 1, k // 2)).item() for k in (3, 5, 9)]
    assert noisy == sorted(noisy, reverse=True) and blurred == sorted(blurred, reverse=True)


def test_similarity_has_a_finite_gradient_where_structures_are_opposite():
    x = torch.rand(1, 1, 28, 28, dtype=torch.float64)
    y = (1 - x).requires_grad_()
    ms_ssim(x, y).sum().backward()
    assert torch.isfinite(y.grad).all()
    flat = torch.zeros(1, 1, 28, 28, dtype=torch.float64, requires_grad=True)
    ms_ssim(x, flat).sum().backward()
    assert torch.isfinite(flat.grad).all() and flat.grad.any()


def test_gradients_against_finite_differences():
    x, y = pair(1, 1, 12, 12, noise=0.05)
    assert torch.autograd.gradcheck(lambda y: ms_ssim(x, y), y.requires_grad_())
    x, y = pair(1, 2, 5, 4)
    assert torch.autograd.gradcheck(lambda y: focal_frequency(x, y, 0.0), y.requires_grad_())


def test_focal_frequency_is_zero_for_equal_images_and_has_a_finite_gradient_there():
    x = torch.rand(2, 3, 7, 5)
    y = x.clone().requires_grad_()
    value = focal_frequency(x, y)
    value.sum().backward()
    assert torch.equal(value, torch.zeros(2)) and torch.equal(y.grad, torch.zeros_like(x))


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 2.0])
def test_focal_frequency_against_the_definition(alpha):
    x, y = pair(1, 1, 6, 4)
    total = 0.0
    rows, columns = torch.arange(6).double(), torch.arange(4).double()
    errors = []
    for u in range(6):
        for v in range(4):
            phase = -2j * math.pi * (u * rows[:, None] / 6 + v * columns[None, :] / 4)
            errors.append(((y - x)[0, 0] * torch.exp(phase)).sum().abs().item() / math.sqrt(24))
    total = sum((e / max(errors)) ** alpha * e**2 for e in errors)
    assert focal_frequency(x, y, alpha).item() == pytest.approx(total, rel=1e-9)


def test_the_focus_is_on_the_hardest_frequency():
    """With a focus, a frequency that is wrong by twice as much costs more than four times as much."""
    grid = torch.arange(8) * 2 * math.pi / 8
    wave = torch.stack([torch.cos(grid), torch.cos(2 * grid)]).double()
    x = torch.zeros(1, 1, 8, 8).double()
    weak, strong = wave[0].expand(1, 1, 8, 8), 2 * wave[1].expand(1, 1, 8, 8)
    y = (weak + strong).requires_grad_()
    focal_frequency(x, y).sum().backward()
    pull = [(y.grad[0, 0].sum(0) @ part).item() for part in wave]
    assert pull[1] / pull[0] == pytest.approx(4, rel=1e-6)
