"""Fit a prior to a trained run, as a run of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

from pydantic import TypeAdapter

from vaekit.heads import AnyPrior, Prior
from vaekit.interfaces.runs.ending import conclude
from vaekit.interfaces.runs.folder import RunFolder, unused
from vaekit.interfaces.runs.refitting import Refitted, refitted
from vaekit.interfaces.runs.run import Run, load

__all__ = ["fit_prior"]


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
    new = refitted(run, prior, run.experiment.training.seed)
    default = run.path.with_name(f"{run.path.name}-{prior.kind}")
    return _write(run, new, Path(out) if out else unused(default))


def _write(run: Run, new: Refitted, path: Path) -> Run:
    choices = tuple(choice for choice in run.experiment.choices if choice.key.split(".")[0] != "prior")
    experiment = run.experiment.replace(model=new.description, choices=choices)
    folder, data = RunFolder(path), run.data
    folder.create()
    folder.write_experiment(experiment)
    folder.write_environment()
    folder.write_data(data)
    if run.folder.metrics.is_file():
        shutil.copyfile(run.folder.metrics, folder.metrics)
    run.with_model(new.description, new.model).save(folder.model.path)
    fitted = Run(folder, experiment, new.model, data.schema, data)
    note = (
        f"prior={new.description.prior.kind} was fitted to the latents of {run.path}, whose posterior, likelihood and curves "
        f"these are: {new.gain}"
    )
    conclude(fitted, notes=[note], step=run.history[-1]["step"] if run.history else 0)
    return fitted
