"""The phases of the clinic, one case at a time, so that processes share them and each may be stopped at any time."""

import json
import math
import shutil
import time
import traceback
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks.clinic.cases import HEALTHY, PLANTED, REPORTED, Case, case
from benchmarks.clinic.rows import PLANTED_ROWS, row_case
from benchmarks.clinic.runs import spoiled, trained
from vaekit.diagnosis import CHECKS, Examination

__all__ = ["PHASES", "TREATED", "Task", "cases", "work_on"]

PHASES = ("train", "examine", "treat")
SICK_RUNS, TREATED = 2, 1
HEALTHY_RUNS = {"image": 40, "table": 24, "text": 24}


def cases(first: int = REPORTED) -> list[Case]:
    """Return all cases from a number on: kinds, sick and healthy mixed, so that a stopped clinic has seen some of each."""
    makers = {
        "image": (PLANTED, case),
        **{kind: (PLANTED_ROWS[kind], partial(row_case, kind)) for kind in PLANTED_ROWS},
    }
    parts = []
    for kind, (planted, make) in makers.items():
        parts.append([make(name, first + i) for i in range(SICK_RUNS) for name in planted])
        parts.append([make(HEALTHY, first + i) for i in range(HEALTHY_RUNS[kind])])
    ranked = [(i / len(part), one) for part in parts for i, one in enumerate(part)]
    return [one for _, one in sorted(ranked, key=lambda pair: pair[0])]


def examine(one: Case, work: Path, checks: tuple[str, ...] = ()) -> dict:
    """Return the numbers behind the checks of one case: of a sick one, of what was planted."""
    run, checks = trained(one, work), checks or (() if one.planted == HEALTHY else (one.planted,))
    began = time.perf_counter()
    found = _measured(Examination(spoiled(one, run)), checks)
    return {**found, "seconds": time.perf_counter() - began}


def treat(one: Case, work: Path) -> dict:
    """Return what a prescription did to the number behind its check; nothing where the check does not prescribe here."""
    check = next(check for check in CHECKS if check.name == one.planted)
    before = Examination(spoiled(one, trained(one, work)))
    finding = check(before)
    if finding is None or not finding.prescription or one.spoiled:
        return {}
    run = trained(one, work, finding.prescription, f"-{'-'.join(finding.prescription).replace('/', '')[:80]}")
    after = check.value(Examination(spoiled(one, run)))
    return {"prescription": finding.prescription, "before": finding.value, "after": after}


def _measured(examination: Examination, checks: tuple[str, ...]) -> dict:
    values, failed = {}, {}
    for check in CHECKS:
        if checks and check.name not in checks:
            continue
        try:
            values[check.name] = check.value(examination)
        except Exception:
            failed[check.name] = traceback.format_exc(limit=3)
    return {"values": values, "failed": failed}


class Task(NamedTuple):
    """One phase of one case; `checks` are measured again, though they are known; not begun after `end`, seconds of `time.time()`."""

    phase: str
    case: Case
    work: Path
    checks: tuple[str, ...] = ()
    end: float = math.inf


def work_on(task: Task) -> str:
    """Do a task unless it is done; return what to say of it."""
    phase, one, work, checks, end = task
    if time.time() > end:
        return ""
    torch.set_num_threads(1)
    file = work / phase / f"{one.name}.json"
    try:
        if phase == "train":
            return f"{one.name} trained, {len(trained(one, work).history)} validations"
        known = json.loads(file.read_text()) if file.exists() else None
        if known is not None and (not checks or (phase == "examine" and one.planted not in (HEALTHY, *checks))):
            return ""
        result = examine(one, work, checks) if phase == "examine" else treat(one, work)
        if known is not None and phase == "examine":
            failed = {k: v for k, v in known["failed"].items() if k not in checks} | result["failed"]
            result = {**known, "values": known["values"] | result["values"], "failed": failed}
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(result))
        return f"{one.name} {phase}d"
    except Exception as error:
        if phase == "train":
            shutil.rmtree(work / "runs" / one.name, ignore_errors=True)
        return f"{one.name} FAILED {type(error).__name__}: {error}"
