"""The verbs that train: inspect, fit, fit-prior, resume."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

import torch
import yaml
from pydantic import TypeAdapter, ValidationError

from vaekit.data import Dataset, TableSchema
from vaekit.heads import AnyPrior, Prior
from vaekit.interfaces.auto_fix import Attempts, auto_fix
from vaekit.interfaces.cli.diagnosing import attempt_table, verdict
from vaekit.interfaces.cli.errors import complain
from vaekit.interfaces.cli.facts import data_lines, described_data
from vaekit.interfaces.cli.output import bound_lines, choice_table, duration, emit, seconds_of
from vaekit.interfaces.cli.progress import ProgressReport
from vaekit.interfaces.cli.tables import column_table, write_schema
from vaekit.interfaces.data_settings import DataSettings
from vaekit.interfaces.experiment import Experiment
from vaekit.interfaces.fitting import Trainer, free_folder, plan
from vaekit.interfaces.fitting import resumed as resumed_trainer
from vaekit.interfaces.folder import RunFolder
from vaekit.interfaces.parsing import described, parse, sectioned, sentence
from vaekit.interfaces.prior import fit_prior as fitted
from vaekit.interfaces.run import Run, load
from vaekit.interfaces.summary import layer_table, no_bound_note
from vaekit.modalities import Preset

__all__ = ["FitOptions", "fit", "fit_prior", "inspect", "resume"]

# Fabric announces its precision on import; we tell it ourselves, where it belongs.
logging.getLogger("lightning_fabric").setLevel(logging.WARNING)


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
    written = [] if schema is None else [write_schema(dataset, schema)]
    found = described_data(dataset)
    layers = _layers(experiment)
    emit(
        as_json,
        {
            "data": found,
            "experiment": experiment.model_dump(mode="json"),
            "layers": layers,
            "warnings": _warnings(experiment),
        },
        *data_lines(dataset),
        *(("", column_table(dataset.schema)) if isinstance(dataset.schema, TableSchema) else ()),
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
    trainer = Trainer(folder, experiment, dataset, began=began)
    trainer.begin()
    if not as_json:
        emit(False, {}, *data_lines(dataset), choice_table(experiment.choices), "")
    _conclude(trainer, as_json, began)


def resume(run: Path, time_limit: str | None, as_json: bool) -> None:
    """Continue or extend a run."""
    began = time.perf_counter()
    trainer = resumed_trainer(run, seconds_more=seconds_of(time_limit) if time_limit else None)
    if time_limit is None:
        _conclude(trainer, as_json, began)
    else:  # what extends a finished run is not diagnosed again
        _tell(_trained(trainer), as_json, began)


def fit_prior(path: Path, kind: str, pairs: list[str], out: Path | None, as_json: bool) -> None:
    """Fit a prior to the latents of a run."""
    began = time.perf_counter()
    run = load(path)
    prior: Prior = TypeAdapter(AnyPrior).validate_python(parse([f"prior={kind}", *pairs])["model"]["prior"])
    _tell(fitted(run, prior, out=out), as_json, began)


def _trained(trainer: Trainer) -> Run:
    model = trainer.experiment.model
    unit = {"table": "row"}.get(model.kind, model.kind) if model is not None else "datum"
    with ProgressReport(trainer.batches.steps_per_epoch, trainer.notes, unit) as progress:
        return trainer.run(progress)


def _conclude(trainer: Trainer, as_json: bool, began: float) -> None:
    """Train; diagnose and train again, where that is asked for; tell the best run, and the others beside it."""
    spent = trainer.state.position.seconds  # before the run was stopped
    run = _trained(trainer)
    if not trainer.training.auto_fix:
        _tell(run, as_json, began)
        return
    attempts = auto_fix(run, trainer.opened, _trained, began=began - spent)
    _tell(attempts.best.run, as_json, began, attempts)


def _tell(run: Run, as_json: bool, began: float, attempts: Attempts | None = None) -> None:
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
    modality = _kind_of(data, pairs)
    base, preset, modality = _from_file(options.config, modality) if options.config else ({}, "balanced", modality)
    given = parse(pairs, base, modality or "image")
    training, described = given["training"], given.pop("data")
    if options.time_limit is not None:
        training["time_limit"] = seconds_of(options.time_limit)
    elif isinstance(training.get("time_limit"), str):
        training["time_limit"] = seconds_of(training["time_limit"])
    if options.seed is not None:
        training["seed"] = options.seed
    if modality == "table" and given["model"].get("goal", "synthesis") != "synthesis":
        described = {"missing": "ignore", **described}  # only rows that are made need cells that are missing
    settings = DataSettings.model_validate({**described, **(DataSettings.located(data) if data else {})})
    if not settings.source:
        raise ValueError(f"--config {options.config} names no data; give DATA too")
    dataset = settings.open(data)
    return dataset, plan(dataset, settings, given, options.preset or preset)  # type: ignore[arg-type]


def _kind_of(data: str, pairs: Iterable[str]) -> str:
    """Return the kind of data, by what is there and by the keys that only one kind has; empty where images are as likely as none."""
    named = {name: value for name, _, value in (pair.partition("=") for pair in pairs)}
    told = {name: named[name] for name in ("column", "target", "schema_file", "test") if named.get(name)}
    kind = DataSettings(source=data, **told).kind
    return "" if kind == "image" else kind


def _from_file(path: Path, modality: str) -> tuple[dict[str, dict[str, Any]], str, str]:
    """Return the keys in a YAML or JSON file, the preset and the kind of data; a resolved experiment has keys by section."""
    try:
        content = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"--config {path} is neither YAML nor JSON: {' '.join(str(error).split())}") from error
    if not isinstance(content, Mapping):
        raise ValueError(f"--config {path} must hold keys and values, got {type(content).__name__}")
    if "format" not in content:
        told = [f"{name}={value}" for name, value in content.items() if isinstance(value, str)]
        modality = modality or _kind_of(str(content.get("source", "")), told) or "image"
        return sectioned({str(name): value for name, value in content.items()}, modality=modality), "balanced", modality
    try:
        experiment = Experiment.model_validate(content)
    except ValidationError as error:
        raise ValueError(f"--config {path} is no experiment of this version of vaekit: {sentence(error)}") from error
    kind = experiment.model.kind if experiment.model is not None else "image"
    if modality not in ("", kind):
        raise ValueError(f"--config {path} is of a model of kind {kind}, but the data are of kind {modality}")
    return described(experiment), experiment.preset, kind


def _layers(experiment: Experiment) -> list[dict[str, Any]]:
    from vaekit.interfaces.summary import layers

    assert experiment.model is not None
    with torch.device("meta"):
        return layers(experiment.model.build())


def _warnings(experiment: Experiment) -> list[str]:
    return [*(experiment.model.warnings if experiment.model else ()), *no_bound_note(experiment.objective)]


def _warn(experiment: Experiment) -> None:
    for warning in _warnings(experiment):
        complain(f"warning: {warning}")
