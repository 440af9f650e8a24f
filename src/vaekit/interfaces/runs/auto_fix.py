"""Automatic repair: train, diagnose, and train again with the prescribed keys, at most twice."""

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
from vaekit.interfaces.runs.folder import RunFolder, made
from vaekit.interfaces.runs.recording import Recording
from vaekit.interfaces.runs.run import Run
from vaekit.interfaces.runs.signals import Interruption, Stopped
from vaekit.interfaces.runs.trainer import Trainer
from vaekit.modalities import Choice, modality_named
from vaekit.training import RUNS_OF_A_FIX, TrainingDiverged

__all__ = ["Attempt", "Attempts", "auto_fix", "curable", "revised"]

_SHORTEST = 10.0  # seconds that an attempt needs at least, for bounds and report alone
_LENGTH = {"time_limit", "steps", "epochs"}  # keys that ask for longer training, which a time limit rules out
_INFLATED = {"sigma_collapse", "density_on_levels"}  # findings with which a density grows almost without bound


@dataclass(frozen=True)
class Attempt:
    """One run of several, and its diagnosis.

    Args:
        run: The run.
        diagnosis: The diagnosis of the run.
        evaluation: Its bounds, in the form of `evaluation.json`.
        cured: The name of the finding that it tries to cure; empty for the first run.
        prescription: The keys that it adds to those of the previous attempt.
        changes: The user's keys that these replaced, a sentence each.
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
        """The importance-weighted bound in nats per datum; minus infinity if there is none."""
        iw = self.evaluation["bounds"]["iw"]
        return -math.inf if iw is None or iw["nats"] is None else float(iw["nats"])

    @property
    def is_inflated(self) -> bool:
        """Whether the bound is high because something is wrong with the model."""
        return not _INFLATED.isdisjoint(self.found)

    @property
    def ills(self) -> tuple[int, int]:
        """The numbers of severe findings and of warnings."""
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
        made: The first run, and the ones with prescribed keys.
        ended: The reason why there are no more.
    """

    made: tuple[Attempt, ...]
    ended: str

    @property
    def comparable(self) -> bool:
        """Whether all bounds can be compared: they are of the same data and measure, and none is inflated."""
        # An inflated bound cannot be compared with any other, not even with another inflated one.
        subjects = {(*_subject_of_bounds(a.run), a.run.path if a.is_inflated else None) for a in self.made}
        return all(a.bound > -math.inf for a in self.made) and len(subjects) == 1

    @property
    def measured_by(self) -> str:
        """What decides which attempt is the best."""
        second = (
            "the importance-weighted bound" if self.comparable else "the number of findings: bounds cannot be compared"
        )
        return f"what it was to cure, then {second}"

    @property
    def best(self) -> Attempt:
        """The last attempt that cured what it was made for, and did not make the run worse."""
        best = 0
        for number in range(1, len(self.made)):
            if self._helps(number, best):
                best = number
        return self.made[best]

    def _helps(self, number: int, best: int) -> bool:
        """Return whether an attempt is better than the best one before it.

        All findings that were to be cured since then are gone, and no severe ones came in their place. If one of them was
        severe, its bound said little. Otherwise the bound must not fall, or where bounds cannot be compared, the findings must
        not become more.
        """
        new, old = self.made[number], self.made[best]
        cured = {attempt.cured for attempt in self.made[best + 1 : number + 1]}
        if cured & set(new.found) or new.ills[0] > old.ills[0]:
            return False
        if any(each.severity == "severe" and each.name in cured for each in old.diagnosis.findings):
            return True
        return new.bound >= old.bound if self.comparable else new.ills <= old.ills

    def summary(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "attempts": [attempt.summary() for attempt in self.made],
            "comparable": self.comparable,
            "best": str(self.best.run.path),
            "ended": self.ended,
        }


def auto_fix(run: Run, data: Dataset, train: Callable[[Recording], Run], *, began: float) -> Attempts:
    """Diagnose a run, and train it again with the keys prescribed against the worst curable finding; at most twice.

    Every attempt stays on disk: the run, and in folders of the same parent `RUN-fix1` and `RUN-fix2`. The file
    `RUN/attempts.json` lists all of them in the end. Attempts that were begun by a process that died are resumed.

    Args:
        run: The first run.
        data: Its data, before the model's view settles them.
        train: Trains a recording that was begun.
        began: When the user's wait began, on the clock of `time.perf_counter`; a time limit counts from there.
    """
    with Interruption(f"stopped before auto_fix has ended; finish it with: vaekit resume {run.path}"):
        if run.folder.attempts.is_file():  # these have ended, and are not those of now
            run.folder.write_begun(run.folder.begun.replace(attempts=()))
            run.folder.attempts.unlink()
        try:
            attempts = _attempts(run, data, train, began)
        except Stopped as stop:
            more = (
                "" if str(run.path) in str(stop).split() else f"; that is a part of auto_fix: vaekit resume {run.path}"
            )
            raise Stopped(stop.signum, f"{stop}{more}") from None
        run.folder.write_json(run.folder.attempts.name, attempts.summary())
    return attempts


