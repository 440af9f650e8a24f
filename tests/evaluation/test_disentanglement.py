"""Disentanglement of codes whose relation to the factors is planted."""

import math

import pytest
import torch

from vaekit.evaluation import disentanglement
from vaekit.evaluation.disentanglement import dci, factor_vae_score, mutual_information_gap, sap

SCORES = ("mig", "sap", "factor_vae", "disentanglement", "completeness", "informativeness")
LEVELS = (3, 4, 8)


def drawn(n=1500):
    """Factors of a few levels, drawn evenly."""
    generator = torch.Generator().manual_seed(1)
    return torch.stack([torch.randint(k, (n,), generator=generator) for k in LEVELS], 1)


FACTORS = drawn()
ALIGNED = (FACTORS.double() - FACTORS.double().mean(0)) / FACTORS.double().std(0)
MIXED = ALIGNED @ torch.linalg.qr(torch.tensor([[1.0, 1, 1], [1, -1, 0.5], [1, 0.5, -1]], dtype=torch.float64))[0]


def noise(latent=5):
    return torch.randn(len(FACTORS), latent, generator=torch.Generator().manual_seed(2))


def scores(means):
    result = disentanglement(means, FACTORS)
    return torch.tensor([getattr(result, name) for name in SCORES])


@pytest.fixture(scope="module")
def aligned():
    return scores(ALIGNED + 0.01 * noise(3))


def test_a_code_along_the_axes_is_perfect(aligned):
    perfect = torch.tensor([1, sum(1 - 1 / k for k in LEVELS) / 3, 1, 1, 1, 1])  # of SAP: less chance, at the next best
    assert (perfect - aligned).abs().max() < 0.05, dict(zip(SCORES, aligned.tolist(), strict=True))


def test_sap_is_a_difference_of_balanced_accuracies_as_published():
    """Kumar et al. (2018), S as balanced accuracy: 1 and 3/4 by hand, and 0 for a dead dimension; nothing is rescaled."""
    v = torch.arange(4000).remainder(2).unsqueeze(1)
    often = torch.where(torch.arange(4000) % 8 < 2, 1 - v[:, 0], v[:, 0])  # right in 6 of 8, for both values
    codes = torch.stack([v[:, 0], often], 1).double()
    assert sap(codes, v) == pytest.approx(1 - 3 / 4, abs=0.03)
    assert sap(codes[:, 1:], v) == pytest.approx(3 / 4, abs=0.03)
    assert sap(torch.cat([codes[:, :1], 1e-3 * codes[:, 1:]], 1), v) == 1


def test_informativeness_is_a_plain_accuracy():
    """Of values of shares 3/4 and 1/4 that nothing tells, the most frequent is always guessed: right in 3/4."""
    v = (torch.arange(4000) % 4 == 0).long().unsqueeze(1)
    dead = torch.zeros(4000, 2).double()
    assert dci(dead, v)[2] == pytest.approx(3 / 4, abs=0.02)


def test_a_rotated_code_is_much_less_but_as_informative_as_can_be(aligned):
    rotated = scores(MIXED)
    assert (aligned - rotated)[[0, 1, 3, 4]].min() > 0.4, rotated
    assert rotated[2] < aligned[2]
    assert rotated[5] > 0.5


def test_noise_tells_nothing():
    found = scores(noise())
    assert found[[0, 1, 3, 4]].max() < 0.05, found
    assert found[5] == pytest.approx(sum(1 / k for k in LEVELS) / 3, abs=0.05)
    assert found[2] == pytest.approx(1 / len(LEVELS), abs=0.1)  # chance


def test_dead_dimensions_beside_a_code_change_little(aligned):
    torch.testing.assert_close(scores(torch.cat([ALIGNED, 1e-3 * noise(4)], 1)), aligned, atol=0.06, rtol=0)


def test_a_dead_code_scores_nothing():
    found = scores(torch.zeros(len(FACTORS), 4))
    assert found[:5].tolist() == pytest.approx([0, 0, 1 / 3, 0, 0], abs=1e-6)


@pytest.mark.parametrize("means", [ALIGNED, MIXED], ids=["aligned", "mixed"])
def test_order_sign_and_scale_of_the_dimensions_change_nothing(means):
    before = scores(means)
    torch.testing.assert_close(scores(means[:, [2, 0, 1]]), before, atol=0.02, rtol=0)
    torch.testing.assert_close(scores(means * torch.tensor([-3.0, 0.5, 20])), before, atol=0.02, rtol=0)


