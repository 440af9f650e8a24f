"""Commands in a process of their own, and what each took: seconds on the wall and of the processor, and memory at its peak."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Ran", "python", "vaekit"]

ROOT = Path(__file__).parent.parent
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Ran:
    """A command that has ended.

    Args:
        answer: The JSON that it printed.
        wall: Seconds from its start to its end, of which importing torch is some.
        cpu: Seconds of the processor, over all threads.
        peak_gb: Most memory that it held, in 10^9 bytes.
    """

    answer: dict[str, Any]
    wall: float
    cpu: float
    peak_gb: float

    def figures(self) -> dict[str, float]:
        """Return what it took, rounded."""
        return {"wall": round(self.wall, 2), "cpu": round(self.cpu, 2), "peak_gb": round(self.peak_gb, 3)}


def vaekit(*words: str, threads: int) -> Ran:
    """Run one verb of the command line.

    Raises:
        RuntimeError: It failed; what it said is on the terminal.
    """
    return _ran([str(Path(sys.executable).with_name("vaekit")), *words, "--json"], threads)


def python(module: str, *words: str, threads: int) -> Ran:
    """Run a module of this folder that prints one JSON object.

    Raises:
        RuntimeError: It failed; what it said is on the terminal.
    """
    return _ran([sys.executable, "-m", f"benchmarks.{module}", *words], threads)


def _ran(command: list[str], threads: int) -> Ran:
    env = {**os.environ, **dict.fromkeys(_THREADS, str(threads))}
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, cwd=ROOT, env=env)
        # Of this process alone, where resource.getrusage would tell the largest of all that have ended.
        _, status, used = os.wait4(process.pid, 0)
        wall, process.returncode = time.perf_counter() - began, os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"stopped with {process.returncode}: {' '.join(command)}")
        said.seek(0)
        answer = json.load(said)
    return Ran(answer, wall, used.ru_utime + used.ru_stime, used.ru_maxrss * _unit() / 1e9)


def _unit() -> int:
    """Return the bytes that the peak is counted in."""
    return 1 if sys.platform == "darwin" else 1024
