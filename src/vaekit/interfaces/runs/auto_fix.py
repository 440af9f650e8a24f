"""Take the medicine: train, diagnose, and train again with what was prescribed, at most twice."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from vaekit.data import Dataset
from vaekit.diagnosis import Finding
from vaekit.interfaces.describing.experiment import Experiment
from vaekit.interfaces.describing.parsing import described, parse
from vaekit.interfaces.describing.planning import plan
from vaekit.interfaces.report.doctor import Diagnosis
from vaekit.interfaces.runs.diagnosing import diagnosed, write_diagnosis
from vaekit.interfaces.runs.folder import RunFolder
from vaekit.interfaces.runs.recording import Recording
from vaekit.interfaces.runs.run import Run
from vaekit.modalities import Choice, modality_named
from vaekit.training import RUNS_OF_A_FIX, TrainingDiverged

__all__ = ["Attempt", "Attempts", "auto_fix", "curable", "revised"]

_SHORTEST = 10.0  # seconds: in less, bounds and report alone hardly fit
_LENGTH = {
    "time_limit",
    "steps",
    "epochs",
}  # keys that ask for more training, which a time limit of all attempts settles
_INFLATED = {"sigma_collapse", "density_on_levels"}  # findings under which a density grows without bound, or nearly


@dataclass(frozen=True)
class Attempt:
    """One run of several, with what was found in it.

    Args:
        run: The run.
        diagnosis: What was found.
        evaluation: Its bounds, as `evaluation.json` has them.
        cured: The finding that it is to cure; empty for the first run.
        prescription: The keys on top of those of the attempt before.
        changes: What these keys replaced, a sentence each.
    """

    run: Run
    diagnosis: Diagnosis
    evaluation: dict[str, Any]
    cured: str = ""
    prescription: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    @property
    def found(self) -> list[str]:
        """The names of the findings, worst first."""
        return [finding.name for finding in self.diagnosis.findings]

    @property
    def bound(self) -> float:
        """The importance-weighted bound in nats per datum; minus infinity where there is none."""
        iw = self.evaluation["bounds"]["iw"]
        return -math.inf if iw is None or iw["nats"] is None else float(iw["nats"])

    @property
    def is_inflated(self) -> bool:
        """Whether the bound is one on a density that is high for what is wrong with the model."""
        return not _INFLATED.isdisjoint(self.found)

    @property
    def ills(self) -> tuple[int, int]:
        """How many findings are severe, and how many are warnings."""
        severities = [finding.severity for finding in self.diagnosis.findings]
        return severities.count("severe"), severities.count("warning")

    def summary(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "run": str(self.run.path),
            "cured": self.cured or None,
            "prescription": list(self.prescription),
            "changes": list(self.changes),
            "bounds": self.evaluation["bounds"],
            "measure": self.run.measure,
            "findings": self.found,
        }


@dataclass(frozen=True)
class Attempts:
    """All runs, in order.

    Args:
        made: The first run, and those with what was prescribed.
        ended: Why there are no more.
    """

    made: tuple[Attempt, ...]
    ended: str

    @property
    def comparable(self) -> bool:
        """Whether there are bounds on the same thing: of the same data, by one measure, none of them inflated."""
        # An inflated bound compares with no other, not even with another inflated one.
        about = {(*_bounded(a.run), a.run.path if a.is_inflated else None) for a in self.made}
        return all(a.bound > -math.inf for a in self.made) and len(about) == 1

    @property
    def measured_by(self) -> str:
        """What says which is the best."""
        return "the importance-weighted bound" if self.comparable else "the findings: their bounds cannot be compared"

    @property
    def best(self) -> Attempt:
        """The attempt of the highest bound; of the fewest severe findings and warnings where bounds cannot be compared."""
        if self.comparable:
            return max(self.made, key=lambda attempt: attempt.bound)
        return min(reversed(self.made), key=lambda attempt: attempt.ills)

    def summary(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "attempts": [attempt.summary() for attempt in self.made],
            "comparable": self.comparable,
            "best": str(self.best.run.path),
            "ended": self.ended,
        }


def auto_fix(run: Run, data: Dataset, train: Callable[[Recording], Run], *, began: float) -> Attempts:
    """Diagnose a run, and train it again with what is prescribed against the worst curable finding; at most twice.

    Every attempt stays: the run, and beside it `RUN-fix1` and `RUN-fix2`; `RUN/attempts.json` tells all of them.

    Args:
        run: The first run.
        data: Its data as they were opened.
        train: Trains what is prepared, and shows how it goes.
        began: When the user's wait began, on the clock of `time.perf_counter`; a time limit counts from there.
    """
    made = [_attempt(run)]
    ended = f"{RUNS_OF_A_FIX - 1} restarts are the most"
    limit = run.experiment.training.time_limit
    for number in range(1, RUNS_OF_A_FIX):
        latest = made[-1]
        finding = curable(latest.diagnosis.findings, limited=limit is not None)
        if finding is None:
            ended = f"nothing is left that a key would cure{'' if limit is None else ' within the time limit'}"
            break
        seconds = None if limit is None else (limit - (time.perf_counter() - began)) / (RUNS_OF_A_FIX - number)
        if seconds is not None and seconds < _SHORTEST:
            ended = "the time limit leaves none"
            break
        try:
            made.append(_restarted(latest, finding, data, train, (_folder_of_attempt(run, number), seconds)))
        except (ValueError, TrainingDiverged) as error:
            ended = f"{' '.join(finding.prescription)} against {finding.name} cannot be tried: {error}"
            break
    attempts = Attempts(tuple(made), ended)
    run.folder.write_json("attempts.json", attempts.summary())
    return attempts


def curable(findings: Iterable[Finding], *, limited: bool = False) -> Finding | None:
    """Return the first finding that a key cures, of those that are worth training again.

    Args:
        findings: What was found, worst first.
        limited: Whether a time limit says how long to train, so that more training is no cure to try.
    """
    vain = _LENGTH if limited else set()
    worth = (f for f in findings if f.severity != "info")
    return next((f for f in worth if any(key.split("=", 1)[0] not in vain for key in f.prescription)), None)


def revised(experiment: Experiment, finding: Finding, data: Dataset) -> tuple[Experiment, Dataset]:
    """Return an experiment with what was prescribed on top of its keys, and its data, opened anew where they differ.

    Raises:
        ValueError: The prescription does not go with the other keys, or changes nothing.
    """
    before = described(experiment)
    kind = experiment.data.kind
    given = parse(finding.prescription, before, kind)
    if given == before:
        raise ValueError("the run has these keys already")
    reading = modality_named(kind).opened(given.pop("data"))
    opened = data if reading == experiment.data else reading.open()
    new = plan(opened, reading, given, experiment.preset)
    pairs = [key.split("=", 1) for key in finding.prescription]
    taken = {key for key, _ in pairs}
    kept = [choice for choice in experiment.choices if choice.key not in taken]
    added = [Choice(key=key, value=value, reason=f"prescribed against {finding.name}") for key, value in pairs]
    return new.replace(choices=(*kept, *added)), opened


def _attempt(run: Run, cure: Finding | None = None, changes: tuple[str, ...] = ()) -> Attempt:
    diagnosis = diagnosed(run)
    write_diagnosis(run, diagnosis)
    name, prescription = (cure.name, cure.prescription) if cure is not None else ("", ())
    return Attempt(run, diagnosis, run.folder.read_evaluation(), name, prescription, changes)


def _restarted(
    latest: Attempt,
    finding: Finding,
    data: Dataset,
    train: Callable[[Recording], Run],
    place: tuple[RunFolder, float | None],
) -> Attempt:
    """Train again with what is prescribed, in a folder and a number of seconds."""
    folder, seconds = place
    trained = latest.run.folder.read_experiment()  # a second stage leaves another prior than the run was trained with
    experiment, opened = revised(trained, finding, data)
    # The restart is a run like others, which resumes by itself.
    training = experiment.training.replace(auto_fix=False, time_limit=seconds)
    changes = _changes(trained, finding)
    recording = Recording(folder, experiment.replace(training=training), opened)
    keys = " ".join(finding.prescription)
    recording.trainer.notes.append(f"auto_fix restarts {latest.run.path} with {keys} against {finding.name}")
    recording.trainer.notes += changes
    recording.begin()
    return _attempt(train(recording), finding, changes)


def _changes(experiment: Experiment, finding: Finding) -> tuple[str, ...]:
    """Return what a prescription replaces that was not chosen automatically."""
    sections, chosen = described(experiment), {choice.key for choice in experiment.choices}
    set_by_user = [key for key in finding.prescription if key.split("=", 1)[0] not in chosen]
    found = [(key, _value(sections, key.split("=", 1)[0])) for key in set_by_user]
    return tuple(f"{key} replaces {key.split('=', 1)[0]}={value}" for key, value in found if value is not None)


def _value(sections: dict[str, dict[str, Any]], path: str) -> Any:
    """Return what a key was: the number of a constant, the kind of a part; None where it was not set."""
    first, *rest = path.split(".")
    value: Any = {**sections["data"], **sections["model"], **sections["training"], "objective": sections["objective"]}
    for step in (first, *rest):
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, dict):
        return value.get("value", value.get("kind"))
    return value


def _bounded(run: Run) -> tuple[Any, ...]:
    """Return what the bounds of a run are about; a level and a binarised pixel are both counted, and yet different."""
    assert run.description is not None
    return run.experiment.data, run.measure, run.description.bound_on


def _folder_of_attempt(run: Run, number: int) -> RunFolder:
    """Return the folder of an attempt, beside the run's, under the first name that is free."""
    first = run.path.with_name(f"{run.path.name}-fix{number}")
    return RunFolder(
        next(
            p for i in range(1, 10**6) if not (p := first if i == 1 else first.with_name(f"{first.name}-{i}")).exists()
        )
    )
