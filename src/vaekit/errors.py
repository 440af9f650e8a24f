"""Errors that mean one thing each, so that a caller can tell "this does not apply here" from a mistake.

All are a `ValueError`, so that the command line answers each with its sentence.
"""

from __future__ import annotations

import errno
import operator
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import PurePath
from typing import Any, cast

__all__ = [
    "LARGEST",
    "DataNotAtHand",
    "NotApplicable",
    "foreign_bytes",
    "names_file",
    "real",
    "shortened",
    "suggestion",
    "whole",
]

LARGEST = 3.4e38
"""The largest number that 32 bits hold, in which models compute."""


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


def shortened(value: object, most: int = 80) -> str:
    """Return a value as text for a message, cut where it is long.

    Examples:
        >>> shortened("abcdef", 4)
        'abc…'
    """
    text = str(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def whole(name: str, value: Any, least: int = 1, most: int = 2**63 - 1) -> int:
    """Return a whole number within limits, both included.

    Raises:
        ValueError: It is another number, or none.

    Examples:
        >>> whole("n", 3)
        3
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        raise ValueError(f"{name} must be a whole number, got {shortened(repr(value))}")
    return cast(int, _within(name, number, least, most))


def real(name: str, value: Any, least: float = -LARGEST) -> float:
    """Return a number within limits, both included, and never NaN.

    Raises:
        ValueError: It is another number, or none.

    Examples:
        >>> real("temperature", 1, least=0)
        1.0
    """
    try:
        number = float("nan") if isinstance(value, str | bytes | bool) else float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        number = float("nan")
    if not abs(number) <= LARGEST:
        raise ValueError(f"{name} must be a finite number of at most {LARGEST:g}, got {shortened(repr(value))}")
    return _within(name, number, least, LARGEST)


def _within(name: str, number: float, least: float, most: float) -> float:
    if number < least:
        raise ValueError(f"{name} must be at least {least:g}, got {shortened(number)}")
    if number > most:
        raise ValueError(f"{name} must be at most {most:,}, got {shortened(number)}")
    return number


def names_file(error: Exception, name: object) -> bool:
    """Return whether an error is a sentence already that says which file it is about.

    Examples:
        >>> names_file(ValueError("t.csv has no rows"), "data/t.csv"), names_file(UnicodeError("t.csv"), "t.csv")
        (True, False)
    """
    file = re.escape(PurePath(str(name)).name)
    return type(error) is ValueError and re.search(rf"(?<!\w){file}(?!\w)", str(error)) is not None


@contextmanager
def foreign_bytes(name: object = None) -> Iterator[None]:
    """Turn whatever a reader raises on data that nobody vouches for into one sentence that names their file.

    Sentences that name it already pass, as do errors of the system and of a missing package.

    Args:
        name: The file, as the user knows it; None for objects in memory.

    Raises:
        ValueError: The content cannot be read, or is larger than the memory.
    """
    what = "the data in memory" if name is None else shortened(name, 200)
    try:
        yield
    except (ImportError, NotApplicable, DataNotAtHand):
        raise
    except TypeError as error:
        raise ValueError(f"{what} cannot be used: {error}") from error
    except BaseException as error:
        if isinstance(error, MemoryError) or "allocate memory" in str(error):  # the second is torch's
            raise ValueError(f"{what} holds or declares more than the memory has room for; give less") from error
        # Those of the system have a reason of their own; what libraries in Rust raise when they panic is no Exception.
        own = type(error).__module__ == "builtins" and type(error) is not OSError
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            raise ValueError(f"{what} is too long for the path of a file; check it") from error
        is_system = isinstance(error, OSError) and (own or error.strerror is not None)
        is_foreign = isinstance(error, Exception) or type(error).__name__ == "PanicException"
        if is_system or not is_foreign or hasattr(error, "errors"):
            raise
        if type(error) is ValueError:
            if name is None or names_file(error, name):
                raise
            raise ValueError(f"{PurePath(what).name}: {error}") from error
        reason = shortened(str(error).split("\n")[0], 200)
        raise ValueError(f"{what} cannot be read ({type(error).__name__}: {reason}); check what it holds") from error
