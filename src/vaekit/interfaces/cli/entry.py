"""Where the command line begins."""

from __future__ import annotations

import atexit
import os
import signal
import sys

import typer

from vaekit.interfaces.cli.app import app
from vaekit.interfaces.cli.errors import complain
from vaekit.interfaces.cli.streams import endure
from vaekit.interfaces.runs.signals import SIGNALS

__all__ = ["main"]


def main() -> None:
    """Run the command line; an error of usage is answered by one sentence, as is any other bad input."""
    # Waiting threads spin. Beside another busy process that makes steps 50 times slower, so they spin only for a short
    # while. torch is not imported yet, so its OpenMP still reads this.
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    endure()
    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        code = 130
    except Exception as error:
        # typer's usage errors have had several homes; what they share is this method.
        if not hasattr(error, "format_message"):
            raise
        context = getattr(error, "ctx", None)
        verb = context.command_path if context is not None else "vaekit"
        message = error.format_message().rstrip(".")
        if message:  # it is empty if the help was shown instead
            complain(f"error: {message[0].lower()}{message[1:]}; see {verb} --help")
        code = 2
    # All is said: a further signal would only print a traceback. Who calls this from a program keeps the handlers.
    atexit.register(_ignore_signals)
    sys.exit(code or 0)


def _ignore_signals() -> None:
    for signum in SIGNALS:
        signal.signal(signum, signal.SIG_IGN)
