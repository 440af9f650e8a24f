"""Fit a prior to a trained run, as a run of its own."""

from __future__ import annotations

from pathlib import Path

import torch
from pydantic import TypeAdapter

from vaekit.data import Dataset
from vaekit.heads import AnyPrior, Prior
from vaekit.interfaces.describing.parsing import one_sentence
from vaekit.interfaces.runs.begun import Begun
from vaekit.interfaces.runs.ending import conclude
from vaekit.interfaces.runs.folder import RunFolder, made
from vaekit.interfaces.runs.lock import Lock
from vaekit.interfaces.runs.refitting import refitted
from vaekit.interfaces.runs.run import Run, load
from vaekit.interfaces.runs.signals import Interruption
from vaekit.training.checkpoint import write_atomically

__all__ = ["finish_prior", "fit_prior"]


@one_sentence()
def fit_prior(run: Run | str | Path, kind: str | Prior = "flow", *, out: str | Path | None = None) -> Run:
    r"""Give a trained run another prior, fitted to its latents; return a new run with its bounds and a report.

    Posterior and likelihood do not change. The prior maximises :math:`E_{q(z \mid x)} \log p(z)` over the training data, until
    the validation data improve no more. Samples get better if the mixture of all posteriors is far from the first prior.

    Args:
        run: The run, or its folder.
        kind: gmm, flow, vamp, diffusion or diagonal, or a prior with keys of its own such as `GMM(components=50)`.
        out: The new run folder; by default that of the run with the kind appended.

    Raises:
        ValueError: The run is a free composition, its data are not at hand, or the prior does not suit its latents.
        FileExistsError: The new folder holds a run already.
    """
    run = run if isinstance(run, Run) else load(run)
    prior = kind if isinstance(kind, Prior) else TypeAdapter(AnyPrior).validate_python({"kind": kind})
    if out is not None:
        RunFolder(out).refuse_taken()
    folder = RunFolder(out if out is not None else made(run.path.with_name(f"{run.path.name}-{prior.kind}")))
    folder.create()
    try:
        with Lock(folder.path), _stoppable(folder.path):
            folder.refuse_taken()  # another process may have written here until it let us in
            folder.write_begun(Begun(command="fit-prior", run=str(run.path.absolute()), prior=prior))
            try:
                return _finished(folder, run)
            except ValueError:
                folder.forget()
                raise
    finally:
        folder.remove_empty()


def finish_prior(path: Path, data: Dataset | None = None) -> Run:
    """Finish what a call of `fit_prior` began in a folder; what it has fitted stays.

    Args:
        path: The folder.
        data: The data, if they came from memory or have moved.

    Raises:
        ValueError: Nothing is left to be done, or another process writes into the folder.
        FileNotFoundError: The run whose prior was to be fitted is gone.
    """
    folder = RunFolder(path)
    with Lock(path), _stoppable(path):
        if folder.is_concluded:
            raise ValueError(
                f"{path} is finished and has no checkpoint to go on from; extend the run that it came from"
            )
        origin = path if folder.config.exists() else Path(folder.begun.run)
        run = load(origin)
        return _finished(folder, run if data is None else load(origin, data=run.view.settle(data)))


def _finished(folder: RunFolder, run: Run) -> Run:
    """Fit, unless the folder holds a fitted prior already; then write bounds and report."""
    if not folder.config.exists():
        _fit(folder, run)
    fitted = load(folder.path, data=run.data)
    conclude(fitted, notes=list(folder.begun.notes), step=fitted.history[-1]["step"] if fitted.history else 0)
    return fitted


def _fit(folder: RunFolder, run: Run) -> None:
    prior = folder.begun.prior
    assert prior is not None
    new = refitted(run, prior, run.experiment.training.seed)
    note = (
        f"prior={new.description.prior.kind} was fitted to the latents of {run.path}, whose posterior, likelihood and curves "
        f"these are: {new.gain}"
    )
    folder.write_begun(folder.begun.replace(notes=(note,)))
    folder.write_environment({"threads": torch.get_num_threads()})
    folder.write_data(run.data)
    if run.folder.metrics.is_file():
        write_atomically(folder.metrics, run.folder.metrics.read_bytes())
    run.with_model(new.description, new.model).save(folder.model.path)
    choices = tuple(choice for choice in run.experiment.choices if choice.key.split(".")[0] != "prior")
    folder.write_experiment(run.experiment.replace(model=new.description, choices=choices))


def _stoppable(path: Path) -> Interruption:
    return Interruption(f"stopped; finish it with: vaekit resume {path}")
