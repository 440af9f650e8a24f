"""Small runs on scikit-learn's digits, trained once per process, for the doctor to look at."""

import atexit
import dataclasses
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pytest
import torch

from vaekit import load
from vaekit.diagnosis import Examination, Subject
from vaekit.interfaces.describing.parsing import parse
from vaekit.interfaces.describing.planning import plan
from vaekit.interfaces.runs import recording
from vaekit.interfaces.runs.folder import RunFolder
from vaekit.interfaces.runs.run import Run
from vaekit.interfaces.runs.subject import Patient
from vaekit.interfaces.runs.trainer import Trainer
from vaekit.modalities import ImageVAE, modality_named
from vaekit.models import evaluating
from vaekit.objectives import ELBO, RAE, VQELBO

SMALL = (
    *("latent=6", "net.kind=mlp", "net.widths=[64]", "net.residual=false"),
    *("steps=300", "batch=64", "lr=0.003", "precision=fp32"),
)
_FOLDER = tempfile.mkdtemp()
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)


def run(*keys: str) -> Run:
    """Return a run of `SMALL` with these keys on top, in any order: about a second, without bounds and report."""
    return _run(_sorted(keys))


def examination(*keys: str) -> Examination:
    """Return the examination of such a run."""
    return _examination(_sorted(keys))


def _sorted(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return keys in one order, a part before what is inside it; of those given twice, the last."""
    named = {key.partition("=")[0]: key for key in keys}
    return tuple(named[name] for name in sorted(named))


@cache
def _run(keys: tuple[str, ...]) -> Run:
    reading = modality_named("image").opened({"source": "digits"})
    data = reading.open()
    folder = RunFolder(Path(tempfile.mkdtemp(dir=_FOLDER)) / "run")
    found = recording.Recording(
        folder, Trainer(plan(data, reading, parse([*SMALL, *keys], modality="image"), "fast"), data)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "conclude", lambda *_: None)  # half of the time
        found.begin()
        found.run()
    return load(folder.path)


@cache
def _examination(keys: tuple[str, ...]) -> Examination:
    return Examination(subject_of(_run(keys)))


def subject_of(run: Run, source=None) -> Subject:
    """Return a run as the doctor sees it."""
    return Patient(run, run.experiment, run.history, run.first_prior).subject(source)


@cache
def untrained(posterior: str) -> Subject:
    """Return a model of the same data with this posterior and what goes with it, as it is before training."""
    subject = examination().subject
    like = subject.description
    assert like is not None
    kept = {name: getattr(like, name) for name in ("shape", "levels", "value_range", "latent", "net", "likelihood")}
    description = ImageVAE.model_validate({**kept, "posterior": {"kind": posterior}})
    objective = {"delta": RAE(), "vq": VQELBO()}.get(posterior, ELBO())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = description.build().eval()
    view = description.view()
    given = subject.given(subject.test, 256)
    with evaluating(model):
        model.initialize(*given)
    changes = {"description": description, "view": view, "objective": objective, "history": ()}
    return dataclasses.replace(subject, model=model, **changes)
