"""A language model that only counts: the yardstick by which texts, and samples of texts, are judged without a network."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["NGrams", "Texts"]

Texts: TypeAlias = Sequence[Sequence[Hashable]]
"""Texts as sequences of tokens, without begin and end; a string is the sequence of its characters."""

_Integers: TypeAlias = npt.NDArray[np.int64]
_Reals: TypeAlias = npt.NDArray[np.float64]

_USUAL_DISCOUNTS = (0.5, 1.0, 1.5)  # of counts 1, 2, 3 or more, where there are too few low ones to estimate them


@dataclass(frozen=True)
class _Level:
    """The n-grams of one length; a context is the number of an n-gram that is one token shorter, -1 one never seen.

    Args:
        keys: context * width + token of each n-gram, sorted, `(G,)`.
        kept: The share of its context's mass that an n-gram keeps, `(G,)`.
        passed: The share that a context passes on to the tokens after a shorter context, `(C,)`.
        width: Number of different tokens.
    """

    keys: _Integers
    kept: _Reals
    passed: _Reals
    width: int

    def find(self, context: _Integers, token: _Integers) -> _Integers:
        """Return the numbers of the n-grams, -1 where one was never seen."""
        key = context * self.width + token
        at = np.searchsorted(self.keys, key).clip(max=len(self.keys) - 1)
        return np.where((context >= 0) & (self.keys[at] == key), at, -1)

    def interpolated(self, context: _Integers, token: _Integers, shorter: _Reals) -> _Reals:
        """Return p(token | context), given what it is after the shorter context."""
        gram = self.find(context, token)
        found = np.where(gram >= 0, self.kept[gram], 0.0) + self.passed[context] * shorter
        return np.where(context >= 0, found, shorter)


class NGrams:
    r"""An interpolated n-gram model with modified Kneser-Ney smoothing: exact, normalised, trained in seconds.

    .. math::
        p(w \mid h) = \frac{c(h w) - D_{c(h w)}}{c(h)} + \gamma(h) \, p(w \mid h'), \qquad
        \gamma(h) = \frac{1}{c(h)} \sum_{w: c(h w) > 0} D_{c(h w)},

    where h' is h without its first token. The longest n-grams, and those that begin a text, are counted by occurrence;
    shorter ones by the number of different tokens seen before them. After the empty context comes the uniform distribution
    over the vocabulary, the end and one unknown token, which stands for all others: every text has a positive probability,
    and those of all texts over this vocabulary sum to 1.

    References:
        Kneser and Ney, 1995, "Improved backing-off for m-gram language modeling"; Chen and Goodman, 1999, "An empirical
        study of smoothing techniques for language modeling".

    Args:
        order: Number of tokens of the longest n-grams, the predicted one included.

    Raises:
        ValueError: The order is below 1.

    Examples:
        >>> model = NGrams(3).fit(["anna", "hanna", "annika"])
        >>> common, rare = model.log_prob(["anna", "nana"]).tolist()
        >>> common > rare
        True
    """

    def __init__(self, order: int) -> None:
        if order < 1:
            raise ValueError(f"an n-gram has at least 1 token, but order={order} came; 5 is usual for words")
        self.order = order
        self._levels: list[_Level] = []
        self._learn(())

    def _learn(self, vocabulary: Iterable[Hashable]) -> None:
        """Number the tokens, and after them the end, the unknown token and the beginning."""
        self.vocabulary = tuple(dict.fromkeys(vocabulary))
        self._numbers = {token: number for number, token in enumerate(self.vocabulary)}
        self._end, self._unknown, self._begin = range(len(self.vocabulary), len(self.vocabulary) + 3)

    def fit(self, sequences: Texts, vocabulary: Iterable[Hashable] | None = None) -> NGrams:
        """Count the n-grams of texts, in place of those counted before.

        Args:
            sequences: The texts.
            vocabulary: The tokens that are known; those of the texts by default. Perplexities of models with different
                vocabularies are not comparable, since each prices what it does not know as one token.

        Returns:
            The model itself.

        Raises:
            ValueError: There are no texts.
        """
        if not len(sequences):
            raise ValueError("an n-gram model is counted from texts, but none came; give at least one")
        self._learn((token for text in sequences for token in text) if vocabulary is None else vocabulary)
        self._levels = self._counted(self._flat(sequences))
        return self

    def log_prob(self, sequences: Texts) -> Tensor:
        """Return the log-probability of each text in nats, its end included, `(N,)`.

        Raises:
            ValueError: The model was not fitted.
        """
        tokens = self._flat(sequences)
        scored = tokens != self._begin
        contexts = [context[scored] for context in self._contexts(tokens)]
        lengths = torch.tensor([len(text) + 1 for text in sequences], dtype=torch.int64)
        terms = torch.from_numpy(np.log(self._mixed(contexts, tokens[scored])))
        owner = torch.arange(len(lengths)).repeat_interleave(lengths)
        return torch.zeros(len(lengths), dtype=torch.float64).index_add_(0, owner, terms)

    def next_probabilities(self, context: Sequence[Hashable]) -> Tensor:
        """Return the probability of what may follow the beginning of a text, `(V + 2,)`.

        Args:
            context: The text so far.

        Returns:
            Those of the tokens of `vocabulary` in its order, of the end, and of an unknown token.

        Raises:
            ValueError: The model was not fitted.

        Examples:
            >>> p = NGrams(2).fit(["ab", "ab"]).next_probabilities("a")
            >>> p.argmax().item(), round(p.sum().item(), 6)
            (1, 1.0)
        """
        # The context of the end mark, which `_flat` puts behind the text, is that of whatever may stand there instead.
        last = [found[-1:] for found in self._contexts(self._flat([context]))]
        choices = np.arange(self._begin)
        return torch.from_numpy(self._mixed([at.repeat(len(choices)) for at in last], choices))

    def _flat(self, sequences: Texts) -> _Integers:
        """Return the numbers of all tokens, each text between its begin and its end."""
        find, unknown, flat = self._numbers.get, self._unknown, []
        for text in sequences:
            flat.append(self._begin)
            flat.extend([find(token, unknown) for token in text])
            flat.append(self._end)
        return np.array(flat, dtype=np.int64)

    def _contexts(self, tokens: _Integers) -> list[_Integers]:
        """Return the context of each token, level by level."""
        if not self._levels:
            raise ValueError("this n-gram model has counted nothing yet; call fit(sequences) first")
        contexts = [np.zeros_like(tokens)]
        for level in self._levels[:-1]:
            contexts.append(self._behind(level.find(contexts[-1], tokens), tokens))
        return contexts

    def _mixed(self, contexts: list[_Integers], tokens: _Integers) -> _Reals:
        p = np.full(len(tokens), 1 / self._begin)
        for level, context in zip(self._levels, contexts, strict=True):
            p = level.interpolated(context, tokens, p)
        return p

    def _behind(self, grams: _Integers, tokens: _Integers) -> _Integers:
        """Return the n-gram that ends before each token: its context at the next level."""
        context = np.roll(grams, 1)
        context[tokens == self._begin] = -1
        return context

    def _counted(self, tokens: _Integers) -> list[_Level]:
        width = self._begin + 1
        found: list[tuple[_Integers, _Integers]] = []  # keys and counts
        context, shorter = np.zeros_like(tokens), np.zeros(0, dtype=np.int64)
        for length in range(1, self.order + 1):
            (places,) = np.nonzero(context >= 0)
            if not len(places):
                break  # no text is as long as that
            grams = context[places] * width + tokens[places]
            keys, first, inverse, counts = np.unique(grams, return_index=True, return_inverse=True, return_counts=True)
            if length > 1:
                keys_below, counts_below = found[-1]
                before = np.bincount(shorter[places[first]], minlength=len(keys_below))
                # Nothing stands before the beginning of a text: what holds it is counted by occurrence.
                found[-1] = keys_below, np.where(before > 0, before, counts_below)
            found.append((keys, counts))
            shorter = np.full_like(tokens, -1)
            shorter[places] = inverse
            context = self._behind(shorter, tokens)
        found[0][1][found[0][0] == self._begin] = 0  # a context, never predicted
        sizes = [1, *(len(keys) for keys, _ in found)]
        return [_level(keys, counts, width, size) for (keys, counts), size in zip(found, sizes[:-1], strict=True)]


def _level(keys: _Integers, counts: _Integers, width: int, contexts: int) -> _Level:
    discount = np.array([0.0, *_discounts(counts)])[counts.clip(max=3)]
    context = keys // width
    mass = np.bincount(context, counts, contexts)
    removed = np.bincount(context, discount, contexts)
    # The end of a text is the context of nothing and has no mass.
    passed = np.divide(removed, mass, out=np.ones(contexts), where=mass > 0)
    return _Level(keys, (counts - discount) / mass[context], passed, width)


def _discounts(counts: _Integers) -> tuple[float, ...]:
    """Return what is taken off the counts 1, 2, and 3 or more: Chen and Goodman's estimates where all make sense."""
    n1, n2, n3, n4 = (int((counts == count).sum()) for count in (1, 2, 3, 4))
    if not min(n1, n2, n3, n4):
        return _USUAL_DISCOUNTS
    share = n1 / (n1 + 2 * n2)
    found = (1 - 2 * share * n2 / n1, 2 - 3 * share * n3 / n2, 3 - 4 * share * n4 / n3)
    sensible = all(0 < discount < count for count, discount in enumerate(found, 1))
    return found if sensible else _USUAL_DISCOUNTS
