"""Fidelity against closed forms, and against window-by-window loops."""

import math

import pytest
import torch

from vaekit.evaluation import fidelity


def direct_ssim(x, y, window):
    """The structural similarity of two images (H, W), window by window."""
    half = (window - 1) / 2
    weight = lambda i, j: math.exp(-((i - half) ** 2 + (j - half) ** 2) / (2 * 1.5**2))  # noqa: E731
    g = torch.tensor([[weight(i, j) for j in range(window)] for i in range(window)], dtype=torch.float64)
    g = g / g.sum()
    values = []
    for i in range(x.shape[0] - window + 1):
        for j in range(x.shape[1] - window + 1):
            a, b = x[i : i + window, j : j + window], y[i : i + window, j : j + window]
            ma, mb = (g * a).sum(), (g * b).sum()
            va, vb, cov = (g * (a - ma) ** 2).sum(), (g * (b - mb) ** 2).sum(), (g * (a - ma) * (b - mb)).sum()
            values.append((2 * ma * mb + 1e-4) * (2 * cov + 9e-4) / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4)))
    return torch.stack(values).mean().item()


def noisy(x, scale=0.1):
    return (x + scale * torch.randn_like(x)).clamp(0, 1)


@pytest.mark.parametrize("side", [4, 8, 28, 64])
def test_equal_images_are_perfect(side):
    x = torch.rand(5, 2, side, side)
    result = fidelity(x, x)
    assert torch.equal(result.psnr, torch.full((5,), 100.0, dtype=torch.float64))
    torch.testing.assert_close(result.ssim, torch.ones(5, dtype=torch.float64))
    if side >= 22:
        torch.testing.assert_close(result.ms_ssim, torch.ones(5, dtype=torch.float64))


def test_the_ratio_of_known_noise_is_its_closed_form():
    x = torch.full((3, 1, 200, 200), 0.5)
    result = fidelity(x, x + 0.05 * torch.randn_like(x))
    expected = torch.full((3,), -20 * math.log10(0.05), dtype=torch.float64)
    torch.testing.assert_close(result.psnr, expected, atol=0.1, rtol=0)


@pytest.mark.parametrize(("side", "window"), [(4, 3), (8, 5), (13, 7), (20, 11), (24, 11)])
def test_the_similarity_is_that_of_plain_loops(side, window):
    x = torch.rand(2, 2, side, side + 1, dtype=torch.float64)
    y = noisy(x, 0.3)
    result = fidelity(x, y)
    assert result.window == window
    for image in range(2):
        channels = [direct_ssim(x[image, c], y[image, c], window) for c in range(2)]
        assert result.ssim[image].item() == pytest.approx(sum(channels) / 2, rel=1e-6)


def test_more_noise_is_less_of_everything():
    x = torch.rand(8, 1, 32, 32)
    results = [fidelity(x, noisy(x, scale)) for scale in (0.02, 0.1, 0.4)]
    for name in ("psnr", "ssim", "ms_ssim"):
        means = [getattr(result, name).mean().item() for result in results]
        assert means == sorted(means, reverse=True), name


def test_batches_change_nothing():
    x = torch.rand(600, 1, 6, 6)
    y = noisy(x)
    torch.testing.assert_close(fidelity(x, y).ssim[-3:], fidelity(x[-3:], y[-3:]).ssim)


@pytest.mark.parametrize(
    ("side", "missing", "why"),
    [(3, {"ssim", "ms_ssim"}, "at least 4 pixels"), (21, {"ms_ssim"}, "22 pixels"), (22, set(), "")],
)
def test_what_an_image_is_too_small_for_is_none_with_the_reason(side, missing, why):
    x = torch.rand(3, 1, side, 40)
    found = fidelity(x, noisy(x)).summary()
    assert {name for name in ("psnr", "ssim", "ms_ssim") if found[name] is None} == missing
    assert why in found["why"]
    assert bool(found["why"]) == bool(missing)


def test_the_summary_has_means_errors_and_what_they_depend_on():
    x = torch.rand(50, 1, 28, 28)
    result = fidelity(x, noisy(x))
    found = result.summary()
    assert found["psnr"]["mean"] == pytest.approx(result.psnr.mean().item())
    assert found["psnr"]["se"] == pytest.approx(result.psnr.std().item() / math.sqrt(50))
    assert (found["n"], found["psnr"]["cap"], found["ssim"]["window"], found["ms_ssim"]["scales"]) == (50, 100, 11, 2)
    assert math.isnan(fidelity(x[:1], x[:1]).summary()["psnr"]["se"])


X = torch.rand(3, 1, 8, 8)


@pytest.mark.parametrize(
    ("images", "again", "sentence"),
    [
        (X.flatten(1), X.flatten(1), "give images"),
        (X[:0], X[:0], "at least one"),
        (X, X[:2], "differ in shape"),
        (255 * X, X, "images must be intensities"),
        (X, X * math.nan, "reconstructions must be intensities"),
    ],
    ids=["vectors", "none", "shapes", "levels", "nan"],
)
def test_bad_input_is_refused_with_the_cure(images, again, sentence):
    with pytest.raises(ValueError, match=sentence):
        fidelity(images, again)
