"""Errors that mean one thing each, so that a caller can tell "this does not apply here" from a mistake.

Both are a `ValueError`, so that the command line answers each with its sentence.
"""

from __future__ import annotations

__all__ = ["DataNotAtHand", "NotApplicable"]


class NotApplicable(ValueError):
    """A measure or a verb has no meaning for this model or these data; the message says why."""


class DataNotAtHand(ValueError):
    """A model's own data came as arrays, have moved, or have changed since; the message says what to give."""
