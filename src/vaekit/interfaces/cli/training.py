"""The verbs that train: inspect, fit, fit-prior, resume."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

import torch
import yaml
from pydantic import TypeAdapter, ValidationError

from vaekit.data import Dataset
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
from vaekit.interfaces.runs.fitting import free_folder, reading_at, resumed as resumed_recording
from vaekit.interfaces.runs.folder import RunFolder
from vaekit.interfaces.runs.prior import fit_prior as fitted
from vaekit.interfaces.runs.recording import Recording
from vaekit.interfaces.runs.run import Run, load
from vaekit.modalities import Preset, kind_of_source, modality_named

__all__ = ["FitOptions", "fit", "fit_prior", "inspect", "resume"]


class FitOptions(NamedTuple):
    """The options of `fit` that stand beside its keys."""

    preset: str | None
    time_limit: str | None
    seed: int | None
    config: Path | None


def inspect(
    data: str, pairs: list[str], preset: str | None, config: Path | None, schema: Path | None, *, as_json: bool
) -> None:
    """Show the data, the choices and the layers; write what the columns of a table are, where that is asked for."""
    dataset, experiment = _planned(data, pairs, FitOptions(preset, None, None, config))
    medium = MEDIA[experiment.data.kind]
    written = [] if schema is None else [medium.write_schema(dataset.schema, schema)]
    found, columns = described_data(dataset), medium.columns(dataset.schema)
    layers = _layers(experiment)
    emit(
        as_json,
        {
            "data": found,
            "experiment": experiment.model_dump(mode="json"),
            "layers": layers,
            "warnings": _warnings(experiment),
        },
        *data_lines(dataset, experiment.data.kind),
        *(() if columns is None else ("", columns)),
        "",
        choice_table(experiment.choices),
        "",
        layer_table(layers),
        *written,
    )
    _warn(experiment)


def fit(data: str, pairs: list[str], out: Path | None, options: FitOptions, *, dry_run: bool, as_json: bool) -> None:
    """Train, or show what would be trained."""
    began = time.perf_counter()
    dataset, experiment = _planned(data, pairs, options)
    if dry_run:
        _warn(experiment)
        shown = (choice_table(experiment.choices), "", layer_table(_layers(experiment)))
        emit(as_json, experiment.model_dump(mode="json"), *shown)
        return
    folder = RunFolder(out) if out else free_folder(data)
    recording = Recording(folder, experiment, dataset, began=began)
    recording.begin()
    if not as_json:
        emit(False, {}, *data_lines(dataset, experiment.data.kind), choice_table(experiment.choices), "")
    _conclude(recording, as_json, began)


def resume(run: Path, time_limit: str | None, as_json: bool) -> None:
    """Continue or extend a run."""
    began = time.perf_counter()
    recording = resumed_recording(run, seconds_more=seconds_of(time_limit) if time_limit else None)
    if time_limit is None:
        _conclude(recording, as_json, began)
    else:  # what extends a finished run is not diagnosed again
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
        return recording.run(progress)


def _conclude(recording: Recording, as_json: bool, began: float) -> None:
    """Train; diagnose and train again, where that is asked for; show the best run, and the others beside it."""
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
        **(attempts.summary() if attempts is not None else {}),
    }
    emit(
        as_json,
        answer,
        *((attempt_table(attempts), *verdict(attempts), "") if attempts is not None else ()),
        f"test data of {evaluation['data']}:",
        *bound_lines(evaluation),
        f"{duration(seconds)} in all",
        f"report: {run.folder.report}",
    )


def _planned(data: str, pairs: list[str], options: FitOptions) -> tuple[Dataset, Experiment]:
    if options.preset not in (None, *get_args(Preset)):
        raise ValueError(f"--preset is one of {', '.join(get_args(Preset))}, got {options.preset!r}")
    content = {} if options.config is None else _content_of(options.config)
    source = data or str(_data_of(content).get("source", ""))
    if not source:
        raise ValueError(f"--config {options.config} names no data; give DATA too")
    saved = _saved(content, options.config)
    kind = _kind_of(source, pairs, content)
    if saved is not None and saved.data.kind != kind:
        raise ValueError(
            f"--config {options.config} is of a model of kind {saved.data.kind}, but the data are of kind {kind}"
        )
    base = sectioned(content, modality=kind) if saved is None else described(saved)
    preset = options.preset or ("balanced" if saved is None else saved.preset)
    given = parse(pairs, base, kind)
    training = given["training"]
    if options.time_limit is not None:
        training["time_limit"] = seconds_of(options.time_limit)
    if options.seed is not None:
        training["seed"] = options.seed
    modality = modality_named(kind)
    reading = modality.opened(modality.settings(given.pop("data"), given["model"]))
    reading = reading_at(data, reading) if data else reading
    dataset = reading.open()
    return dataset, plan(dataset, reading, given, preset)  # type: ignore[arg-type]


def _content_of(path: Path) -> dict[str, Any]:
    """Return what a YAML or JSON file of keys holds, or a resolved experiment."""
    try:
        content = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"--config {path} is neither YAML nor JSON: {' '.join(str(error).split())}") from error
    if not isinstance(content, Mapping):
        raise ValueError(f"--config {path} must hold keys and values, got {type(content).__name__}")
    return {str(name): value for name, value in content.items()}


def _data_of(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the keys of reading in a file, wherever its format has them."""
    found = content.get("data", {}) if "format" in content else content
    return found if isinstance(found, Mapping) else {}


def _kind_of(source: str, pairs: Iterable[str], content: Mapping[str, Any]) -> str:
    """Return the kind of data, by what is there and by the keys of reading."""
    named = {pair.partition("=")[0].strip() for pair in pairs} | {
        key for key, value in _data_of(content).items() if value
    }
    return kind_of_source(source, frozenset(named))


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
