"""Train: from data to a run folder with a model, its bounds and a report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from vaekit.data import Dataset, images_from_arrays, is_frame, split_by_content, table_to_dataset, texts_to_dataset
from vaekit.data.arrays import context_from_array
from vaekit.interfaces.data_settings import DataSettings
from vaekit.interfaces.experiment import Experiment, resolve
from vaekit.interfaces.folder import RunFolder
from vaekit.interfaces.run import Run, Source
from vaekit.interfaces.trainer import Listener, Trainer
from vaekit.modalities import Model, Plain, Preset
from vaekit.models import VAE
from vaekit.objectives import ELBO, Objective
from vaekit.training import Training
from vaekit.training.fabric import device_named

__all__ = ["Trainer", "fit", "free_folder", "plan", "resume", "resumed"]


def fit(
    data: Source,
    *,
    model: Model | VAE | None = None,
    objective: Objective | None = None,
    training: Training | None = None,
    out: str | Path | None = None,
    preset: Preset = "balanced",
    listener: Listener | None = None,
    context: Any = None,
) -> Run:
    """Train a model on data and return the run.

    Args:
        data: A folder, a file or a name; an opened data set; arrays, tensors or a torch data set of images; a
            list of texts; a frame of pyarrow, pandas or polars. With a free
            composition of modules: a tensor `(N, *event)` in the support of its likelihood.
        model: A description, a composition `VAE(prior, posterior, likelihood)`, or None to choose one automatically.
        objective: The objective; the ELBO by default.
        training: How to train.
        out: The run folder; by default `runs/<name>-<number>`.
        preset: How much an automatic choice spends: fast, balanced or best.
        listener: Called after every step.
        context: What each datum is conditioned on, numbers of shape `(N, C)`, for `ImageVAE(condition="context")` or a
            composition whose parts take a context.

    Raises:
        ValueError: The data or the settings do not fit; the message says what to do.
        TrainingDiverged: Values stayed non-finite after three rollbacks.
    """
    typed = _text(data) if isinstance(data, str | Path) else ""
    settings = DataSettings(**DataSettings.located(typed))
    opened = _opened(data, settings, free=isinstance(model, VAE))
    if context is not None:
        opened = replace(opened, context=context_from_array(context, len(opened)))
    given = {"objective": objective.model_dump() if objective else {}}
    given["training"] = training.model_dump(exclude_unset=True) if training else {}
    if isinstance(model, VAE):
        if training is not None and training.auto_fix:
            raise ValueError("auto_fix needs a description such as ImageVAE(...), whose keys it can change")
        Plain(model).check(opened)
        experiment = Experiment(data=settings, objective=objective or ELBO(), training=training or Training())
    else:
        experiment = plan(opened, settings, given, preset, model)
    folder = RunFolder(Path(out)) if out else free_folder(typed or "run")
    trainer = Trainer(folder, experiment, opened, model=model if isinstance(model, VAE) else None)
    trainer.begin()
    return _best(trainer, listener)


def plan(
    data: Dataset,
    settings: DataSettings,
    given: dict[str, dict[str, Any]],
    preset: Preset,
    model: Model | None = None,
) -> Experiment:
    """Return the resolved experiment for opened data; see `vaekit.interfaces.experiment.resolve`.

    Raises:
        ValueError: The data are outside the likelihood's support, or no images where a description is to be chosen.
    """
    if data.schema is None:
        raise ValueError(
            "only images, texts and tables get a model by themselves; give these, or model=VAE(prior, posterior, likelihood)"
        )
    device = given.get("training", {}).get("device", "auto")
    gpu = device in ("cuda", "mps") or (device == "auto" and torch.cuda.is_available())
    experiment = resolve(data, settings, given, preset, gpu=gpu, model=model)
    device_named(experiment.training.device)  # refused before anything is built for it
    assert experiment.model is not None
    experiment.model.check(data)
    return experiment


def resume(
    path: str | Path,
    *,
    seconds_more: float | None = None,
    data: Source | None = None,
    model: VAE | None = None,
    listener: Listener | None = None,
) -> Run:
    """Continue a run that was stopped, bit for bit as if it had not been; or extend a finished one.

    Args:
        path: The run folder.
        seconds_more: Seconds to extend a run by.
        data: The data, where they came as arrays.
        model: The modules of a free composition.
        listener: Called after every step.

    Raises:
        ValueError: The run is finished and no more time is given, or its data have changed.
    """
    trainer = resumed(path, seconds_more=seconds_more, data=data, model=model)
    return _best(trainer, listener) if seconds_more is None else trainer.run(listener)


def resumed(
    path: str | Path, *, seconds_more: float | None = None, data: Source | None = None, model: VAE | None = None
) -> Trainer:
    """Return the trainer of a run, at its newest valid checkpoint; see `resume`."""
    folder = RunFolder(Path(path))
    experiment = folder.read_experiment()
    source = experiment.data.source if data is None else data
    if isinstance(source, str) and not source:
        raise ValueError(f"the data of {path} came as arrays and are not kept; give vaekit.resume(..., data=...)")
    opened = _opened(source, experiment.data, free=experiment.model is None)
    trainer = Trainer(folder, experiment, opened, model=model)
    trainer.restore(seconds_more)
    return trainer


def _best(trainer: Trainer, listener: Listener | None) -> Run:
    """Train; where that is asked for, train again with what the doctor prescribes, and return the best run."""
    began = trainer.began - trainer.state.position.seconds
    run = trainer.run(listener)
    if not trainer.training.auto_fix:
        return run
    from vaekit.interfaces.auto_fix import auto_fix  # which plans runs itself

    return auto_fix(run, trainer.opened, lambda again: again.run(listener), began=began).best.run


def _opened(source: Source, settings: DataSettings, *, free: bool) -> Dataset:
    if isinstance(source, Dataset):
        return source
    if isinstance(source, str | Path):
        return settings.open(_text(source))
    if free and not hasattr(source, "__getitem__"):
        raise ValueError(f"a free composition needs a tensor (N, *event), got {type(source).__name__}")
    if free:
        values = torch.as_tensor(source)
        return Dataset(values, None, split_by_content(values), source="")
    if is_frame(source):
        return replace(table_to_dataset(source), source="")
    if isinstance(source, list | tuple) and source and all(isinstance(text, str) for text in source):
        return replace(texts_to_dataset(source), source="")
    return replace(images_from_arrays(source), source="")


def _text(source: str | Path) -> str:
    """Return what is typed for a source: a `Path` is always a path, a text may be the name of a data set."""
    return str(source) if isinstance(source, str) or source.is_absolute() else f"./{source}"


def free_folder(source: str) -> RunFolder:
    """Return the first `runs/<name>-<number>` that is not taken."""
    name = Path(source).stem or "run"
    return RunFolder(next(path for i in range(1, 10**6) if not (path := Path("runs") / f"{name}-{i}").exists()))
