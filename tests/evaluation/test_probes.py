"""Probes on latents whose classes are planted."""

import math

import pytest
import torch

from vaekit.evaluation import Coded, probes


def blobs(n, distance, classes=3, latent=6):
    """Classes at corners, in the first dimensions of `latent`."""
    labels = torch.arange(n) % classes
    means = torch.randn(n, latent)
    means[torch.arange(n), labels] += distance
    return Coded(means, labels)


def test_classes_far_apart_are_found_by_both():
    result = probes(blobs(300, 20), blobs(100, 20))
    assert (result.linear.value, result.knn.value, result.linear.se) == (1, 1, 0)
    assert (result.k, result.classes, result.train, result.test) == (10, 3, 300, 100)


def test_latents_that_know_nothing_give_the_base_rate():
    test = blobs(3000, 0)
    result = probes(blobs(3000, 0), test)
    assert result.base_rate == pytest.approx(1 / 3)
    for probe in (result.linear, result.knn):
        assert abs(probe.value - 1 / 3) < 5 * probe.se


def test_two_classes_of_known_overlap_are_told_at_the_rate_of_the_best_classifier():
    """N(-1, 1) against N(1, 1): no classifier is right more often than Phi(1)."""
    sample = lambda: Coded((2.0 * (y := torch.arange(4000) % 2) - 1).unsqueeze(1) + torch.randn(4000, 1), y)  # noqa: E731
    result = probes(sample(), sample())
    best = 0.5 * (1 + math.erf(1 / math.sqrt(2)))
    assert abs(result.linear.value - best) < 4 * result.linear.se
    assert result.linear.se == pytest.approx(math.sqrt(best * (1 - best) / 4000), rel=0.05)


def test_a_ring_around_a_disk_is_seen_by_neighbors_alone():
    def rings(n):
        labels, angle = torch.arange(n) % 2, 2 * math.pi * torch.rand(n)
        radius = 1 + 2 * labels + 0.1 * torch.randn(n)
        return Coded(torch.stack([radius * angle.cos(), radius * angle.sin()], 1), labels)

    result = probes(rings(600), rings(400))
    assert result.knn.value == 1
    assert result.linear.value < 0.7


def test_units_and_dead_dimensions_change_nothing():
    train, test = blobs(400, 3), blobs(300, 3)
    scale, shift = torch.tensor([1e-3, 1.0, 50.0, 1.0, 1e3, 0.1]), torch.randn(6)
    moved = [
        Coded(torch.cat([part.means.double() * scale + shift, torch.full((len(part.means), 2), 0.1)], 1), part.labels)
        for part in (train, test)
    ]
    before, after = probes(train, test), probes(*moved)
    assert after.knn == before.knn
    assert after.linear.value == pytest.approx(before.linear.value, abs=0.01)


def test_the_majority_is_that_of_training():
    train = Coded(torch.randn(10, 2), torch.tensor([0] * 7 + [1] * 3))
    test = Coded(torch.randn(10, 2), torch.tensor([0] * 2 + [1] * 8))
    assert probes(train, test).base_rate == pytest.approx(0.2)


def test_few_data_have_few_neighbors_and_unseen_classes_are_errors():
    train, test = blobs(4, 50, classes=2), blobs(6, 50)
    result = probes(train, test)
    assert result.k == 4
    assert result.linear.value <= 4 / 6


def test_the_generators_of_the_caller_are_left_alone():
    import numpy as np

    parts = blobs(50, 1), blobs(50, 1)
    np.random.seed(3)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    assert probes(*parts) == probes(*parts)
    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()


GOOD = Coded(torch.randn(20, 2), torch.arange(20) % 2)


@pytest.mark.parametrize(
    ("train", "test", "sentence"),
    [
        (Coded(GOOD.means, torch.zeros(20).long()), GOOD, "two classes"),
        (GOOD, Coded(GOOD.means[:0], GOOD.labels[:0]), "0 test data"),
        (GOOD, Coded(GOOD.means * math.nan, GOOD.labels), "finite latents"),
        (Coded(GOOD.means, GOOD.labels[:3]), GOOD, "one for each"),
    ],
    ids=["one class", "no data", "nan", "lengths"],
)
def test_what_cannot_be_probed_is_refused(train, test, sentence):
    with pytest.raises(ValueError, match=sentence):
        probes(train, test)


@pytest.mark.filterwarnings("error")
def test_the_plane_converges_where_classes_are_far_apart_and_where_they_are_mixed():
    for distance in (0, 1, 1e3):
        probes(blobs(600, distance), blobs(60, distance))
