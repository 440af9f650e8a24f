"""The end of a run: its bounds on the test part, and its report."""

from __future__ import annotations

import time
from collections.abc import Callable

from vaekit.evaluation import Bounds
from vaekit.interfaces.measures.decoder_use import decoder_use
from vaekit.interfaces.media import MEDIA, HeldOut
from vaekit.interfaces.report.report import write_report
from vaekit.interfaces.runs.run import Run
from vaekit.training.budget import NEVER, Deadline

__all__ = ["conclude", "seconds_of_ending", "silently"]

_EVALUATED = 1000  # test data at most
_FEWEST = 8  # test data at least: these are measured first
_FINAL_SAMPLES = 100
_LONGEST = 120.0  # seconds of the bounds where there is no time limit
_BOUNDS = 0.6  # part of the time that is left for the bounds; the rest is for the report, and for a machine grown busy


def silently(_what: str) -> None:
    """Say nothing about what is running."""


def seconds_of_ending(limit: float) -> float:
    """Return the seconds of a time limit that belong to bounds and report."""
    return min(60.0, 4.0 + 0.06 * limit)


def conclude(
    run: Run, notes: list[str], step: int, deadline: Deadline = NEVER, announce: Callable[[str], None] = silently
) -> None:
    """Write the bounds of a run on its test part, and its report.

    Args:
        run: The run.
        notes: Notes for the user.
        step: The last step of training.
        deadline: When it must have ended: the bounds are those of as many test data as there is time for.
        announce: Is told what is running.
    """
    data, rows = run.open()
    result = _bounds(run, min(len(rows), _EVALUATED), deadline, announce)
    remarks = MEDIA[run.kind].remarks(run.view, result, HeldOut(data, rows[: len(result.distortion)]))
    use = decoder_use(run, None, None if result.rate is None else result.rate.mean().item())
    summary = {
        "data": f"{run.experiment.data.name} (test)",
        "measure": run.measure,
        **result.summary(),
        **MEDIA[run.kind].units(result),
        **use.values,
        **remarks.values,
        "remarks": [*use.lines, *remarks.lines],
        "notes": notes,
        "step": step,
    }
    run.folder.write_json("evaluation.json", summary)
    announce("report")
    write_report(run, result, deadline=deadline)


def _bounds(run: Run, most: int, deadline: Deadline, announce: Callable[[str], None]) -> Bounds:
    """Return the bounds of as many test data as there is time for, measured on a few of them."""
    began = time.perf_counter()
    first = run.evaluate(samples=_FINAL_SAMPLES, count=_FEWEST)
    left = min(_LONGEST, _BOUNDS * deadline.left)
    count = min(most, int(left / (time.perf_counter() - began) * _FEWEST))
    if count <= _FEWEST:
        return first
    announce(f"IW-{_FINAL_SAMPLES} bounds on {count} test data")
    return run.evaluate(samples=_FINAL_SAMPLES, count=count)
