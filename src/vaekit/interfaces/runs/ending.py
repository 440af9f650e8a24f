"""The end of a run: its bounds on the test part, and its report."""

from __future__ import annotations

from vaekit.interfaces.measures.decoder_use import decoder_use
from vaekit.interfaces.media import MEDIA, HeldOut
from vaekit.interfaces.report.report import write_report
from vaekit.interfaces.runs.run import Run
from vaekit.nets import parameter_count

__all__ = ["conclude"]

_EVALUATED = 1000  # test data at most
_FEWEST = 200  # test data at least
_FINAL_SAMPLES = 100
_OPERATIONS = 2e12  # of all bounds: half a minute to a minute on a core


def conclude(run: Run, notes: list[str], step: int) -> None:
    """Write the bounds of a run on its test part, and its report."""
    result = run.evaluate(samples=_FINAL_SAMPLES, count=_evaluated(run))
    data, rows = run.open()
    remarks = MEDIA[run.kind].remarks(run.view, result, HeldOut(data, rows[: len(result.distortion)]))
    use = decoder_use(run, None, None if result.rate is None else result.rate.mean().item())
    summary = {
        "data": f"{run.data.source or 'arrays'} (test)",
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
    write_report(run, result)


def _evaluated(run: Run) -> int:
    """Return the number of test data for the bounds at the end of a run: fewer for long sequences, which are slow to decode."""
    data, rows = run.open()
    lengths = run.view.lengths(data.values[rows[:_EVALUATED]])
    if lengths is None:
        return _EVALUATED
    per_datum = 2.0 * parameter_count(run.model.likelihood) * lengths.double().mean().item() * _FINAL_SAMPLES
    return max(_FEWEST, min(_EVALUATED, int(_OPERATIONS / per_datum)))
