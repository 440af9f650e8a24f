"""Quality of samples: exact on small sets, whatever the chunks, and the model stays as it was."""

import math

import pytest
import torch
from torch import nn

from vaekit import MLP, ImageVAE
from vaekit.evaluation import PosteriorPoints, frechet_distance, sample_quality, samples
from vaekit.nets import RandomFeatures


def by_hand(real, generated, k):
    """The four shares as loops over plain numbers."""
    distance = lambda a, b: math.dist(a.tolist(), b.tolist())  # noqa: E731
    radius = lambda points, i: sorted(distance(points[i], other) for other in points)[k]  # noqa: E731
    of_real = [radius(real, i) for i in range(len(real))]
    of_generated = [radius(generated, j) for j in range(len(generated))]
    precision = sum(any(distance(y, x) <= r for x, r in zip(real, of_real, strict=True)) for y in generated)
    recall = sum(any(distance(x, y) <= r for y, r in zip(generated, of_generated, strict=True)) for x in real)
    density = sum(distance(y, x) < r for y in generated for x, r in zip(real, of_real, strict=True))
    coverage = sum(any(distance(x, y) <= r for y in generated) for x, r in zip(real, of_real, strict=True))
    n, m = len(real), len(generated)
    return precision / m, recall / n, density / (k * m), coverage / n


def shares(quality):
    return quality.precision, quality.recall, quality.density, quality.coverage


@pytest.mark.parametrize("entries", [1, 70, 2**22])
def test_the_shares_are_those_of_plain_loops_whatever_the_chunks(monkeypatch, entries):
    monkeypatch.setattr(samples, "_ENTRIES", entries)
    real, generated = torch.randn(40, 3, dtype=torch.float64), 0.7 * torch.randn(25, 3, dtype=torch.float64) + 0.5
    expected = by_hand(real, generated, 3)
    assert 0 < min(expected) < max(expected[:2]) < 1  # a case that tells the four apart
    assert shares(sample_quality(real, generated, nn.Identity(), k=3)) == pytest.approx(expected)


def test_equal_sets_are_perfect():
    x = torch.randn(300, 1, 6, 5)
    quality = sample_quality(x, x.flip(0), RandomFeatures(1))
    assert shares(quality) == (1, 1, 1, 1)
    assert quality.frechet == pytest.approx(0, abs=1e-9)


def test_samples_of_the_same_law_have_density_one():
    quality = sample_quality(torch.randn(1500, 2), torch.randn(1500, 2), nn.Identity())
    assert quality.density == pytest.approx(1, abs=0.05)
    assert min(quality.precision, quality.recall, quality.coverage) > 0.9


def test_sets_far_apart_share_nothing():
    x = torch.randn(60, 4)
    quality = sample_quality(x, x + 100, nn.Identity())
    assert shares(quality) == (0, 0, 0, 0)
    assert quality.frechet == pytest.approx(4 * 100**2, rel=1e-6)


def test_a_collapsed_model_is_precise_and_does_not_cover():
    real = torch.randn(500, 2)
    quality = sample_quality(real, 0.05 * torch.randn(500, 2), nn.Identity())
    assert quality.precision > 0.99
    assert max(quality.recall, quality.coverage) < 0.1


def test_the_distance_of_two_known_gaussians():
    """Diagonal covariances commute: the distance is a sum over dimensions."""
    basis = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64)).Q
    white = torch.randn(200, 4, dtype=torch.float64)
    white = white - white.mean(0)
    white = white @ torch.linalg.inv(torch.linalg.cholesky(white.T.cov()).T)
    a, b = torch.tensor([1.0, 2.0, 0.5, 0.0]).double(), torch.tensor([2.0, 1.0, 0.1, 3.0]).double()
    shift = torch.tensor([3.0, 0.0, -1.0, 0.0]).double()
    expected = (shift.square() + (a - b).square()).sum().item()
    assert frechet_distance(white * a @ basis.T, (white * b + shift) @ basis.T) == pytest.approx(expected)


def test_the_distance_with_covariances_that_do_not_commute():
    root = torch.randn(2, 3, 3, dtype=torch.float64)
    x, y = torch.randn(2, 5000, 3, dtype=torch.float64) @ root
    roots_of_product = torch.linalg.eigvals(x.T.cov() @ y.T.cov()).real.sqrt().sum()
    expected = (x.mean(0) - y.mean(0)).square().sum() + x.T.cov().trace() + y.T.cov().trace() - 2 * roots_of_product
    assert frechet_distance(x, y) == pytest.approx(expected.item())


def test_fewer_data_than_features_leave_the_distance_finite():
    x = torch.randn(10, 50)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-6)
    assert 0 < frechet_distance(x, torch.randn(12, 50)) < math.inf


def test_a_models_own_space_leaves_the_model_alone():
    model = ImageVAE(shape=(1, 8, 8), latent=3, net=MLP(widths=(16,), norm="batch"), levels=17, value_range=(0, 16))
    built = model.build().train()
    before = {name: value.clone() for name, value in built.state_dict().items()}
    x = torch.randint(0, 17, (30, 1, 8, 8)).float()
    quality = sample_quality(x, x, PosteriorPoints(built))
    assert shares(quality) == (1, 1, 1, 1)
    assert all(torch.equal(value, before[name]) for name, value in built.state_dict().items())
    assert all(module.training for module in built.modules())


def test_the_summary_names_the_space_and_never_says_fid():
    x = torch.rand(20, 1, 8, 8)
    summary = sample_quality(x, x, RandomFeatures(1)).summary()
    assert summary["space"] == "random convolutional features"
    assert summary["frechet"]["name"] == "Frechet distance in random convolutional features"
    assert summary["real"] == summary["generated"] == 20
    assert "fid" not in str(summary).lower()


@pytest.mark.parametrize(
    ("real", "generated", "k", "says"),
    [((5, 2), (9, 2), 5, "at least 6 data"), ((9, 2), (9, 2), 0, "k=0"), ((9, 2), (9, 3), 5, "differ in shape")],
)
def test_sets_that_cannot_be_compared_are_refused(real, generated, k, says):
    with pytest.raises(ValueError, match=says):
        sample_quality(torch.randn(real), torch.randn(generated), nn.Identity(), k=k)
