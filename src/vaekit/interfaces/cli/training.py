"""The verbs that train: inspect, fit, fit-prior, resume."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import torch
from pydantic import TypeAdapter, ValidationError

from vaekit.data import Dataset
from vaekit.data.foreign import read_yaml, refuse_pipe
from vaekit.heads import AnyPrior, Prior
from vaekit.interfaces.cli.diagnosing import attempt_table, verdict
from vaekit.interfaces.cli.errors import complain
from vaekit.interfaces.cli.facts import data_lines, described_data
from vaekit.interfaces.cli.output import bound_lines, choice_table, emit
from vaekit.interfaces.cli.progress import ProgressReport
from vaekit.interfaces.describing.experiment import Experiment
from vaekit.interfaces.describing.layers import layer_table, no_bound_note
from vaekit.interfaces.describing.parsing import described, parse, sectioned, sentence
from vaekit.interfaces.describing.planning import plan
from vaekit.interfaces.describing.typed import seconds_of
from vaekit.interfaces.describing.words import duration
from vaekit.interfaces.media import MEDIA
from vaekit.interfaces.runs.auto_fix import Attempts, auto_fix
from vaekit.interfaces.runs.fitting import finished_prior, free_folder, reading_at, resumed as resumed_recording
from vaekit.interfaces.runs.folder import RunFolder
from vaekit.interfaces.runs.prior import fit_prior as fitted
from vaekit.interfaces.runs.recording import Recording
from vaekit.interfaces.runs.run import Run, load
from vaekit.interfaces.runs.trainer import Trainer
from vaekit.modalities import Preset, kind_of_source, modality_named

__all__ = ["fit", "fit_prior", "inspect", "resume"]


def inspect(data: str, pairs: list[str], schema: Path | None, as_json: bool, **options: Any) -> None:
    """Show the data, the choices and the layers; write the columns of a table to the file `schema`, if one is named."""
    dataset, experiment = _planned(data, pairs, **options)
    medium, layers = MEDIA[experiment.data.kind], _layers(experiment)
    written = [] if schema is None else [medium.write_schema(dataset.schema, schema)]
    answer = {
        "data": described_data(dataset),
        "experiment": experiment.model_dump(mode="json"),
        "layers": layers,
        "warnings": _warnings(experiment),
    }
    columns = medium.columns(dataset.schema)
    tables = [*([] if columns is None else [columns]), choice_table(experiment.choices), layer_table(layers)]
    separated = [line for table in tables for line in ("", table)]
    lines = data_lines(dataset, experiment.data.kind)
    emit(as_json, answer, *lines, *separated, *written)
    _warn(experiment)


def fit(
    data: str, pairs: list[str], out: Path | None, as_json: bool, began: float, *, dry_run: bool, **options: Any
) -> None:
    """Train, or show what would be trained; `began` is when the user's wait did, on the clock of `time.perf_counter`."""
    if out is not None and not dry_run:
        RunFolder(out).refuse_taken()
    dataset, experiment = _planned(data, pairs, **options)
    if dry_run:
        _warn(experiment)
        tables = (choice_table(experiment.choices), "", layer_table(_layers(experiment)))
        emit(as_json, experiment.model_dump(mode="json"), *tables)
        return
    trainer = Trainer(experiment, dataset, began=began)
    with Recording(RunFolder(out) if out else free_folder(data), trainer) as recording:
        recording.begin()
        if not as_json:
            emit(False, {}, *data_lines(dataset, experiment.data.kind), choice_table(trainer.experiment.choices), "")
        _conclude(recording, as_json, began)


def resume(path: Path, data: str | None, time_limit: str | None, as_json: bool, began: float) -> None:
    """Finish what was begun, or extend a run."""
    seconds_more, folder = seconds_of(time_limit) if time_limit else None, RunFolder(path)
    if folder.is_prior_fit:
        _show(finished_prior(folder, seconds_more, data), as_json, began)
        return
    with resumed_recording(path, seconds_more=seconds_more, data=data, began=began) as recording:
        if time_limit is None:
            _conclude(recording, as_json, began)
        else:  # an extension of a finished run is not diagnosed again
            _show(_trained(recording), as_json, began)


def fit_prior(path: Path, kind: str, pairs: list[str], out: Path | None, as_json: bool) -> None:
    """Fit a prior to the latents of a run."""
    began = time.perf_counter()
    run = load(path)
    prior: Prior = TypeAdapter(AnyPrior).validate_python(parse([f"prior={kind}", *pairs])["model"]["prior"])
    _show(fitted(run, prior, out=out), as_json, began)


