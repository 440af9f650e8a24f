"""Train: from data and keys to a trained model in memory, or to a run folder with its bounds and a report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, get_args, overload

from vaekit.data import Dataset
from vaekit.data.arrays import context_from_array
from vaekit.data.names import name_of
from vaekit.data.table.bundled import bundled_name
from vaekit.errors import foreign_bytes, shortened
from vaekit.interfaces.describing.experiment import Experiment
from vaekit.interfaces.describing.parsing import one_sentence, sectioned
from vaekit.interfaces.describing.planning import plan
from vaekit.interfaces.runs.auto_fix import auto_fix
from vaekit.interfaces.runs.folder import RunFolder, made
from vaekit.interfaces.runs.prior import finish_prior
from vaekit.interfaces.runs.recording import Recording
from vaekit.interfaces.runs.run import Run
from vaekit.interfaces.runs.trainer import Listener, Trainer
from vaekit.modalities import (
    Description,
    Preset,
    Reading,
    check_composition,
    kind_in_memory,
    kind_of_source,
    modality_named,
)
from vaekit.modalities.choice import merged
from vaekit.models import LatentVariableModel
from vaekit.objectives import Objective
from vaekit.trained import Source, TrainedModel, typed
from vaekit.training import Training

__all__ = ["Planned", "finished_prior", "fit", "free_folder", "planned", "reading_at", "resume", "resumed", "train"]


@overload
def fit(
    data: Source,
    *,
    model: Description | LatentVariableModel | str | None = None,
    objective: Objective | str | Mapping[str, Any] | None = None,
    training: Training | None = None,
    out: None = None,
    preset: Preset = "balanced",
    listener: Listener | None = None,
    context: Any = None,
    **keys: Any,
) -> TrainedModel: ...


@overload
def fit(
    data: Source,
    *,
    model: Description | LatentVariableModel | str | None = None,
    objective: Objective | str | Mapping[str, Any] | None = None,
    training: Training | None = None,
    out: str | Path,
    preset: Preset = "balanced",
    listener: Listener | None = None,
    context: Any = None,
    **keys: Any,
) -> Run: ...


def fit(
    data: Source,
    *,
    model: Description | LatentVariableModel | str | None = None,
    objective: Objective | str | Mapping[str, Any] | None = None,
    training: Training | None = None,
    out: str | Path | None = None,
    preset: Preset = "balanced",
    listener: Listener | None = None,
    context: Any = None,
    **keys: Any,
) -> TrainedModel | Run:
    """Train a model on data.

    Args:
        data: A folder, a file or a name; an opened data set; arrays, tensors or a torch data set of images; a list of
            texts; a frame of pyarrow, pandas or polars. With a free composition of modules: a tensor `(N, *event)` in
            the support of its likelihood.
        model: A description, a composition `VAE(prior, posterior, likelihood)`, or None to choose one automatically; a
            string is the value of the key `model=`.
        objective: The objective, as a value or by its name; the ELBO by default.
        training: How to train.
        out: The run folder; by default nothing is written.
        preset: How much an automatic choice spends: fast, balanced or best.
        listener: Called after every step.
        context: A vector for each datum, `(N, C)`, as its condition, for `ImageVAE(condition="context")` or a composition
            whose parts take a context.
        keys: Any key of `vaekit fit --help-keys`, such as `latent=8`, `likelihood="gaussian"`, `size="64x64"`,
            `time_limit="10m"`; a key with a dot as a nested mapping, `likelihood={"kind": "gaussian", "scale": "shared"}`, or
            as `**{"likelihood.scale": "shared"}`.

    Returns:
        The trained model; with `out`, the run in that folder, which is a trained model too.

    Raises:
        ValueError: The data or the settings do not fit; the message says what to do.
        TrainingDiverged: Values stayed non-finite after three rollbacks.
    """
    began = time.perf_counter()
    if out is not None:
        RunFolder(out).refuse_taken()
    new = planned(data, model=model, objective=objective, training=training, preset=preset, context=context, **keys)
    _check_listener(listener)
    trainer = Trainer(new.experiment, new.data, model=new.modules, began=began)
    if out is None:
        return _trained(trainer, listener)
    with Recording(RunFolder(out), trainer) as recording:
        recording.begin()
        return _best(recording, listener)


class Planned(NamedTuple):
    """Everything that `fit` needs to train.

    Args:
        data: The data, opened.
        experiment: The model, objective and training; every automatic choice with its reason.
        modules: The modules of a free composition.
    """

    data: Dataset
    experiment: Experiment
    modules: LatentVariableModel | None


@one_sentence()
def planned(
    data: Source,
    *,
    model: Description | LatentVariableModel | str | None = None,
    objective: Objective | str | Mapping[str, Any] | None = None,
    training: Training | None = None,
    preset: Preset = "balanced",
    context: Any = None,
    **keys: Any,
) -> Planned:
    """Open data and plan the training; the arguments are those of `fit`.

    Raises:
        ValueError: The data or the settings do not fit; the message says what to do.
    """
    for name, value, kinds in (
        ("model", model, (Description, LatentVariableModel, str)),
        ("objective", objective, (Objective, str, Mapping)),
        ("training", training, (Training,)),
    ):
        if value is not None and not isinstance(value, kinds):
            raise ValueError(f"{name} is {' or '.join(kind.__name__ for kind in kinds)}, got {shortened(repr(value))}")
    if preset not in get_args(Preset):
        raise ValueError(f"preset is one of {', '.join(get_args(Preset))}, got {shortened(repr(preset))}")
    modules = model if isinstance(model, LatentVariableModel) else None
    description = model if isinstance(model, Description) else None
    if isinstance(model, str):
        keys["model"] = model
    if objective is not None and not isinstance(objective, Objective):
        keys["objective"] = objective
    kind = "tensor" if modules is not None else _kind_of(data, frozenset(keys))
    given = sectioned(keys, modality=kind)
    if isinstance(objective, Objective):
        given["objective"] = merged(objective.model_dump(), given["objective"])
    if training is not None:
        given["training"] = {**training.model_dump(exclude_unset=True), **given["training"]}
    modality = modality_named(kind)
    reading = modality.opened(modality.settings(given.pop("data"), given["model"]))
    reading, opened = _opened(data, reading)
    if context is not None:
        opened = replace(opened, context=context_from_array(context, len(opened)))
    if modules is not None:
        return Planned(opened, _experiment_of(modules, opened, reading, given), modules)
    if description is not None and given["model"]:
        name = next(iter(given["model"]))
        raise ValueError(
            f"{name}= is a key of the model, which was given as a whole; set it in {type(description).__name__}(...)"
        )
    return Planned(opened, plan(opened, reading, given, preset, description), None)


def train(
    data: Dataset,
    experiment: Experiment,
    *,
    model: LatentVariableModel | None = None,
    listener: Listener | None = None,
) -> TrainedModel:
    """Train in memory: nothing is written or printed, no signal is handled, and global settings are restored.

    Args:
        data: The data, opened.
        experiment: The model, objective and training; see `planned`.
        model: The modules of a free composition.
        listener: Called after every step.

    Raises:
        ValueError: The data do not suit the experiment.
        TrainingDiverged: Values stayed non-finite after three rollbacks.
    """
    _check_listener(listener)
    return _trained(Trainer(experiment, data, model=model), listener)


def _check_listener(listener: Any) -> None:
    """Refuse a listener that cannot be called, before anything is trained."""
    if listener is not None and not callable(listener):
        raise ValueError(f"a listener is called with the progress and the batch, got {shortened(repr(listener))}")


def _trained(trainer: Trainer, listener: Listener | None) -> TrainedModel:
    best = None
    with trainer.scope:
        for progress in trainer.steps():
            if progress.best:
                best = _weights(trainer)
            if listener is not None:
                listener(progress, trainer.batches.batch)
        return trainer.finished(_weights(trainer) if best is None else best)


def _weights(trainer: Trainer) -> dict[str, Any]:
    """Return a copy of the averaged weights, which are the ones that validation evaluates."""
    state = trainer.state.average.module.state_dict()
    return {name: tensor.detach().cpu().clone() for name, tensor in state.items()}


def resume(
    path: str | Path,
    *,
    seconds_more: float | None = None,
    data: Source | None = None,
    model: LatentVariableModel | None = None,
    listener: Listener | None = None,
) -> Run:
    """Finish what was begun, with bit for bit the same result as without the stop; or extend a finished run.

    Whatever was begun in the folder is finished: `fit` with its second stage, bounds and report, the attempts of `auto_fix`,
    and `fit_prior`.

    Args:
        path: The run folder.
        seconds_more: Seconds to extend the run by.
        data: The data, if they came from memory or have moved.
        model: The modules of a free composition.
        listener: Called after every step.

    Raises:
        ValueError: The run is finished and `seconds_more` is None, its data have changed, or another process writes into
            its folder.
    """
    _check_listener(listener)
    folder = RunFolder(path)
    if folder.is_prior_fit:
        return finished_prior(folder, seconds_more, data)
    with resumed(path, seconds_more=seconds_more, data=data, model=model) as recording:
        return _best(recording, listener) if seconds_more is None else recording.run(listener)


def finished_prior(folder: RunFolder, seconds_more: float | None = None, data: Source | None = None) -> Run:
    """Finish a call of `fit_prior`; see `resume`."""
    if seconds_more is not None:
        raise ValueError(f"{folder.path} was not trained: its prior was fitted; extend the run that it came from")
    experiment = RunFolder(Path(folder.begun.run)).read_experiment() if data is not None else None
    return finish_prior(folder.path, None if experiment is None or data is None else _opened(data, experiment.data)[1])


def resumed(
    path: str | Path,
    *,
    seconds_more: float | None = None,
    data: Source | None = None,
    model: LatentVariableModel | None = None,
    began: float | None = None,
) -> Recording:
    """Return the recording of a run, at its newest valid checkpoint, which others cannot write to; see `resume`."""
    began = time.perf_counter() if began is None else began
    folder = RunFolder(path)
    experiment = folder.read_experiment()
    if experiment.model is None and model is None:
        raise ValueError(f"{path} holds a user's own composition; give model=VAE(...)")
    if data is None and not experiment.data.source:
        raise ValueError(f"the data of {path} came as arrays and are not kept; give vaekit.resume(..., data=...)")
    reading, opened = experiment.data, None
    if data is not None:
        reading, opened = _opened(data, experiment.data)
    experiment = experiment.replace(data=reading)
    trainer = Trainer(experiment, reading.open() if opened is None else opened, model=model, began=began)
    with ExitStack() as stack:
        recording = stack.enter_context(Recording(folder, trainer))
        recording.restore(seconds_more)
        if recording.is_concluded and (not experiment.training.auto_fix or folder.attempts.is_file()):
            step = trainer.state.position.step
            raise ValueError(
                f"{path} is finished after {step} steps; extend it with: vaekit resume {path} --time-limit +10m"
            )
        if data is not None:
            folder.write_experiment(experiment)  # the data may have moved: from now on they are found there
        stack.pop_all()
    return recording


def reading_at(source: str, reading: Reading) -> Reading:
    """Return a reading with a source that the user typed: a path becomes absolute, a name does not change."""
    return reading.at(source, named=bool(name_of(source) or bundled_name(source)))


def free_folder(source: str) -> RunFolder:
    """Make and return the first folder `runs/<name>-<number>` that does not exist."""
    return RunFolder(made(Path("runs") / (Path(source).stem or "run"), numbered=True))


def _best(recording: Recording, listener: Listener | None) -> Run:
    """Train; with `auto_fix`, train again with prescribed keys, and return the best run."""
    trainer = recording.trainer
    began = trainer.began - trainer.state.position.seconds
    run = recording.run(listener)
    if not trainer.training.auto_fix:
        return run
    return auto_fix(run, trainer.opened, lambda again: again.run(listener), began=began).best.run


def _kind_of(data: Source, keys: frozenset[str]) -> str:
    """Return the kind of a data set, of a source, or of an object in memory."""
    if isinstance(data, Dataset):
        return str(getattr(data.schema, "kind", "tensor"))
    if isinstance(data, str | Path):
        return kind_of_source(typed(data), keys)
    with foreign_bytes():
        return kind_in_memory(data)


def _opened(data: Source, reading: Reading) -> tuple[Reading, Dataset]:
    """Return the reading of a source, and its data."""
    if isinstance(data, Dataset):
        return reading, data
    if isinstance(data, str | Path):
        reading = reading_at(typed(data), reading)
        return reading, reading.open()
    with foreign_bytes():
        return reading, replace(reading.convert(data), source="")


def _experiment_of(
    model: LatentVariableModel, data: Dataset, reading: Reading, given: Mapping[str, Mapping[str, Any]]
) -> Experiment:
    """Return the experiment of a user's own composition, which has no keys of a model."""
    if given["model"]:
        raise ValueError(
            f"{next(iter(given['model']))}= is a key of a description, but model= is your own composition; leave it out"
        )
    experiment = Experiment.model_validate(
        {"data": reading, "objective": {"kind": "elbo", **given["objective"]}, "training": given["training"]}
    )
    if experiment.training.auto_fix:
        raise ValueError("auto_fix needs a description such as ImageVAE(...), whose keys it can change")
    check_composition(model, data)
    return experiment
