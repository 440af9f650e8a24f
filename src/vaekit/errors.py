"""Errors that mean one thing each, so that a caller can tell "this does not apply here" from a mistake.

Both are a `ValueError`, so that the command line answers each with its sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["DataNotAtHand", "NotApplicable", "printable", "shortened", "suggestion"]

_COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Characters that command a terminal, or turn the direction of what it shows; tabs and line ends stay."""


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
    near = get_close_matches(str(word)[:100], list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def shortened(value: object, length: int = 120) -> str:
    """Return a value on one line for a message, its middle left out where it is long.

    Examples:
        >>> shortened("x" * 1000, 20)
        'xxxxxxxxx ... xxxxxx'
    """
    text = " ".join(str(value)[: 100 * length].split())
    return text if len(text) <= length else f"{text[: length // 2 - 1]} ... {text[-(length // 2 - 4) :]}"


def printable(text: str) -> str:
    """Return a text that does nothing to a terminal but to be seen: characters that would are replaced by a mark.

    Examples:
        >>> printable("a" + chr(27) + "[2Jb") == "a" + chr(0xFFFD) + "[2Jb"
        True
    """
    return _COMMANDS.sub("\ufffd", text)
