"""Small runs on scikit-learn's digits, trained once per process, for the doctor to look at."""

import tempfile
from functools import cache
from pathlib import Path

from vaekit import load
from vaekit.data import read_images
from vaekit.diagnosis import Examination
from vaekit.interfaces.experiment import DataSettings
from vaekit.interfaces.fitting import Trainer, plan
from vaekit.interfaces.folder import RunFolder
from vaekit.interfaces.parsing import parse
from vaekit.interfaces.run import Run
from vaekit.interfaces.subject import subject_of

SMALL = ("latent=6", "net.kind=mlp", "net.widths=[64]", "net.residual=false", "steps=400", "batch=64", "lr=0.003")


@cache
def run(*keys: str) -> Run:
    """Return a run of `SMALL` with these keys on top: about 1.5 s."""
    data, settings = read_images("digits"), DataSettings(source="digits")
    folder = RunFolder(Path(tempfile.mkdtemp()) / "run")
    trainer = Trainer(folder, plan(data, settings, parse([*SMALL, *keys]), "fast"), data)
    trainer.begin()
    trainer.run()
    return load(folder.path)


@cache
def examination(*keys: str) -> Examination:
    """Return the examination of such a run."""
    return Examination(subject_of(run(*keys)))