def _trained(recording: Recording) -> Run:
    trainer = recording.trainer
    units = modality_named(trainer.experiment.data.kind).words.many
    with ProgressReport(trainer.batches.steps_per_epoch, trainer.notes, units) as progress:
        trainer.announce = progress.announce
        return recording.run(progress)


def _conclude(recording: Recording, as_json: bool, began: float) -> None:
    """Train, with `auto_fix` diagnose and train again; show the best run, and the other attempts."""
    trainer = recording.trainer
    spent = trainer.state.position.seconds  # before the run was stopped
    run = _trained(recording)
    if not trainer.training.auto_fix:
        _show(run, as_json, began)
        return
    attempts = auto_fix(run, trainer.opened, _trained, began=began - spent)
    _show(attempts.best.run, as_json, began, attempts)


def _show(run: Run, as_json: bool, began: float, attempts: Attempts | None = None) -> None:
    evaluation, seconds = run.folder.read_evaluation(), time.perf_counter() - began
    answer = {
        "run": str(run.path),
        "report": str(run.folder.report),
        "seconds": round(seconds, 1),
        "evaluation": evaluation,
        "quarantine": run.folder.read_json("data.json").get("quarantine", []),
        "choices": [choice.model_dump(mode="json") for choice in run.experiment.choices],
        **({} if attempts is None else attempts.summary()),
    }
    tried = [] if attempts is None else [attempt_table(attempts), *verdict(attempts), ""]
    lines = [f"test data of {evaluation['data']}:", *bound_lines(evaluation), f"{duration(seconds)} in all"]
    emit(as_json, answer, *tried, *lines, f"report: {run.folder.report}")


def _planned(
    data: str,
    pairs: list[str],
    *,
    preset: str | None = None,
    config: Path | None = None,
    time_limit: str | None = None,
    seed: int | None = None,
) -> tuple[Dataset, Experiment]:
    """Open data, and plan the experiment that the keys, the file of keys and the options ask for."""
    if preset not in (None, *get_args(Preset)):
        raise ValueError(f"--preset is one of {', '.join(get_args(Preset))}, got {preset!r}")
    content = {} if config is None else _content_of(config)
    reading_keys = _reading_keys(content)
    source = data or str(reading_keys.get("source", ""))
    if not source:
        raise ValueError(f"--config {config} names no data; give DATA too")
    saved = _saved(content, config)
    named = {pair.partition("=")[0].strip() for pair in pairs} | {key for key, value in reading_keys.items() if value}
    kind = kind_of_source(source, frozenset(named))
    if saved is not None and saved.data.kind != kind:
        raise ValueError(f"--config {config} is of a model of kind {saved.data.kind}, but the data are of kind {kind}")
    base = sectioned(content, modality=kind) if saved is None else described(saved)
    usual = "balanced" if saved is None else saved.preset
    given = parse(pairs, base, kind)
    if time_limit is not None:
        given["training"]["time_limit"] = seconds_of(time_limit)
    if seed is not None:
        given["training"]["seed"] = seed
    modality = modality_named(kind)
    reading = modality.opened(modality.settings(given.pop("data"), given["model"]))
    reading = reading_at(data, reading) if data else reading
    dataset = reading.open()
    return dataset, plan(dataset, reading, given, preset or usual)  # type: ignore[arg-type]


def _content_of(path: Path) -> dict[str, Any]:
    """Return what a YAML or JSON file of keys holds, or a resolved experiment."""
    try:
        content = read_yaml(refuse_pipe(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"--config {path} is neither YAML nor JSON: {error}") from error
    if not isinstance(content, Mapping):
        raise ValueError(f"--config {path} must hold keys and values, got {type(content).__name__}")
    return {str(name): value for name, value in content.items()}


def _reading_keys(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the keys that say how data are read; a resolved experiment has them in a section."""
    found = content.get("data", {}) if "format" in content else content
    return found if isinstance(found, Mapping) else {}


def _saved(content: dict[str, Any], path: Path | None) -> Experiment | None:
    """Return the resolved experiment that a file holds; None where it holds keys."""
    if "format" not in content:
        return None
    try:
        return Experiment.model_validate(content)
    except ValidationError as error:
        raise ValueError(f"--config {path} is no experiment of this version of vaekit: {sentence(error)}") from error


def _layers(experiment: Experiment) -> list[dict[str, Any]]:
    from vaekit.interfaces.describing.layers import layers

    assert experiment.model is not None
    with torch.device("meta"):
        return layers(experiment.model.build())


def _warnings(experiment: Experiment) -> list[str]:
    return [*(experiment.model.warnings if experiment.model else ()), *no_bound_note(experiment.objective)]


def _warn(experiment: Experiment) -> None:
    for warning in _warnings(experiment):
        complain(f"warning: {warning}")
