"""Errors that mean one thing each, so that a caller can tell "this does not apply here" from a mistake.

Both are a `ValueError`, so that the command line answers each with its sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

__all__ = ["DataNotAtHand", "NotApplicable", "foreign_bytes", "shortened", "suggestion"]


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


@contextmanager
def foreign_bytes(name: object) -> Iterator[None]:
    """Turn whatever a reader raises on bytes that nobody vouches for into one sentence that names their file.

    Errors that are sentences already pass, as do those of the system and of a missing package.

    Args:
        name: The file, as the user knows it.

    Raises:
        ValueError: The content cannot be read, or is larger than the memory.
    """
    try:
        yield
    except (ValueError, OSError, ImportError):
        raise
    except MemoryError as error:
        raise ValueError(f"{name} holds or declares more data than the memory has room for; give less") from error
    except TypeError as error:
        raise ValueError(f"{name} cannot be used: {error}") from error
    except BaseException as error:
        # What libraries in Rust raise when they panic is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        reason = shortened(error, 200)
        raise ValueError(f"{name} cannot be read ({type(error).__name__}: {reason}); check what it holds") from error
