"""The area under the ROC curve against its definition."""

import numpy as np
import pytest

from vaekit.evaluation.tables import auroc


def test_it_is_the_chance_that_a_positive_scores_higher_ties_counting_half():
    rng = np.random.default_rng(0)
    score, label = rng.integers(0, 8, 200), rng.random(200) < 0.3
    higher = score[label][:, None] - score[~label]
    assert auroc(score, label) == pytest.approx(((higher > 0) + 0.5 * (higher == 0)).mean())


def test_certainty_its_reverse_and_a_constant():
    label = [False, False, True]
    assert (auroc([0, 1, 2], label), auroc([2, 1, 0], label), auroc([1, 1, 1], label)) == (1, 0, 0.5)


def test_any_increasing_map_of_the_scores_changes_nothing():
    rng = np.random.default_rng(1)
    score, label = rng.standard_normal(100), rng.random(100) < 0.5
    assert auroc(np.exp(score), label) == auroc(score, label) == pytest.approx(1 - auroc(-score, label))


@pytest.mark.parametrize(
    ("score", "label", "sentence"),
    [
        ([1.0], [True], "positives and negatives"),
        ([1.0, np.nan], [True, False], "NaN"),
        ([1.0], [True, False], "one label"),
    ],
)
def test_what_cannot_be_ranked_is_refused(score, label, sentence):
    with pytest.raises(ValueError, match=sentence):
        auroc(score, label)
