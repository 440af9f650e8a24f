"""One case: a command line in a forked process, with limits on memory and time, and how it ended."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ALLOWED", "Outcome", "attempt"]

ALLOWED = (0, 2, 3, 129, 130, 143)
"""Done, bad input, diverged, and stopped by SIGHUP (a terminal that hangs up), SIGINT and SIGTERM."""
MEMORY, SECONDS = 2.0, 60.0
"""What no case may need: 10^9 bytes, and seconds of the wall."""
_ADDRESSES = 12 * 2**30


@dataclass(frozen=True)
class Outcome:
    """How a case ended.

    It has the exit code (negative for a signal), seconds of the wall and of the processor, peak memory in 10^9 bytes, what was printed, and whether code in
    a file of the case was run, which makes a file called `owned`.
    """

    name: str
    words: tuple[str, ...]
    code: int
    seconds: float
    cpu: float
    peak_gb: float
    said: str
    was_owned: bool = False

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with it, by kind."""
        found = {
            "traceback": "Traceback (most recent call last)" in self.said,
            "signal": self.code < 0,
            "exit": self.code >= 0 and self.code not in ALLOWED,
            "memory": self.peak_gb > MEMORY or ("out of memory" in self.said and "=" not in " ".join(self.words[1:])),
            "time": self.seconds > SECONDS,
            "control": any(ord(sign) < 32 and sign != "\n" for sign in self.said) or "\x7f" in self.said,
            "code": self.was_owned,
            "silent": self.code == 2 and not self.said.strip(),
        }
        return tuple(kind for kind, is_so in found.items() if is_so)


def attempt(name: str, words: Sequence[str], folder: Path) -> Outcome:
    """Run a command line in a fork of this process, whose working folder is `folder`."""
    said, began = folder / ".said", time.perf_counter()
    child = os.fork()
    if child == 0:
        _run(words, folder, said)
    _, status, used = os.wait4(child, 0)
    return Outcome(
        name,
        tuple(words),
        os.waitstatus_to_exitcode(status),
        round(time.perf_counter() - began, 2),
        round(used.ru_utime + used.ru_stime, 2),
        round(used.ru_maxrss * 1024 / 1e9, 3),
        said.read_text(errors="backslashreplace")[-4000:],
        (folder / "owned").exists(),
    )


def _run(words: Sequence[str], folder: Path, said: Path) -> None:
    """Be the command line; never return."""
    code = 99
    try:
        os.chdir(folder)
        stream = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(stream, 1)
        os.dup2(stream, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, _ADDRESSES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (90, 95))
        signal.alarm(100)
        sys.argv = ["vaekit", *words]
        from vaekit.interfaces.cli.entry import main

        main()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 98
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
