"""What a word is: how a text is taken apart into words and marks, and how they are joined to a text again.

A word keeps its inner hyphens, a number its points and commas; n't, 's, 'm, 'd, 're, 've and 'll are words of their own,
as in the Penn Treebank, and `<unk>`, which prepared corpora hold, stays whole. Every other mark stands for itself.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["WORD", "join_words"]

APOSTROPHES = "'\N{RIGHT SINGLE QUOTATION MARK}"

WORD = (
    r"<unk>"
    rf"|(?i:(?:\w+-)*\w+(?=n[{APOSTROPHES}]t\b)|n[{APOSTROPHES}]t\b|[{APOSTROPHES}](?:s|m|d|re|ve|ll)\b)"
    r"|\d+(?:[.,:]\d+)*(?!\w)"
    r"|\w+(?:-\w+)*"
    r"|[^\w\s]"
)
"""One word or mark, as a regular expression; what lies between two of them is white space."""

ENDINGS = frozenset(
    form for mark in APOSTROPHES for form in (f"n{mark}t", *(mark + end for end in ["s", "m", "d", "re", "ve", "ll"]))
)

AFTER_WORD = frozenset(",.!?;:%)]}…”»" + APOSTROPHES) | ENDINGS
"""What follows a word without a space."""

BEFORE_WORD = frozenset("([{“«$#¿¡")
"""What a word follows without a space."""


def join_words(words: Iterable[str]) -> str:
    """Join words and marks to a text, with the usual spaces. A straight quotation mark opens and closes in turn.

    >>> print(join_words(["she", "did", "n't", "say", '"', "no", '"', "(", "or", "yes", ")", "."]))
    she didn't say "no" (or yes).
    """
    text, glued, is_open = "", True, False
    for word in words:
        closes = word == '"' and is_open
        text += word if glued or closes or word.lower() in AFTER_WORD else f" {word}"
        is_open ^= word == '"'
        glued = word in BEFORE_WORD or (word == '"' and is_open)
    return text
