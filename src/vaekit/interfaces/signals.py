"""SIGINT and SIGTERM: finish the step, save, leave."""

from __future__ import annotations

import signal
import threading
from types import FrameType

__all__ = ["Interruption", "Stopped"]


class Stopped(Exception):
    """The user or the system asked the program to stop.

    Args:
        signum: The signal's number.
        message: What was saved, and how to go on.
    """

    def __init__(self, signum: int, message: str) -> None:
        super().__init__(message)
        self.signum = signum


class Interruption:
    """Within this context a first SIGINT or SIGTERM is noted in `signum`; a second one stops at once."""

    def __init__(self) -> None:
        self.signum: int | None = None

    def __enter__(self) -> Interruption:
        # Handlers can be set in the main thread only; elsewhere the program around us decides.
        self._previous = {}
        if threading.current_thread() is threading.main_thread():
            self._previous = {s: signal.signal(s, self._note) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *exception: object) -> None:
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)

    def _note(self, signum: int, _frame: FrameType | None) -> None:
        if self.signum is not None:
            raise KeyboardInterrupt
        self.signum = signum
