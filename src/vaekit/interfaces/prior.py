"""Fit a prior to a trained run, as a run of its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from pydantic import TypeAdapter
from torch import Tensor

from vaekit.data import sequential
from vaekit.heads import AnyPrior, Prior, PseudoInputs
from vaekit.interfaces.ending import conclude
from vaekit.interfaces.folder import RunFolder
from vaekit.interfaces.run import Run, load
from vaekit.modalities import Model
from vaekit.models import VAE, evaluating
from vaekit.training.prior import Encoded, encode
from vaekit.training.second_stage import fit_second_stage

__all__ = ["Refitted", "fit_prior", "refitted"]

_BATCH = 256
_PARTS: tuple[Literal["train", "validation"], ...] = ("train", "validation")
_LOOKED = 1024  # data that pseudo-inputs start from


class Refitted(NamedTuple):
    """A model with another prior, fitted to its latents.

    Args:
        description: Its description.
        model: Its modules, in evaluation mode.
        scores: E log p(z) of held-out latents before and after, in nats.
    """

    description: Model
    model: VAE
    scores: tuple[float, float]


def fit_prior(run: Run | str | Path, kind: str | Prior = "flow", *, out: str | Path | None = None) -> Run:
    r"""Give a trained run another prior, fitted to its latents; return a new run with its bounds and a report.

    Posterior and likelihood stay as they are; the prior maximises :math:`E_{q(z \mid x)} \log p(z)` over the training data,
    and stops by the validation data. Samples get better where the posteriors are far from the prior in sum.

    Args:
        run: The run, or its folder.
        kind: gmm, flow, vamp, diffusion or diagonal, or a prior with keys of its own such as `GMM(components=50)`.
        out: The new run folder; by default beside the run's, with the kind appended.

    Raises:
        ValueError: The run is a free composition, its data are not at hand, or the prior does not suit its latents.
        FileExistsError: There is a run in the new folder already.
    """
    run = run if isinstance(run, Run) else load(run)
    prior = kind if isinstance(kind, Prior) else TypeAdapter(AnyPrior).validate_python({"kind": kind})
    found = refitted(run, prior)
    return _written(run, found, Path(out) if out else _beside(run.path, prior.kind))


def refitted(run: Run, prior: Prior) -> Refitted:
    """Return the model of a run with a prior fitted to its latents; the run stays as it is.

    Args:
        run: A run with a description.
        prior: The prior to fit.

    Raises:
        ValueError: The run is a free composition, its data are not at hand, or the prior does not suit its latents.
    """
    if run.experiment.model is None:
        raise ValueError("fit_prior needs a run of a description such as ImageVAE(...), but this is a free composition")
    description, seed = run.experiment.model.replace(prior=prior), run.experiment.training.seed
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        model = description.build()
        _copy_weights(run.model, model)
        with evaluating(model, seed):
            train, held_out = (_encoded(run, model, run.data.drawn(name)) for name in _PARTS)
            _start(run, model)
        scores = fit_second_stage(run.model, model.prior, train, held_out, seed)
    model.requires_grad_(True)
    return Refitted(description, model, scores)


def _copy_weights(source: VAE, target: VAE) -> None:
    for name in ("posterior", "likelihood"):
        part = getattr(target, name)
        part.load_state_dict(getattr(source, name).state_dict())
        part.requires_grad_(False)
    target.eval()


def _encoded(run: Run, model: VAE, rows: Tensor) -> Encoded:
    return encode(model, sequential(run.data.stored, rows, _BATCH), run.view.prepare)


def _start(run: Run, model: VAE) -> None:
    """Let pseudo-inputs begin at data."""
    if isinstance(model.prior, PseudoInputs):
        rows = run.data.drawn("train", _LOOKED)
        model.prior.initialize(run.view.prepare(run.data.values[rows]))


def _written(run: Run, found: Refitted, path: Path) -> Run:
    choices = tuple(choice for choice in run.experiment.choices if choice.key.split(".")[0] != "prior")
    experiment = run.experiment.replace(model=found.description, choices=choices)
    folder, data = RunFolder(path), run.data
    folder.create()
    folder.write_experiment(experiment)
    folder.write_environment()
    folder.write_data(data)
    if run.folder.metrics.is_file():
        shutil.copyfile(run.folder.metrics, folder.metrics)
    folder.write_model(found.model, found.description, data.schema)
    fitted = Run(folder, experiment, found.model, data)
    note = (
        f"prior={found.description.prior.kind} was fitted to the latents of {run.path}, whose posterior, likelihood and curves "
        f"these are: E log p(z) of held-out latents rose from {found.scores[0]:.2f} to {found.scores[1]:.2f} nats"
    )
    conclude(fitted, notes=[note], step=run.history[-1]["step"] if run.history else 0)
    return fitted


def _beside(path: Path, kind: str) -> Path:
    first = path.with_name(f"{path.name}-{kind}")
    return next(new for i in range(1, 10**6) if not (new := first if i == 1 else Path(f"{first}-{i}")).exists())
