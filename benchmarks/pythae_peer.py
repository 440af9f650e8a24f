"""The peer's side of a comparison: pythae in an environment of its own, driven line by line.

pythae (Apache-2.0) is installed with `pip --target` into `.benchmark-env/`, which only the worker's search path knows:
the worker is the same interpreter with the very same torch. Its old pins are left out (`--no-deps`), and what it needs
to import besides is named. It imports and trains unchanged.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from benchmarks.measuring import Time
from benchmarks.workloads import Workload
from vaekit.models import VAE

__all__ = ["PACKAGES", "Peer", "install", "load_weights", "weights"]

ROOT = Path(__file__).parent.parent
ENVIRONMENT = ROOT / ".benchmark-env"
PACKAGES = ("pythae==0.1.2", "imageio", "tqdm", "cloudpickle", "typing_extensions")


def install() -> None:
    """Install pythae beside this environment, unless it is there."""
    if not (ENVIRONMENT / "pythae").is_dir():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(ENVIRONMENT)]
        subprocess.run([*pip, *PACKAGES], check=True)


def weights(model: VAE) -> dict[str, list[Tensor]]:
    """Return weights and running statistics of both halves, in the order of the layers."""
    return {name: [t.detach().clone() for t in _tensors(part)] for name, part in _halves(model)}


def load_weights(model: VAE, tensors: Mapping[str, list[Tensor]]) -> VAE:
    """Give a model the weights that `weights` returned, or the worker trained."""
    with torch.no_grad():
        for name, part in _halves(model):
            for target, source in zip(_tensors(part), tensors[name], strict=True):
                target.copy_(source)
    return model


def _halves(model: VAE) -> list[tuple[str, nn.Module]]:
    return [("encoder", model.posterior), ("decoder", model.likelihood)]


def _tensors(part: nn.Module) -> list[Tensor]:
    # The constants of the standardisation are written out in the peer's encoder.
    return [t for name, t in part.state_dict(keep_vars=True).items() if not name.startswith("features.net.0.")]


class Peer:
    """A worker process with pythae in it.

    Args:
        folder: An empty folder to exchange tensors in.
        work: The model.
        task: `train` or `nll`.
        data: Pixels as the peer takes them: `(N, C, H, W)` in [0, 1].
        model: The model whose weights the peer begins with.
        settings: `threads`, `seed`, `epochs`, ...
    """

    def __init__(
        self,
        folder: Path,
        work: Workload,
        task: Literal["train", "nll"],
        data: Tensor,
        model: VAE,
        settings: Mapping[str, Any],
    ) -> None:
        self.folder = folder
        torch.save({"data": data, **weights(model)}, folder / "start.pt")
        image = work.image
        setup = {**settings, "task": task, "shape": image.shape, "latent": image.latent, "batch": work.batch}
        setup |= {"net": image.net.kind, "widths": image.net.widths, "likelihood": image.likelihood.kind}
        (folder / "setup.json").write_text(json.dumps(setup), encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.pythae_worker", str(folder)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ENVIRONMENT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(folder / "stderr.txt").open("w"),
            text=True,
        )
        self.about = self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send one request and return the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._read()

    def time(self, **request: Any) -> tuple[Time, dict[str, Any]]:
        """Send one request and return the time per item with the answer."""
        answer = self.ask(**request)
        return Time(answer["wall"] / answer["count"], answer["cpu"] / answer["count"]), answer

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            log = (self.folder / "stderr.txt").read_text(encoding="utf-8")
            raise RuntimeError(f"the worker with pythae stopped:\n{log[-3000:]}")
        return json.loads(line)
