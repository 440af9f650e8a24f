"""Small runs on a made table of mixed columns with missing cells, trained once per process, for the doctor to look at."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from diagnosis.subjects import subject_of
from vaekit import load
from vaekit.data import Dataset, read_table
from vaekit.diagnosis import Examination
from vaekit.interfaces.describing.parsing import Sections, parse
from vaekit.interfaces.describing.planning import plan
from vaekit.interfaces.runs import recording
from vaekit.interfaces.runs.folder import RunFolder
from vaekit.interfaces.runs.run import Run
from vaekit.interfaces.runs.trainer import Trainer
from vaekit.modalities import Reading, modality_named

SMALL = ("latent=6", "net.widths=[48,48]", "steps=200", "batch=64", "lr=0.002", "precision=fp32", "threads=1")
_FOLDER = tempfile.mkdtemp()
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)


def _cells(rows: int = 640, seed: int = 0) -> dict[str, list[str]]:
    """Return columns as they would stand in a file: classes, whole and other numbers, spikes, counts, missing cells."""
    rng = np.random.default_rng(seed)
    city = rng.choice(6, rows, p=[0.3, 0.25, 0.2, 0.15, 0.06, 0.04])
    income = np.exp(rng.normal(8 + 0.3 * city, 0.5)).round(2)
    gain = np.where(rng.random(rows) < 0.8, 0.0, np.exp(rng.normal(6, 1, rows)).round(2))
    missing = rng.random(rows) < 0.15
    return {
        "city": [f"c{i}" for i in city],
        "income": ["" if gone else f"{value}" for value, gone in zip(income, missing, strict=True)],
        "gain": [f"{value}" for value in gain],
        "owner": list(np.where(rng.random(rows) < 0.1 + 0.15 * city, "yes", "no")),
        "noise": [f"{value:.5f}" for value in rng.normal(size=rows)],
    }


@cache
def source() -> Path:
    """Return the file."""
    columns, path = _cells(), Path(_FOLDER) / "people.csv"
    lines = [",".join(columns), *(",".join(row) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return path


@cache
def settings() -> Reading:
    """Return what the file is read by."""
    return modality_named("table").opened({"source": str(source())})


@cache
def data() -> Dataset:
    """Return the table."""
    return read_table(source(), model_missing=True)


def typed(*keys: str) -> Sections:
    """Return the keys of such a run by section."""
    return parse([*SMALL, *keys], modality="table")


@cache
def run(*keys: str) -> Run:
    """Return a run of `SMALL` with these keys on top: a second or two, without bounds and report."""
    folder = RunFolder(Path(tempfile.mkdtemp(dir=_FOLDER)) / "run")
    found = recording.Recording(folder, Trainer(plan(data(), settings(), typed(*keys), "fast"), data()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "conclude", lambda *_: None)
        found.begin()
        found.run()
    return load(folder.path)


@cache
def examination(*keys: str) -> Examination:
    """Return the examination of such a run."""
    return Examination(subject_of(run(*keys)))
