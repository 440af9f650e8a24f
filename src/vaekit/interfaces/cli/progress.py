"""The progress of training: a bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

from vaekit.interfaces.cli.errors import complain
from vaekit.interfaces.cli.output import console
from vaekit.interfaces.describing.words import duration
from vaekit.training import Progress, Validation

__all__ = ["ProgressReport"]

_REFRESH = 0.2  # seconds between updates: reading a number off the device is not free


class ProgressReport:
    """Shows epoch, data per second, time left, the bound, reconstruction, rate and active units, and each new note.

    Args:
        steps_per_epoch: Steps in an epoch.
        notes: Notes for the user; more of them come while the run goes on.
        units: What data are called in the plural.
    """

    def __init__(self, steps_per_epoch: int, notes: Sequence[str] = (), units: str = "data") -> None:
        self.steps_per_epoch, self.notes, self.units = steps_per_epoch, notes, units
        self._noted = 0
        self._bar: Any = _bar() if sys.stderr.isatty() else None
        self._task: Any = None
        self._began = self._shown = time.perf_counter()
        self._first: int | None = None
        self._bound = "waiting for the first validation"

    def __enter__(self) -> ProgressReport:
        self._print_notes()
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("training", total=None, status="")
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        self._print_notes()

    def __call__(self, progress: Progress, batch: int) -> None:
        """Take the progress of one step."""
        self._show(progress, batch)
        self._print_notes()

    def announce(self, what: str) -> None:
        """Say what is running after training."""
        self._print_notes()
        if self._bar is None:
            print(what, file=sys.stderr, flush=True)
        else:
            self._bar.update(self._task, status=what)

    def _show(self, progress: Progress, batch: int) -> None:
        self._first = progress.step - 1 if self._first is None else self._first
        now = time.perf_counter()
        if progress.validation is not None:
            self._bound = _validated(progress.validation)
        elif self._bar is None or now - self._shown < _REFRESH:
            return
        self._shown = now
        text = self._status(progress, batch, now)
        if self._bar is None:
            print(text, file=sys.stderr, flush=True)
        else:
            self._bar.update(self._task, completed=progress.step, total=progress.stop, status=text)

    def _print_notes(self) -> None:
        """Print the notes that are new, above the bar if there is one."""
        for note in self.notes[self._noted :]:
            if self._task is None or self._bar is None:
                complain(f"note: {note}")
            else:
                self._bar.console.print(f"note: {note}")
        self._noted = len(self.notes)

    def _status(self, progress: Progress, batch: int, now: float) -> str:
        done = max(1, progress.step - (self._first or 0))
        speed = done / max(now - self._began, 1e-9)
        left = duration((progress.stop - progress.step) / speed) if progress.stop else "measuring"
        stop = f"/{progress.stop}" if progress.stop else ""
        epoch = progress.step / self.steps_per_epoch
        return f"step {progress.step}{stop}, epoch {epoch:.1f}, {speed * batch:,.0f} {self.units}/s, {left} left; {self._bound}"


def _validated(validation: Validation) -> str:
    reconstruction, units = f"reconstruction {-validation.distortion:.2f}", f"{validation.active_units} active units"
    if validation.elbo is None or validation.rate is None:
        return f"{reconstruction} (no bound), {units}"
    return f"elbo {validation.elbo:.2f} ({reconstruction}, KL {validation.rate:.2f}), {units}"


def _bar() -> Any:
    from rich.progress import BarColumn, Progress as Bar, TaskProgressColumn, TextColumn

    columns = (BarColumn(bar_width=20), TaskProgressColumn(), TextColumn("{task.fields[status]}", markup=False))
    return Bar(*columns, console=console(stderr=True), transient=True)
