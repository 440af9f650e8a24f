"""Quality of generated texts on planted cases: equals, one text for ever, dice, and copies."""

import json
import random

import pytest

from evaluation.test_ngrams import chain
from vaekit.evaluation import text_quality

TRAIN, REAL = chain(3000, 1)[0], chain(800, 2)[0]


def quality(generated, **keys):
    return text_quality(REAL, generated, train=TRAIN, order=3, **keys)


@pytest.fixture(scope="module")
def faithful():
    return quality(chain(800, 3)[0])


def test_samples_of_the_same_law_measure_like_real_texts(faithful):
    found, real = faithful.generated, faithful.real
    for name in ("forward_perplexity", "reverse_perplexity"):
        ours, theirs = getattr(found, name), getattr(real, name)
        assert abs(ours.value - theirs.value) < 4 * (ours.se + theirs.se)
    assert found.self_bleu == pytest.approx(real.self_bleu, abs=0.05)
    assert found.distinct_1 == pytest.approx(real.distinct_1, rel=0.1)
    assert found.distinct_2 == pytest.approx(real.distinct_2, rel=0.1)
    assert found.copies == pytest.approx(real.copies, abs=0.06)
    assert found.duplicates == pytest.approx(real.duplicates, abs=0.06)
    assert found.mean_length == pytest.approx(real.mean_length, rel=0.1)


def test_a_real_sample_measures_like_real_texts_where_these_repeat():
    """Held out by content, no text is a copy; of a fresh sample of the same law many are, and so of the yardstick."""
    texts = [f"t{min(int(random.Random(i).expovariate(0.02)), 300)}" for i in range(3000)]
    kept = {text for text in texts if random.Random(text).random() < 0.8}
    train, held = [text for text in texts if text in kept], [text for text in texts if text not in kept]
    fresh = [f"t{min(int(random.Random(-i).expovariate(0.02)), 300)}" for i in range(1, 601)]
    found = text_quality(held, fresh, train=train, order=2)
    assert found.generated.copies > 0.6
    assert found.real.copies > 0.9


def test_training_texts_are_the_most_fluent_and_all_copies():
    copied, fresh = (text_quality(REAL, texts, train=TRAIN) for texts in (TRAIN[:800], chain(800, 3)[0]))
    assert copied.generated.copies == 1
    assert copied.generated.forward_perplexity.value < 0.95 * fresh.generated.forward_perplexity.value
    assert copied.real.forward_perplexity == fresh.real.forward_perplexity


def test_one_text_for_ever_is_fluent_and_gives_itself_away(faithful):
    usual = max(set(TRAIN), key=lambda text: (len(text) > 4, TRAIN.count(text)))
    found = quality([usual] * 800).generated
    assert found.reverse_perplexity.value > 2 * faithful.generated.reverse_perplexity.value
    assert found.self_bleu == pytest.approx(1)
    assert found.duplicates == pytest.approx(799 / 800)
    assert found.distinct_2 < 0.02


def test_dice_are_various_and_give_themselves_away(faithful):
    draw = random.Random(0)
    found = quality(["".join(draw.choices("abcdexyz", k=len(text))) for text in REAL]).generated
    assert found.forward_perplexity.value > 1.5 * faithful.generated.forward_perplexity.value
    assert found.reverse_perplexity.value > 1.1 * faithful.generated.reverse_perplexity.value
    assert found.self_bleu < faithful.generated.self_bleu
    assert found.mean_length == pytest.approx(faithful.real.mean_length, rel=0.1)


def test_planted_copies_and_duplicates_are_counted():
    fresh = [f"{i:03d}" for i in range(300)]
    long = [text for text in dict.fromkeys(TRAIN) if len(text) > 8][:100]
    found = text_quality(REAL[:400], fresh + long, train=TRAIN, order=2)
    assert (found.generated.copies, found.generated.duplicates) == (0.25, 0)
    twice = text_quality(REAL[:400], (fresh[:150] + fresh[:50]) * 2, train=TRAIN, order=2).generated
    assert twice.duplicates == pytest.approx(1 - 150 / 400)


def test_numbers_that_grow_with_their_number_are_of_equal_numbers():
    found = quality(chain(4000, 4)[0])
    assert (found.n, found.compared, found.counted, found.train) == (800, 500, 3000, 3000)
    assert found.generated.distinct_2 == pytest.approx(found.real.distinct_2, rel=0.25)
    assert found.generated.forward_perplexity.texts == 4000
    assert found.generated.reverse_perplexity.texts == 800


def test_the_seed_chooses_and_nothing_else_does():
    samples = chain(60, 5)[0]
    assert quality(samples) == quality(samples)
    assert quality(samples, seed=1).generated.forward_perplexity == quality(samples).generated.forward_perplexity
    lists = [list(text) for text in samples]
    assert quality(lists).generated.copies == quality(samples).generated.copies


def test_summary_and_refusals(faithful):
    summary = json.loads(json.dumps(faithful.summary()))
    assert set(summary) == {"generated", "real", "order", "n", "compared", "counted", "train"}
    assert summary["real"]["forward_perplexity"]["value"] == faithful.real.forward_perplexity.value
    with pytest.raises(ValueError, match="two texts to compare on both sides"):
        quality(["a"])
    with pytest.raises(ValueError, match="training texts"):
        text_quality(REAL, REAL, train=[])
