"""Diagnosis of a run: the run and its data are examined, and the findings are written into the run folder."""

from __future__ import annotations

import shlex
from typing import Any

from vaekit.diagnosis import Finding
from vaekit.interfaces.report.doctor import Diagnosis
from vaekit.interfaces.report.report import write_report
from vaekit.interfaces.runs.run import Run
from vaekit.trained import Source

__all__ = ["command", "diagnosed", "diagnosis_summary", "kept_diagnosis", "write_diagnosis"]

_FILE = "diagnosis.json"


def diagnosed(run: Run, source: Source | None = None, *, deep: bool = False) -> Diagnosis:
    """Examine a run on its test part, or on `source`; nothing is written; see `Run.examined`."""
    return Diagnosis(*run.examined(source, deep=deep))


def write_diagnosis(run: Run, diagnosis: Diagnosis, where: str = "", *, own: bool = True) -> dict[str, Any]:
    """Write `diagnosis.json` into the run folder, and the report again; return the content of the JSON file.

    Args:
        run: The run.
        diagnosis: The diagnosis.
        where: The name of the data; by default the run's own.
        own: Whether the data are the run's own; only then the report is written.
    """
    summary = diagnosis_summary(run, diagnosis, where)
    run.folder.write_json(_FILE, summary)
    if own and diagnosis.examination is not None:
        write_report(run, diagnosis.examination.bounds, diagnosis)
    return summary


def kept_diagnosis(run: Run) -> Diagnosis | None:
    """Return the findings in the run folder; None if there are none of this model on its own data.

    Findings are out of date if the run was trained further, and do not count if they are of other data.

    Raises:
        ValueError: The file is damaged.
    """
    if not (run.path / _FILE).is_file():
        return None
    content, source = run.folder.read_json(_FILE), run.experiment.data.source
    try:
        is_own = not source or content["data"] == _own_data(run)  # the data of a run of arrays have no name
        if content["step"] != _step(run) or not is_own:
            return None
        findings = [{key: value for key, value in each.items() if key != "command"} for each in content["findings"]]
        return Diagnosis(None, tuple(Finding.model_validate(finding) for finding in findings))
    except (TypeError, KeyError, AttributeError, ValueError):
        message = f"{run.path / _FILE} is damaged; write it again: vaekit diagnose {shlex.quote(str(run.path))}"
        raise ValueError(message) from None


def diagnosis_summary(run: Run, diagnosis: Diagnosis, where: str = "") -> dict[str, Any]:
    """Return the findings and all measured numbers, ready for JSON."""
    examination = diagnosis.examination
    numbers = dict(diagnosis.numbers)
    return {
        "run": str(run.path),
        "step": _step(run),
        "data": where or _own_data(run),
        "n": 0 if examination is None else len(examination.subject.test),
        "deep": examination is not None and examination.deep,
        "findings": [
            {**finding.model_dump(mode="json"), "command": command(run, finding)} for finding in diagnosis.findings
        ],
        "checked": [name for name, value in numbers.items() if value is not None],
        "values": numbers,
    }


def _own_data(run: Run) -> str:
    return f"{run.experiment.data.name} (test)"


def _step(run: Run) -> int:
    """Return the last logged step."""
    history = run.history
    return history[-1]["step"] if history else 0


def command(run: Run, finding: Finding) -> str:
    """Return the command line that repeats a run with the prescribed keys; empty if no key cures the finding.

    A run of arrays or of a user's own modules is repeated in Python, so only the keys are returned.
    """
    if not finding.prescription:
        return ""
    experiment = run.experiment
    source = experiment.data.source if experiment.model is not None else ""
    before = ("vaekit", "fit", source, *finding.prescription, "--config", str(run.folder.config))
    return shlex.join(before if source else finding.prescription)
