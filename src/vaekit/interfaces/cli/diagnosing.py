"""The verb that says what is wrong with a run, and the attempts of a run with `auto_fix=true`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vaekit.interfaces.cli.output import emit
from vaekit.interfaces.cli.sources import opened
from vaekit.interfaces.describing.words import number
from vaekit.interfaces.runs.auto_fix import Attempt, Attempts
from vaekit.interfaces.runs.diagnosing import diagnosed, write_diagnosis
from vaekit.interfaces.runs.run import load

__all__ = ["attempt_table", "diagnose", "verdict"]


def diagnose(path: Path, data: str | None, deep: bool, as_json: bool) -> None:
    """Print what is wrong with a run, worst first, and write it into the run folder."""
    run = load(path)
    dataset = opened(run, data)[0] if data is not None else None
    diagnosis = diagnosed(run, dataset, deep=deep)
    own = dataset is None or not run.experiment.data.source
    summary = write_diagnosis(run, diagnosis, data or "", own=own)
    emit(as_json, summary, *_lines(summary), *([f"report: {run.folder.report}"] if own else []))


def _lines(summary: dict[str, Any]) -> Iterator[str]:
    findings, count = summary["findings"], len(summary["checked"])
    made = f"{count} check{'' if count == 1 else 's'} made on {summary['n']} data of {summary['data']}"
    yield f"{len(findings) or 'nothing'} found; {made}"
    for finding in (one for one in findings if not one["explained_by"]):
        source = f" ({finding['source']})" if finding["source"] else ""
        yield ""
        yield f"{finding['severity']}: {finding['name']}"
        yield f"  {finding['evidence']}"
        yield f"  {finding['explanation']}{source}"
        yield f"  {finding['remedy']}"
        if finding["command"]:
            yield f"  try:    {finding['command']}"
        if finding["effect"]:
            yield f"  expect: {finding['effect']}"
        for effect in (one for one in findings if one["explained_by"] == finding["name"]):
            yield f"  explains {effect['name']}: {effect['evidence']}"
    if findings:
        yield ""


def attempt_table(attempts: Attempts) -> Any:
    """Return the attempts side by side: what was changed, the bound, and what was found."""
    from rich.table import Table

    table = Table("run", "keys on top", "bound, nats per datum", "found", box=None, pad_edge=False, header_style="bold")
    for attempt in attempts.made:
        keys = " ".join(attempt.prescription) or "as given"
        table.add_row(str(attempt.run.path), keys, _bound(attempt), ", ".join(attempt.found) or "nothing")
    return table


def verdict(attempts: Attempts) -> list[str]:
    """Return which attempt is the best, and why there are no more of them."""
    changes = [f"{attempt.run.path}: {change}" for attempt in attempts.made for change in attempt.changes]
    best = f"best: {attempts.best.run.path}, by {attempts.measured_by}"
    return [*changes, best, f"no further attempt: {attempts.ended}"]


def _bound(attempt: Attempt) -> str:
    iw = attempt.evaluation["bounds"]["iw"]
    if iw is None:
        return f"none; distortion {number(attempt.evaluation['distortion'])}"
    return f"IW-{iw['samples']} {number(iw['nats'])} +- {number(iw['se'])}"
