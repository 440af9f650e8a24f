"""Overlap of texts: examples computed by hand and published ones, equal corpora, planted repetitions."""

import json
import math
import random

import pytest

from vaekit.evaluation import bleu, distinct, self_bleu, text_overlap
from vaekit.evaluation.text_overlap import exact_match, token_accuracy


def words(text):
    return text.split()


GUIDE = words("It is a guide to action which ensures that the military always obeys the commands of the party")
GUIDES = [
    words("It is a guide to action that ensures that the military will forever heed Party commands"),
    words(
        "It is the guiding principle which guarantees the military forces always being under the command of the Party"
    ),
    words("It is the practical guide for the army always to heed the directions of the party"),
]
BOOK = words("he read the book because he was interested in world history")
BOOKS = [words("he was interested in world history because he read the book")]


def corpus(n, seed=0, letters="abcd"):
    draw = random.Random(seed)
    return [draw.choices(letters, k=draw.randrange(5, 12)) for _ in range(n)]


def test_bleu_of_the_paper_and_its_later_implementations():
    the, cats = ["the"] * 7, [words("the cat is on the mat"), words("there is a cat on the mat")]
    assert bleu([the], [cats], order=1) == pytest.approx(2 / 7)
    assert bleu([GUIDE], [GUIDES], order=1) == pytest.approx(17 / 18)
    assert bleu([GUIDE], [GUIDES], order=2) == pytest.approx(math.sqrt(17 / 18 * 10 / 17))
    assert bleu([GUIDE], [GUIDES]) == pytest.approx(0.5045666840058485)
    assert bleu([GUIDE, BOOK], [GUIDES, BOOKS]) == pytest.approx(0.5920778868801042)


def test_bleu_punishes_what_is_too_short_by_hand():
    assert bleu(["abcd"], [["abcdef"]]) == pytest.approx(math.exp(1 - 6 / 4))
    assert bleu(["abcd"], [["abcdef", "abcde"]]) == pytest.approx(math.exp(1 - 5 / 4))
    assert bleu(["abcd"], [["xxxxx", "abcd"]]) == 1
    # Of two references equally far the shorter one counts: no penalty.
    assert bleu(["abcd"], [["abcde", "abc"]]) == 1
    # 6 tokens of which 5 match, and 4 of 5, 3 of 4, 2 of 3 longer n-grams.
    assert bleu(["abcdex"], [["abcdef"]]) == pytest.approx((5 / 6 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25)


def test_a_corpus_against_itself_is_perfect_and_against_another_nothing():
    for texts in (corpus(20), [["a"], ["b", "c"]], [[], ["a", "b", "c", "d"]], [[]]):
        assert bleu(texts, [[text] for text in texts]) == pytest.approx(1)
        found = text_overlap(texts, texts)
        assert (found.token_accuracy, found.exact_match) == (1, 1)
    others = corpus(20, letters="wxyz")
    assert bleu(corpus(20), [[text] for text in others]) == 0
    assert bleu([[]], [["a"]]) == 0


def test_overlap_does_not_depend_on_the_order_of_the_texts_and_falls_with_noise():
    texts, draw = corpus(200), random.Random(1)
    scores = []
    for share in (0.05, 0.2, 0.5):
        again = [[draw.choice("abcd") if draw.random() < share else token for token in text] for text in texts]
        pairs = list(zip(texts, again, strict=True))
        draw.shuffle(pairs)
        found, shuffled = text_overlap(texts, again), text_overlap(*zip(*pairs, strict=True))
        assert found.bleu == pytest.approx(shuffled.bleu)
        assert found.exact_match == shuffled.exact_match
        # Three of four replacements differ; ends are always right, one for about 8 tokens.
        total = sum(map(len, texts))
        assert found.token_accuracy == pytest.approx(1 - 0.75 * share * total / (total + 200), abs=0.02)
        scores.append(found.bleu)
    assert 1 > scores[0] > scores[1] > scores[2] > 0


def test_accuracy_counts_places_and_ends_by_hand():
    assert token_accuracy(["abc"], ["abc"]) == 1
    assert token_accuracy(["abc"], ["ab"]) == 2 / 4  # the end came where c stood
    assert token_accuracy(["abc"], ["abcd"]) == 3 / 4
    assert token_accuracy(["abc", ""], ["xxx", ""]) == 2 / 5
    assert exact_match([["a"], ["b"]], [("a",), ("c",)]) == 0.5


def test_self_bleu_is_the_mean_bleu_with_the_others_as_references():
    texts = corpus(60, letters="ab")
    direct = [bleu([text], [texts[:i] + texts[i + 1 :]]) for i, text in enumerate(texts)]
    assert min(direct) > 0
    assert self_bleu(texts) == pytest.approx(sum(direct) / 60)


def test_self_bleu_of_planted_repetitions():
    assert self_bleu(["abcd", "aefg"]) == pytest.approx((1 / 4 * 0.1 / 3 * 0.1 / 2 * 0.1) ** 0.25)
    assert self_bleu(["abcd", "efgh"]) == 0
    # Each token counts as often as in the one other text that has most of it.
    assert self_bleu(["aab", "ab", "ab"], order=1) == pytest.approx((2 / 3 + 2) / 3)
    texts = corpus(100, letters="abcdefghijklmnop")
    halves = texts[:50] * 2
    assert self_bleu(texts) < 0.5 < self_bleu(halves)
    assert self_bleu(halves) == pytest.approx(1)
    assert self_bleu(texts) == pytest.approx(self_bleu(texts[::-1]))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a", 0.1**0.75),  # 1/1, and three orders of which there are none: a tenth of one each
        ("ab", 0.1**0.5),
        ("abc", 0.1**0.25),
        ("abcd", 1.0),
        ("", 0.0),
    ],
)
def test_self_bleu_of_texts_below_four_tokens_is_that_of_the_usual_recipe(text, value):
    """Texygen (Zhu et al., 2018): uniform weights of four orders, smoothing 1 of Chen and Cherry (2014), by hand."""
    assert self_bleu([text] * 3) == pytest.approx(value)


def test_distinct_by_hand():
    texts = ["abab", "ab"]
    assert distinct(texts, 1) == 2 / 6
    assert distinct(texts, 2) == 2 / 6  # ab, ba
    assert distinct(["abcd"], 1) == 1
    assert distinct(["a"], 2) == distinct([[]], 1) == 0
    assert distinct(texts * 10, 1) == pytest.approx(2 / 60)


def test_summary_and_refusals():
    assert json.loads(json.dumps(text_overlap(["ab"], ["ab"]).summary()))["n"] == 1
    with pytest.raises(ValueError, match="1 texts came with 2"):
        text_overlap(["ab"], ["ab", "ab"])
    with pytest.raises(ValueError, match="one for each"):
        text_overlap([], [])
    with pytest.raises(ValueError, match="at least one reference"):
        bleu(["ab"], [[]])
    with pytest.raises(ValueError, match="at least two"):
        self_bleu(["ab"])
