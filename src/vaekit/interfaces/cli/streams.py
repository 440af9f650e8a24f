"""The standard streams: a program whose reader has gone works on, and its output is lost."""

from __future__ import annotations

import errno
import io
import os
import sys

__all__ = ["endure"]

_GONE = (errno.EPIPE, errno.EIO)  # the reader of a pipe, and the terminal


class _Enduring(io.TextIOWrapper):
    """A text stream that drops what is written once nobody can read it."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self._lose(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        """Send all that follows, and all that is still buffered, to nowhere."""
        if error.errno not in _GONE:
            raise error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


def endure() -> None:
    """Let stdout and stderr survive their readers, and write names that no encoding holds.

    A stream that was closed before the program began leads nowhere.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115
        elif type(stream) is io.TextIOWrapper:
            buffered, encoding = stream.line_buffering, stream.encoding
            lasting = _Enduring(stream.detach(), encoding, "backslashreplace", line_buffering=buffered)
            setattr(sys, name, lasting)
