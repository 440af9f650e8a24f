"""Logs of a run's numbers: a file of JSON lines, and TensorBoard if it is installed."""

from __future__ import annotations

import importlib.util
import json
import time
from itertools import starmap
from pathlib import Path
from typing import Any, Protocol

from vaekit.training.checkpoint import write_atomically

__all__ = ["JSONLines", "Logger", "TensorBoard", "loggers", "read_metrics"]


class Logger(Protocol):
    """Anything that takes a step and named numbers."""

    def log(self, step: int, values: dict[str, Any]) -> None:
        """Log the numbers of a step; lists are per latent dimension."""
        ...

    def close(self) -> None:
        """Write all pending lines."""
        ...


class JSONLines:
    """One JSON object per line, flushed at once, so that a killed run leaves whole lines.

    Args:
        path: The file; a resumed run appends to it, after removing the lines beyond its checkpoint.
        step: The step that logging continues from.
    """

    def __init__(self, path: Path, step: int = 0) -> None:
        lines = [json.dumps(line) + "\n" for line in read_metrics(path) if line["step"] <= step]
        write_atomically(path, "".join(lines).encode())
        self._file = path.open("a")

    def log(self, step: int, values: dict[str, Any]) -> None:
        """Write a line."""
        self._file.write(json.dumps({"step": step, "time": round(time.time(), 3), **values}) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class TensorBoard:
    """Scalars for TensorBoard.

    Args:
        folder: The folder of the event files.
    """

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        self._writer = SummaryWriter(folder)

    def log(self, step: int, values: dict[str, Any]) -> None:
        """Write the scalars."""
        for name, value in values.items():
            if isinstance(value, int | float):
                self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Close the event file."""
        self._writer.close()


def loggers(path: Path, folder: Path, step: int = 0) -> list[Logger]:
    """Return the loggers that this installation has."""
    lines = JSONLines(path, step)
    return [lines, TensorBoard(folder)] if importlib.util.find_spec("tensorboard") else [lines]


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the logged lines; one that is damaged, such as one cut off by a kill, is left out."""
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(line, dict) and isinstance(line.get("step"), int) and all(starmap(_is_logged, line.items())):
            lines.append(line)
    return lines


def _is_logged(name: str, value: Any) -> bool:
    """Whether a value is one that training logs: a number, or one for each latent dimension or group; null for NaN."""
    if name.startswith("rate_per_"):
        return isinstance(value, list) and all(isinstance(number, int | float | None) for number in value)
    return isinstance(value, int | float | None)