def test_one_dimension_for_two_factors_is_complete_and_not_disentangled():
    joint = (FACTORS[:, :1] * 4 + FACTORS[:, 1:2]).double()
    means = torch.cat([joint, noise(3).double()], 1)
    entangled, complete, informed, importance = dci(means, FACTORS[:, :2])
    assert complete > 0.9
    assert informed > 0.9
    assert entangled < 0.2
    assert importance.argmax(0).tolist() == [0, 0]


def test_two_dimensions_for_one_factor_are_disentangled_and_not_complete():
    """A circle: neither coordinate alone tells the angle."""
    angle = 2 * math.pi * FACTORS[:, 2] / LEVELS[2] + 0.2
    means = torch.stack([angle.cos(), angle.sin(), ALIGNED[:, 0], ALIGNED[:, 1]], 1)
    pure, complete, _, importance = dci(means, FACTORS)
    assert pure > 0.9
    assert complete < 0.95
    assert min(importance[:2, 2]) > 0.2


def test_a_copied_dimension_closes_the_gaps():
    """What two dimensions know equally well is no gap; the gap of the first factor alone is gone."""
    means = torch.cat([ALIGNED, ALIGNED[:, :1]], 1)
    assert mutual_information_gap(means, FACTORS) == pytest.approx(2 / 3, abs=0.02)
    assert sap(means, FACTORS) == pytest.approx((1 - 1 / 4 + 1 - 1 / 8) / 3, abs=0.03)


def test_the_mutual_information_gap_is_that_of_plain_counting():
    pairs = FACTORS[:, 1:].tolist()
    v, z = [a for a, _ in pairs], [a if b < 5 else (a + b) % 4 for a, b in pairs]
    means = torch.stack([torch.tensor(z), FACTORS[:, 0]], 1).double()

    def entropy(column):
        shares = [column.count(value) / len(column) for value in set(column)]
        return -sum(p * math.log(p) for p in shares)

    told = [entropy(v) + entropy(c) - entropy(list(zip(v, c, strict=True))) for c in (z, FACTORS[:, 0].tolist())]
    expected = abs(told[0] - told[1]) / entropy(v)
    assert mutual_information_gap(means, FACTORS[:, 1:2]) == pytest.approx(expected, rel=1e-9)
    assert expected > 0.1


def test_a_factor_of_values_in_any_order_is_found():
    """Thresholds, and no straight line: an index is a name."""
    renamed = torch.tensor([3, 0, 2, 1])[FACTORS[:, 1]].unsqueeze(1)
    assert sap(torch.cat([ALIGNED[:, 1:2], noise(2).double()], 1), renamed) == pytest.approx(3 / 4, abs=0.05)


def test_the_vote_leaves_dead_dimensions_out():
    """One that never moves has the least variance of all, whatever is held fixed."""
    dead = torch.zeros(len(FACTORS), 1, dtype=torch.float64)
    assert factor_vae_score(torch.cat([dead, ALIGNED], 1), FACTORS) == 1


def test_the_summary_names_the_factors_that_vary():
    factors = torch.cat([torch.ones(len(FACTORS), 1, dtype=torch.long), FACTORS], 1)
    result = disentanglement(ALIGNED, factors, ("color", "shape", "scale", "angle"))
    found = result.summary()
    assert found["factors"] == ["shape", "scale", "angle"]
    assert found["n"] == len(FACTORS)
    torch.testing.assert_close(torch.tensor(found["importance"]).sum(0), torch.ones(3))
    assert disentanglement(ALIGNED, FACTORS).summary() == disentanglement(ALIGNED, FACTORS).summary()


@pytest.mark.parametrize(
    ("means", "factors", "sentence"),
    [
        (ALIGNED[:30], FACTORS[:30], "at least 50 data"),
        (ALIGNED, FACTORS[:100], "one row of factors"),
        (ALIGNED, FACTORS[:, 0], "one row of factors"),
        (ALIGNED * math.nan, FACTORS, "finite latents"),
        (ALIGNED, torch.zeros_like(FACTORS), "no factor varies"),
    ],
    ids=["few", "lengths", "one axis", "nan", "constant"],
)
def test_what_has_no_scores_is_refused(means, factors, sentence):
    with pytest.raises(ValueError, match=sentence):
        disentanglement(means, factors)