def _attempts(run: Run, data: Dataset, train: Callable[[Recording], Run], began: float) -> Attempts:
    diagnosing = time.perf_counter()
    tried = [_attempt(run)]
    diagnosing = time.perf_counter() - diagnosing
    limit = run.experiment.training.time_limit
    for number in range(1, RUNS_OF_A_FIX):
        latest = tried[-1]
        finding = curable(latest.diagnosis.findings, limited=limit is not None)
        if finding is None:
            return Attempts(
                tuple(tried),
                f"nothing is left that a key would cure{'' if limit is None else ' within the time limit'}",
            )
        left = None if limit is None else limit - (time.perf_counter() - began)
        seconds = None if left is None else left / (RUNS_OF_A_FIX - number) - diagnosing
        if seconds is not None and seconds < _SHORTEST and len(run.folder.begun.attempts) < number:
            return Attempts(tuple(tried), "the time limit leaves none")
        try:
            recording, changes = _prepared(run, number, latest, finding, data, seconds)
            with recording:
                tried.append(_attempt(train(recording), finding, changes))
        except (ValueError, TrainingDiverged) as error:
            keys = " ".join(finding.prescription)
            return Attempts(tuple(tried), f"{keys} against {finding.name} cannot be tried: {error}")
    return Attempts(tuple(tried), f"{RUNS_OF_A_FIX - 1} restarts are the most")


def curable(findings: Iterable[Finding], *, limited: bool = False) -> Finding | None:
    """Return the first finding that a key cures, that is severe enough to train again, and that no other one explains.

    Args:
        findings: The findings, worst first.
        limited: Whether a time limit decides the length of training, so that longer training cannot be tried.
    """
    excluded = _LENGTH if limited else set()
    serious = (f for f in findings if f.severity != "info" and not f.explained_by)
    return next((f for f in serious if any(key.split("=", 1)[0] not in excluded for key in f.prescription)), None)


def revised(experiment: Experiment, finding: Finding, data: Dataset) -> tuple[Experiment, Dataset]:
    """Return an experiment with prescribed keys, and its data, which are opened again if their keys change.

    Raises:
        ValueError: The prescribed keys contradict other keys, or change nothing.
    """
    before = described(experiment)
    kind = experiment.data.kind
    keys = parse(finding.prescription, before, kind)
    if keys == before:
        raise ValueError("the run has these keys already")
    reading = modality_named(kind).opened(keys.pop("data"))
    opened = data if reading == experiment.data else reading.open()
    new = plan(opened, reading, keys, experiment.preset)
    prescribed = dict(key.split("=", 1) for key in finding.prescription)
    reason = f"prescribed against {finding.name}"
    others = [choice for choice in experiment.choices if choice.key not in prescribed]
    added = [Choice(key=key, value=value, reason=reason) for key, value in prescribed.items()]
    return new.replace(choices=(*others, *added)), opened


def _attempt(run: Run, cure: Finding | None = None, changes: tuple[str, ...] = ()) -> Attempt:
    diagnosis = diagnosed(run)
    write_diagnosis(run, diagnosis)
    cause = () if cure is None else (cure.name, cure.prescription, changes)
    return Attempt(run, diagnosis, run.folder.read_evaluation(), *cause)


def _prepared(
    run: Run, number: int, latest: Attempt, finding: Finding, data: Dataset, seconds: float | None
) -> tuple[Recording, tuple[str, ...]]:
    """Return a recording of another training with prescribed keys, begun or resumed, and the user's keys it replaces."""
    trained = latest.run.folder.read_experiment()  # the run itself may have the prior of a second stage
    experiment, opened = revised(trained, finding, data)
    changes = _changes(trained, finding)
    begun = run.folder.begun
    folder = RunFolder(run.path.with_name(begun.attempts[number - 1])) if len(begun.attempts) >= number else None
    if folder is not None and folder.config.exists():
        recording = Recording(folder, Trainer(folder.read_experiment(), opened))
        recording.restore(None)
        return recording, changes
    # A restart is a run like any other, which can be resumed on its own.
    training = experiment.training.replace(auto_fix=False, time_limit=seconds)
    trainer = Trainer(experiment.replace(training=training), opened)
    keys = " ".join(finding.prescription)
    trainer.notes += [f"auto_fix restarts {latest.run.path} with {keys} against {finding.name}", *changes]
    if folder is None:
        folder = RunFolder(made(run.path.with_name(f"{run.path.name}-fix{number}")))
        run.folder.write_begun(begun.replace(attempts=(*begun.attempts, folder.path.name)))
    recording = Recording(folder, trainer)
    recording.begin()
    return recording, changes


def _changes(experiment: Experiment, finding: Finding) -> tuple[str, ...]:
    """Return the user's keys that a prescription replaces, a sentence each."""
    sections, chosen = described(experiment), {choice.key for choice in experiment.choices}
    paths = {key: key.split("=", 1)[0] for key in finding.prescription}
    values = {key: _value(sections, path) for key, path in paths.items() if path not in chosen}
    return tuple(f"{key} replaces {paths[key]}={value}" for key, value in values.items() if value is not None)


def _value(sections: dict[str, dict[str, Any]], path: str) -> Any:
    """Return the value of a key: the number of a constant, the kind of a part; None if it is not set."""
    value: Any = {**sections["data"], **sections["model"], **sections["training"], "objective": sections["objective"]}
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value.get("value", value.get("kind")) if isinstance(value, dict) else value


def _subject_of_bounds(run: Run) -> tuple[Any, ...]:
    """Return what must agree between two runs before their bounds can be compared."""
    assert run.description is not None
    return run.experiment.data, run.measure, run.description.bound_on
