"""Errors that mean one thing each, so that a caller can tell "this does not apply here" from a mistake.

Both are a `ValueError`, so that the command line answers each with its sentence.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["DataNotAtHand", "NotApplicable", "suggestion"]


class NotApplicable(ValueError):
    """A measure or a verb has no meaning for this model or these data; the message says why."""


class DataNotAtHand(ValueError):
    """A model's own data came as arrays, have moved, or have changed since; the message says what to give."""


def suggestion(word: object, known: Iterable[str]) -> str:
    """Return the end of a sentence that names the known word most like a mistyped one; empty where none is like it.

    Examples:
        >>> suggestion("imgae", ["image", "text"])
        "; did you mean 'image'?"
    """
    near = get_close_matches(str(word), list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
