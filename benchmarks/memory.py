"""How much memory does a fit take at its peak, and does the guard that refuses too large models say so?

    python -m benchmarks.memory

A fit as a user runs it, by `vaekit.fit`, of an MLP of 50 million parameters in float32, in a process of its own: a few
steps, with validations, checkpoints, the roll-back's copy, bounds and report. A tiny fit comes first, so that all libraries
are loaded; what the process holds then is subtracted. Batches are small, so that the weights are what counts. Goals: at
most 8 times the weights on a CPU, and the guard's number within 10 % of the peak.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.measuring import machine, options, report, settings, table
from vaekit import ImageVAE, fit
from vaekit.heads import Gaussian
from vaekit.nets import MLP, parameter_count
from vaekit.training import Training, training_bytes

_PAGE = 4096
_MEBI = 2**20


def main() -> None:
    parser = options(_question(), width=4608, steps=6)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        print(json.dumps(_measured(arguments)))
        return
    before = machine()
    words = [f"--{name}={getattr(arguments, name)}" for name in ("width", "steps", "threads", "seed")]
    command = [sys.executable, "-m", "benchmarks.memory", "--inside", *words]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    peak, weights = max(found["peaks"].values()), found["weights"]
    row = {
        "parameters": f"{found['parameters']:,}",
        "weights, MiB": weights / _MEBI,
        "peak of the fit, MiB": peak / _MEBI,
        "peak / weights": f"{peak / weights:.2f}",
        "goal": "8",
        "guard, MiB": found["guard"] / _MEBI,
        "guard / peak": f"{found['guard'] / peak:.3f}",
        "its goal": "0.9-1.1",
    }
    phases = {f"in {phase}": f"{bytes_ / weights:.2f}" for phase, bytes_ in found["peaks"].items()}
    del arguments.inside
    results = {"machine": before, "settings": settings(arguments, batch=32, precision="fp32"), **found}
    report("memory", _question(), arguments.out, results, [table([row]), table([{"times the weights": "", **phases}])])


def _measured(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the bytes of a large fit at its peaks, above what a process holds after a tiny one."""
    torch.set_num_threads(arguments.threads)
    images = np.random.default_rng(arguments.seed).integers(0, 256, (200, 28, 28), dtype=np.uint8)
    _fit(images, _model(8), arguments)
    gc.collect()
    _trim()
    with _Sampler() as sampler:
        model = _model(arguments.width)
        _fit(images, model, arguments, sampler)
    with torch.device("meta"):
        count = parameter_count(model.build())
    return {"parameters": count, "weights": 4 * count, "guard": training_bytes(count), "peaks": sampler.peaks}


def _model(width: int) -> ImageVAE:
    return ImageVAE(shape=(1, 28, 28), latent=16, net=MLP(widths=(width, width)), likelihood=Gaussian())


def _fit(images: Any, model: ImageVAE, arguments: argparse.Namespace, sampler: _Sampler | None = None) -> None:
    training = Training(
        batch=32, steps=arguments.steps, validate_every=2, precision="fp32", device="cpu", seed=arguments.seed
    )

    def listen(progress: Any, _batch: int) -> None:
        if sampler is not None:
            sampler.phase = "training" if progress.step < arguments.steps else "bounds and report"

    with tempfile.TemporaryDirectory() as folder:
        fit(images, model=model, training=training, out=Path(folder) / "run", listener=listen)


class _Sampler:
    """The largest resident memory of this process, above that at the beginning, in each phase of a fit."""

    def __init__(self) -> None:
        self.phase, self.peaks = "set-up and first step", dict[str, int]()
        self._first, self._over = _resident(), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _Sampler:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.is_set():
            self.peaks[self.phase] = max(self.peaks.get(self.phase, 0), _resident() - self._first)
            time.sleep(0.001)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def _trim() -> None:
    """Give free memory back to the system, where its C library can: what is left is not counted as the fit's."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _question() -> str:
    return (__doc__ or "").split("\n")[0]


if __name__ == "__main__":
    main()
