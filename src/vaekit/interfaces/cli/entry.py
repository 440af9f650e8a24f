"""Where the command line begins."""

from __future__ import annotations

import io
import os
import sys

import typer

from vaekit.interfaces.cli.app import app
from vaekit.interfaces.cli.errors import complain

__all__ = ["main"]


def main() -> None:
    """Run the command line: a mistyped one is answered by one sentence, as every other bad input."""
    # Threads that wait for each other spin; beside another busy process that makes steps 50 times slower, so they spin a short while only. torch is not
    # yet imported here, so its OpenMP still listens.
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names may hold what no encoding does
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
        said = error.format_message().rstrip(".")
        if said:  # nothing is said where the help was shown instead
            complain(f"error: {said[0].lower()}{said[1:]}; see {verb} --help")
        code = 2
    sys.exit(code or 0)
