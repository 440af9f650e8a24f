"""SIGINT and SIGTERM: finish the step, save, leave."""

from __future__ import annotations

import signal
import threading
from types import FrameType

__all__ = ["Interruption", "Stopped"]


class Stopped(KeyboardInterrupt):
    """The user or the system asked the program to stop.

    Args:
        signum: The signal's number.
        message: The sentence for the user: what was saved, and how to continue.
    """

    def __init__(self, signum: int, message: str) -> None:
        super().__init__(message)
        self.signum = signum


class Interruption:
    """Within this context a first SIGINT or SIGTERM is noted in `signum`; a second one stops at once.

    Args:
        message: The sentence for the user if the first signal, too, stops at once; None if the caller checks `signum`.
    """

    def __init__(self, message: str | None = None) -> None:
        self.message, self.signum = message, None if message is None else 0

    def __enter__(self) -> Interruption:
        # Handlers can be set in the main thread only; in other threads the surrounding program decides.
        self._previous = {}
        if threading.current_thread() is threading.main_thread():
            for signum in (signal.SIGINT, signal.SIGTERM):
                # A signal that the shell told this process to ignore, as for jobs in the background, stays ignored.
                if signal.getsignal(signum) is not signal.SIG_IGN:
                    self._previous[signum] = signal.signal(signum, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)

    def _note(self, signum: int, _frame: FrameType | None) -> None:
        if self.signum is not None:
            raise Stopped(signum, self.message or "stopped at once, before the state was saved again")
        self.signum = signum
