"""Overlap of texts: what of a text comes back from its latents, and how much generated texts repeat each other."""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, TypeAlias

from vaekit.errors import NotApplicable
from vaekit.evaluation.ngrams import Texts

__all__ = ["TextOverlap", "bleu", "distinct", "exact_match", "self_bleu", "text_overlap", "token_accuracy"]

_Text: TypeAlias = Sequence[Hashable]
_Gram: TypeAlias = tuple[Hashable, ...]

_NEARLY_NONE = 0.1  # n-grams in common that stand for none at all where the BLEU of one text would be 0


@dataclass(frozen=True)
class TextOverlap:
    """How alike texts and their reconstructions are.

    Args:
        bleu: BLEU-4 of the whole corpus, one reference for each text.
        token_accuracy: Share of tokens, ends included, that stand where they stood.
        exact_match: Share of texts that came back whole.
        n: Number of texts.
    """

    bleu: float
    token_accuracy: float
    exact_match: float
    n: int

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON."""
        return asdict(self)


def text_overlap(texts: Texts, again: Texts) -> TextOverlap:
    """Compare texts with their reconstructions.

    Args:
        texts: The texts, as sequences of tokens without begin and end.
        again: Their reconstructions.

    Raises:
        ValueError: There are no texts, or not one reconstruction for each.

    Examples:
        >>> text_overlap([["a", "dog", "runs"], ["a", "cat"]], [["a", "dog", "sits"], ["a", "cat"]]).exact_match
        0.5
    """
    _check(texts, again)
    return TextOverlap(
        bleu=bleu(again, [[text] for text in texts]),
        token_accuracy=token_accuracy(texts, again),
        exact_match=exact_match(texts, again),
        n=len(texts),
    )


def bleu(candidates: Texts, references: Sequence[Texts], order: int = 4) -> float:
    r"""Return the BLEU of a corpus, without smoothing: 1 for equal texts, 0 without a common n-gram of the highest order.

    .. math::
        \min(1, e^{1 - r / c}) \prod_{n=1}^{4} p_n^{1/4}

    with the precision :math:`p_n` the share of all candidates' n-grams that their references have too, each counted no more
    often than in the one reference that has most of it; c the candidates' length, and r that of the closest references
    (the shorter of two). Orders of which no candidate is long enough to have an n-gram are left out (the "effective order").

    References:
        Papineni, Roukos, Ward and Zhu, 2002, "BLEU: a method for automatic evaluation of machine translation".

    Args:
        candidates: Texts, as sequences of tokens.
        references: For each candidate the texts that it may resemble.
        order: The longest n-grams.

    Raises:
        ValueError: There are no candidates, or not at least one reference for each.

    Examples:
        >>> bleu([["a", "dog", "runs"]], [[["a", "dog", "sits"], ["the", "dog", "runs"]]], order=2)
        1.0
    """
    _check(candidates, references)
    if not all(references):
        raise ValueError("bleu needs at least one reference for each candidate, but one has none; give it one")
    lengths = sum(_closest(len(text), map(len, known)) for text, known in zip(candidates, references, strict=True))
    shares = []
    for n in range(1, order + 1):
        matched = total = 0
        for text, known in zip(candidates, references, strict=True):
            counts = Counter(_grams(text, n))
            most: Counter[_Gram] = Counter()
            for reference in known:
                most |= Counter(_grams(reference, n))
            matched, total = matched + (counts & most).total(), total + counts.total()
        shares.append((float(matched), total))
    return _combined(shares, sum(map(len, candidates)), lengths)


def self_bleu(texts: Texts, order: int = 4) -> float:
    r"""Return how much texts repeat each other: the mean BLEU of each with all others as its references.

    It grows with the number of texts, so only equal numbers compare. One text alone rarely has a 4-gram in common with
    others, which would make its BLEU 0; so n-grams of which none is shared count as a tenth of one. Orders for which a
    text is too short count as one n-gram that is not shared: equal texts of two tokens have :math:`(1 \cdot 1 \cdot 0.1
    \cdot 0.1)^{1/4}`. A text without any shared token has 0.

    References:
        Zhu, Lu, Zheng, Guo, Zhang, Wang and Yu, 2018, "Texygen: a benchmarking platform for text generation models"; Chen
        and Cherry, 2014, "A systematic comparison of smoothing techniques for sentence-level BLEU" (the tenth).

    Args:
        texts: Texts, as sequences of tokens.
        order: The longest n-grams.

    Raises:
        NotApplicable: There are fewer than two texts.

    Examples:
        >>> self_bleu([["a", "b", "c", "d"]] * 3)
        1.0
    """
    if len(texts) < 2:
        raise NotApplicable(f"self-BLEU compares texts with each other, but {len(texts)} came; give at least two")
    shared = [_shared(texts, n) for n in range(1, order + 1)]
    lengths = Counter(map(len, texts))
    scores = []
    for i, text in enumerate(texts):
        size = len(text)
        others = lengths if lengths[size] > 1 else (other for other in lengths if other != size)
        first, *longer = (matched[i] for matched in shared)
        counted = [first, *(matched or _NEARLY_NONE for matched in longer)]
        shares = [(matched, max(1, size - n)) for n, matched in enumerate(counted)]
        scores.append(_combined(shares, size, _closest(size, others)))
    return sum(scores) / len(scores)


def distinct(texts: Texts, n: int) -> float:
    """Return distinct-n: the number of different n-grams, over that of all tokens; 0 where there are no tokens.

    It falls with the number of texts, so only equal numbers compare.

    References:
        Li, Galley, Brockett, Gao and Dolan, 2016, "A diversity-promoting objective function for neural conversation models".

    Examples:
        >>> distinct([["a", "b"], ["a", "c"]], 1)
        0.75
    """
    found = set(chain.from_iterable(_grams(text, n) for text in texts))
    return len(found) / max(1, sum(map(len, texts)))


def token_accuracy(texts: Texts, again: Texts) -> float:
    """Return the share of the texts' tokens, ends included, that their reconstructions have in the same place.

    Raises:
        ValueError: There are no texts, or not one reconstruction for each.

    Examples:
        >>> token_accuracy([["a", "dog", "runs"]], [["a", "cat", "runs", "off"]])
        0.5
    """
    _check(texts, again)
    pairs = list(zip(texts, again, strict=True))
    right = sum(sum(map(operator.eq, text, other)) + (len(text) == len(other)) for text, other in pairs)
    return right / sum(len(text) + 1 for text in texts)


def exact_match(texts: Texts, again: Texts) -> float:
    """Return the share of texts that their reconstructions equal.

    Raises:
        ValueError: There are no texts, or not one reconstruction for each.
    """
    _check(texts, again)
    return sum(tuple(text) == tuple(other) for text, other in zip(texts, again, strict=True)) / len(texts)


def _check(texts: Sequence[Any], others: Sequence[Any]) -> None:
    if not len(texts) or len(texts) != len(others):
        raise ValueError(f"{len(texts)} texts came with {len(others)} to compare them with; give one for each")


def _grams(text: _Text, n: int) -> Iterable[_Gram]:
    return zip(*(text[i:] for i in range(n)), strict=False)


def _closest(length: int, others: Iterable[int]) -> int:
    return min(others, key=lambda other: (abs(other - length), other))


def _combined(shares: Sequence[tuple[float, int]], length: int, reference: int) -> float:
    """Return BLEU from matched and all n-grams of each order, and the lengths."""
    counted = [(matched, total) for matched, total in shares if total > 0]
    if (reference and not length) or any(not matched for matched, _ in counted):
        return 0.0
    brevity = min(0.0, 1 - reference / length) if length else 0.0
    return math.exp(brevity + sum(math.log(matched / total) for matched, total in counted) / max(1, len(counted)))


def _shared(texts: Texts, n: int) -> list[int]:
    """Return how many n-grams of each text any one of the others has as often."""
    counts = [Counter(_grams(text, n)) for text in texts]
    # The most that any text has of an n-gram, whose it is, and the most that another has of it.
    most: dict[_Gram, tuple[int, int, int]] = {}
    for i, found in enumerate(counts):
        for gram, count in found.items():
            first, owner, second = most.get(gram, (0, -1, 0))
            most[gram] = (count, i, first) if count > first else (first, owner, max(second, count))
    return [sum(min(count, _others(most[gram], i)) for gram, count in found.items()) for i, found in enumerate(counts)]


def _others(most: tuple[int, int, int], i: int) -> int:
    first, owner, second = most
    return second if owner == i else first
