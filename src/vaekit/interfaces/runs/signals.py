"""SIGINT, SIGTERM and SIGHUP: finish the step, save, leave."""

from __future__ import annotations

import signal
import threading
from types import FrameType

__all__ = ["SIGNALS", "Interruption", "Stopped"]

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


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
    """Within this context a first signal is noted in `signum`; a second one stops at once, and further ones do nothing.

    Contexts may lie within each other. After one of them has stopped, a further signal changes nothing until the outermost
    is left: it would break the goodbye.

    Args:
        message: The sentence for the user if the first signal, too, stops at once; None if the caller checks `signum`.
    """

    _depth = 0
    _is_stopping = False

    def __init__(self, message: str | None = None) -> None:
        self.message, self.signum = message, None if message is None else 0

    def __enter__(self) -> Interruption:
        # Handlers can be set in the main thread only; in other threads the surrounding program decides.
        self._previous = {}
        if threading.current_thread() is threading.main_thread():
            Interruption._depth += 1
            for signum in SIGNALS:
                # A signal that the shell told this process to ignore, as for jobs in the background, stays ignored.
                if signal.getsignal(signum) is not signal.SIG_IGN:
                    self._previous[signum] = signal.signal(signum, self._note)
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if threading.current_thread() is threading.main_thread():
            Interruption._depth -= 1
            Interruption._is_stopping = Interruption._depth > 0 and isinstance(error, Stopped)
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)

    @staticmethod
    def hush() -> None:
        """Let further signals do nothing until the outermost context is left."""
        Interruption._is_stopping = True

    def _note(self, signum: int, _frame: FrameType | None) -> None:
        if Interruption._is_stopping:
            return
        if self.signum is not None:
            self.hush()
            raise Stopped(signum, self.message or "stopped at once, before the state was saved again")
        self.signum = signum
