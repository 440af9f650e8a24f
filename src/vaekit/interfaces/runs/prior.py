"""Fit a prior to a trained run, as a run of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

from pydantic import TypeAdapter

from vaekit.heads import AnyPrior, Prior
from vaekit.interfaces.runs.ending import conclude
from vaekit.interfaces.runs.folder import RunFolder
from vaekit.interfaces.runs.refitting import Refitted, refitted
from vaekit.interfaces.runs.run import Run, load

__all__ = ["fit_prior"]


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
    found = refitted(run, prior, run.experiment.training.seed)
    return _written(run, found, Path(out) if out else _default_folder(run.path, prior.kind))


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
    run.with_model(found.description, found.model).save(folder.model.path)
    fitted = Run(folder, experiment, found.model, data.schema, data)
    note = (
        f"prior={found.description.prior.kind} was fitted to the latents of {run.path}, whose posterior, likelihood and curves "
        f"these are: E log p(z) of held-out latents rose from {found.scores[0]:.2f} to {found.scores[1]:.2f} nats"
    )
    conclude(fitted, notes=[note], step=run.history[-1]["step"] if run.history else 0)
    return fitted


def _default_folder(path: Path, kind: str) -> Path:
    first = path.with_name(f"{path.name}-{kind}")
    return next(new for i in range(1, 10**6) if not (new := first if i == 1 else Path(f"{first}-{i}")).exists())
