"""The n-gram model against its formula written out, exact normalisation, hand-counted texts and a planted chain."""

import itertools
import math
import random
from collections import Counter, defaultdict

import pytest
import torch

from vaekit.evaluation import NGrams

END, BEGIN = "</s>", "<s>"
WORDS = "abcde"


def chain(n, seed, sharp=3.0):
    """Return texts of a first-order Markov chain over five letters, and the mean of their true -log p."""
    draw = random.Random(0)
    rows = {
        at: [math.exp(sharp * draw.random()) for _ in range(5)] + [1.0 if at == BEGIN else 4.0]
        for at in [BEGIN, *WORDS]
    }
    draw, texts, nats = random.Random(seed), [], 0.0
    for _ in range(n):
        text, at = "", BEGIN
        while at != END:
            following = draw.choices([*WORDS, END], rows[at])[0]
            nats -= math.log(rows[at][[*WORDS, END].index(following)] / sum(rows[at]))
            text, at = text + (following if following != END else ""), following
        texts.append(text)
    return texts, nats / n


def written_out(texts, order, discounts):
    """Return p(token | context) as the textbook has it: dictionaries and recursion."""
    occurrences, before = Counter(), defaultdict(set)
    for text in texts:
        line = (BEGIN, *text, END)
        for n in range(1, order + 1):
            for i in range(len(line) - n + 1):
                occurrences[line[i : i + n]] += 1
                if i:
                    before[line[i : i + n]].add(line[i - 1])
    counts = {g: c if len(g) == order or g[0] == BEGIN else len(before[g]) for g, c in occurrences.items()}
    del counts[(BEGIN,)]
    types = len({token for text in texts for token in text}) + 2
    discount = {n: discounts([c for g, c in counts.items() if len(g) == n]) for n in range(1, order + 1)}

    def p(token, context):
        shorter = 1 / types if not context else None
        below = shorter if shorter is not None else p(token, context[1:])
        inside = {g: c for g, c in counts.items() if g[:-1] == context}
        if not inside:
            return below
        off = {g: discount[len(g)][min(c, 3) - 1] for g, c in inside.items()}
        gram, total = (*context, token), sum(inside.values())
        return ((inside[gram] - off[gram]) / total if gram in inside else 0) + sum(off.values()) / total * below

    return p


def modified(counts):
    n = Counter(counts)
    if not all(n[i] for i in (1, 2, 3, 4)):
        return 0.5, 1.0, 1.5
    y = n[1] / (n[1] + 2 * n[2])
    found = tuple(i - (i + 1) * y * n[i + 1] / n[i] for i in (1, 2, 3))
    return found if all(0 < d < i + 1 for i, d in enumerate(found)) else (0.5, 1.0, 1.5)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("n", [1, 6, 150])
def test_is_the_formula_written_out(order, n):
    texts = chain(n, 1)[0]
    model, p = NGrams(order).fit(texts), written_out(texts, order, modified)
    for text in [*texts[:5], *chain(5, 2)[0], "", "z", "azb"]:
        line = (BEGIN, *text, END)
        expected = sum(math.log(p(line[i], line[max(0, i - order + 1) : i])) for i in range(1, len(line)))
        assert model.log_prob([text]).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("n", [1, 40])
@pytest.mark.parametrize("vocabulary", [None, "abz", ""], ids=["own", "others", "empty"])
def test_sums_to_one_after_every_context(order, n, vocabulary):
    model = NGrams(order).fit(chain(n, 3)[0], vocabulary)
    for length in range(4):
        for context in itertools.product([*WORDS, "z"], repeat=length):
            p = model.next_probabilities(context)
            assert p.min() > 0
            assert p.sum().item() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_the_probabilities_of_all_texts_sum_to_one(order):
    model = NGrams(order).fit(["ab", "b", "ba", ""])
    texts = [text for length in range(5) for text in itertools.product("ab?", repeat=length)]
    ended = model.log_prob(texts).exp().sum().item()
    # What is left belongs to longer texts: those that begin in one of these ways.
    longer = 0.0
    for text in itertools.product("ab?", repeat=5):
        log_p = sum(model.next_probabilities(text[:i])["ab?".index(text[i]) + (text[i] == "?")].log() for i in range(5))
        longer += math.exp(log_p)
    assert ended + longer == pytest.approx(1, abs=1e-12)


def test_a_text_counted_by_hand():
    model = NGrams(1).fit(["a"])
    # Two tokens of count 1, half taken off each, and that half spread over a, the end and the unknown.
    torch.testing.assert_close(
        model.next_probabilities(""), torch.tensor([0.25 + 0.5 / 3, 0.25 + 0.5 / 3, 0.5 / 3], dtype=torch.float64)
    )
    assert model.log_prob(["a", "??"]).exp().tolist() == pytest.approx([(5 / 12) ** 2, 5 / 12 / 36])


def test_an_order_beyond_the_longest_text_changes_nothing():
    for texts in ([""], ["a", ""], ["ab", "ba"]):
        longest = NGrams(4).fit(texts)
        assert torch.equal(NGrams(9).fit(texts).log_prob(["ab", "", "bab"]), longest.log_prob(["ab", "", "bab"]))


def test_the_chance_of_a_token_is_that_of_the_contexts_it_has_not_of_its_frequency():
    texts = [["san", "francisco"]] * 20 + [[word, "cat"] for word in ("a", "my", "that", "no")]
    p = NGrams(2).fit(texts)
    after = dict(zip(p.vocabulary, p.next_probabilities(["unseen"]).tolist(), strict=False))
    assert after["cat"] > after["francisco"]


def test_finds_a_planted_chain():
    train, _ = chain(8000, 4)
    test, entropy = chain(2000, 5)
    losses = [-NGrams(order).fit(train).log_prob(test).mean().item() for order in (1, 2, 3)]
    assert losses[1] == pytest.approx(entropy, abs=0.02)
    assert entropy - 0.02 < losses[2] < entropy + 0.1
    assert losses[0] > entropy + 0.3


def test_texts_are_scored_one_by_one_whatever_their_tokens_are():
    train, test = chain(200, 6)[0], [*chain(20, 7)[0], "", "zz"]
    together, reverse = NGrams(3).fit(train).log_prob(test), NGrams(3).fit(train[::-1])
    alone = torch.cat([reverse.log_prob([text]) for text in test])
    torch.testing.assert_close(together, alone)
    renamed = NGrams(3).fit([[ord(c) for c in text] for text in train]).log_prob([tuple(map(ord, t)) for t in test])
    torch.testing.assert_close(together, renamed)


def test_known_tokens_can_be_given_and_all_others_are_one():
    model = NGrams(2).fit(["ab", "ac", "ad"], vocabulary="ab")
    assert model.vocabulary == ("a", "b")
    c, z, b = model.log_prob(["ac", "az", "ab"]).tolist()
    assert c == z > b


def test_is_fitted_anew_and_says_what_is_wrong():
    model = NGrams(2).fit(chain(50, 8)[0])
    assert torch.equal(model.fit(["ab"]).log_prob(["ab", "ba"]), NGrams(2).fit(["ab"]).log_prob(["ab", "ba"]))
    assert model.log_prob([]).shape == (0,)
    with pytest.raises(ValueError, match="at least 1 token, but order=0"):
        NGrams(0)
    with pytest.raises(ValueError, match="none came"):
        NGrams(2).fit([])
    with pytest.raises(ValueError, match="call fit"):
        NGrams(2).log_prob(["ab"])
