"""The end of a run: its bounds on the test part, and its report."""

from __future__ import annotations

from vaekit.interfaces.media import MEDIA
from vaekit.interfaces.report.report import write_report
from vaekit.interfaces.runs.run import Run
from vaekit.nets import parameter_count

__all__ = ["conclude"]

_EVALUATED = 1000
_FINAL_SAMPLES = 100
_FEWEST = 200
_OPERATIONS = 2e12  # of the bounds at the end of a run: half a minute to a minute on a core


def conclude(run: Run, notes: list[str], step: int) -> None:
    """Write the bounds of a run on its test part, and its report."""
    result = run.evaluate(samples=_FINAL_SAMPLES, count=_evaluated(run))
    where = f"{run.data.source or 'arrays'} (test)"
    summary = {
        "data": where,
        "measure": run.measure,
        **result.summary(),
        **MEDIA[run.kind].units(result),
        "notes": notes,
        "step": step,
    }
    run.folder.write_json("evaluation.json", summary)
    write_report(run, result)


def _evaluated(run: Run) -> int:
    """Return how many test data the bounds at the end of a run look at: long sequences are costly to decode."""
    data, rows = run.open()
    lengths = run.view.lengths(data.values[rows[:_EVALUATED]])
    if lengths is None:
        return _EVALUATED
    per_datum = 2.0 * parameter_count(run.model.likelihood) * lengths.double().mean().item() * _FINAL_SAMPLES
    return max(_FEWEST, min(_EVALUATED, int(_OPERATIONS / per_datum)))
