"""One clear sentence instead of a traceback.

exit 0    done
exit 1    a fault of vaekit itself (VAEKIT_DEBUG=1 shows the traceback)
exit 2    bad input: what was expected, what came, what to do
exit 3    training diverged; the last good checkpoint is kept
exit 129, 130, 143    stopped by SIGHUP, SIGINT, SIGTERM; the state is saved
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer

from vaekit.errors import shortened
from vaekit.interfaces.describing.words import visible
from vaekit.interfaces.runs.signals import Interruption, Stopped

__all__ = ["complain", "guarded"]

P = ParamSpec("P")
R = TypeVar("R")

_LONGEST = 2_000
"""The characters of the longest sentence."""

_TOO_LARGE = ("overflow when", "storage size calculation")  # how torch says that no memory holds so large a tensor

_SMALLER = "error: out of memory; lower batch=, net.widths= or latent=, or give smaller images with size="
# What to do about an error of the operating system, by its number.
_CURES = {
    13: "; choose a folder you may write to",
    17: "; a part of that path is a file",
    20: "; a part of that path is a file",
    28: "; free some space; a run that was training has its last good checkpoint, and goes on with vaekit resume",
    30: "; choose a folder you may write to",
}


def complain(message: str) -> None:
    """Print a sentence to the standard error stream, without its middle if it is very long."""
    text = visible(" ".join(str(message).split()))
    print(text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 2 :]}", file=sys.stderr)


def guarded(verb: Callable[P, R]) -> Callable[P, R]:
    """Run a verb; turn what goes wrong into a sentence and an exit code."""

    @functools.wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with Interruption("stopped") as interruption:
            try:
                return verb(*args, **kwargs)
            except (typer.Exit, typer.Abort, SystemExit):
                raise
            except BaseException as error:
                interruption.hush()
                if os.environ.get("VAEKIT_DEBUG"):
                    raise
                message, code = _explained(error)
                complain(message)
                raise typer.Exit(code) from None

    return run


def _explained(error: BaseException) -> tuple[str, int]:
    from pydantic import ValidationError

    if isinstance(error, Stopped):
        return str(error), 128 + error.signum
    if isinstance(error, KeyboardInterrupt):
        return "stopped", 130
    from vaekit.interfaces.describing.parsing import sentence
    from vaekit.training import TrainingDiverged
    from vaekit.training.memory import is_out_of_memory

    match error:
        case TrainingDiverged():
            return f"error: {error}", 3
        case ValidationError():
            return f"error: {sentence(error)}", 2
        case _ if is_out_of_memory(error):
            return _SMALLER, 2
        case OSError():
            return f"error: {_reason(error)}", 2
        case ValueError() | ImportError():
            return f"error: {error}", 2
        case OverflowError():
            return f"error: a number is too large to compute with ({error}); give a smaller one", 2
        case RecursionError():
            return "error: the input is nested too deeply, or holds itself; write it flat", 2
        case RuntimeError() if any(sign in str(error).lower() for sign in _TOO_LARGE):
            return _SMALLER, 2
    failure = f"error: vaekit failed with {type(error).__name__}: {error}"
    return f"{failure}; set VAEKIT_DEBUG=1 for the traceback, and report it", 1


def _reason(error: OSError) -> str:
    """Return the reason of an error of the operating system, with the file it is about."""
    if error.strerror is None:
        return str(error)
    where, cure = f"{shortened(error.filename, 200)}: " if error.filename else "", _CURES.get(error.errno or 0, "")
    return f"{where}{error.strerror.lower()}{cure}" if cure or where else str(error)
