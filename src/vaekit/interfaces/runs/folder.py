"""The run folder: its files, written so that a reader sees whole files only."""

from __future__ import annotations

import contextlib
import itertools
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from vaekit import __version__
from vaekit.data import Dataset
from vaekit.data.foreign import folder_path
from vaekit.interfaces.describing.experiment import Experiment
from vaekit.interfaces.runs.begun import Begun
from vaekit.modalities import MODALITIES
from vaekit.trained.files import ModelFolder, read_json, write_json

__all__ = ["RunFolder", "label_counts", "made"]

_PACKAGES = ("torch", "numpy", "lightning-fabric", "pydantic", "safetensors")


class RunFolder:
    """A run on disk.

    begun.json  config.json  environment.json  data.json  split.json  metrics.jsonl  evaluation.json  report.html
    plots/*.png  checkpoints/{best,last,previous}.ckpt  model/{config.json,model.safetensors,schema.json}

    Args:
        path: The folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = path = folder_path(path)
        self.config = path / "config.json"
        """The resolved experiment; written when the folder holds all else that resuming needs."""
        self._begun = path / "begun.json"
        self.metrics = path / "metrics.jsonl"
        """One JSON object per logged step."""
        self.evaluation = path / "evaluation.json"
        """The bounds at the end of training."""
        self.report = path / "report.html"
        """The report, one file."""
        self.attempts = path / "attempts.json"
        """What `auto_fix` tried, once it has ended."""
        self.checkpoints = path / "checkpoints"
        """Training states."""
        self.model = ModelFolder(path / "model")
        """The model alone, for use elsewhere."""

    def refuse_taken(self) -> None:
        """Refuse a folder in which a run was begun, and a file.

        Raises:
            FileExistsError: It is one.
        """
        if self.config.exists() or self.is_prior_fit:
            raise FileExistsError(
                f"{self.path} already holds a run; continue it with: vaekit resume {self.path}, or give another --out"
            )
        if self.path.exists() and not self.path.is_dir():
            raise FileExistsError(f"{self.path} is a file; give a folder as --out")

    def create(self) -> None:
        """Make the folder.

        Raises:
            FileExistsError: The path is a file.
            OSError: The folder cannot be written to.
        """
        for folder in (self.path, self.plots, self.checkpoints, self.model.path):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def begun(self) -> Begun:
        """What was begun here.

        Raises:
            ValueError: The file is damaged.
        """
        try:
            return Begun.model_validate(self.read_json(self._begun.name)) if self._begun.exists() else Begun()
        except ValidationError as error:
            raise ValueError(
                f"{self._begun} is damaged; restore it, or remove it if the run was begun by fit"
            ) from error

    @property
    def is_prior_fit(self) -> bool:
        """Whether it was begun by `fit_prior`."""
        return self.begun.command == "fit-prior"

    def write_begun(self, begun: Begun) -> None:
        """Write what was begun here."""
        self.write_json(self._begun.name, begun.model_dump(mode="json"))

    def forget(self) -> None:
        """Take back that something was begun here: it cannot be done."""
        self._begun.unlink(missing_ok=True)

    def remove_empty(self) -> None:
        """Remove the folders that are empty."""
        for folder in (self.plots, self.checkpoints, self.model.path, self.path):
            with contextlib.suppress(OSError):
                folder.rmdir()

    @property
    def is_concluded(self) -> bool:
        """Whether bounds and report are written; those of a run that was extended may be of an earlier step."""
        return self.evaluation.is_file() and self.report.is_file()

    def write_json(self, name: str, content: Any) -> None:
        """Write a JSON file atomically."""
        write_json(self.path / name, content)

    @property
    def plots(self) -> Path:
        """Pictures.

        Raises:
            ValueError: It is a link: what is written there would lie outside the run.
        """
        path = self.path / "plots"
        if path.is_symlink():
            raise ValueError(f"{path} is a link, and pictures would be written outside the run; remove the link")
        return path

    def read_json(self, name: str) -> Any:
        """Read a JSON file.

        Raises:
            FileNotFoundError: The folder holds no run.
            ValueError: The file is damaged.
        """
        content = read_json(self.path / name, "a run folder")
        if not isinstance(content, dict):
            raise ValueError(f"{self.path / name} is damaged: it must hold names and values")
        return content

    @property
    def fingerprint(self) -> str:
        """What identifies the data of the run and their split.

        Raises:
            FileNotFoundError: The folder holds no run.
            ValueError: The file is damaged.
        """
        found = self.read_json("split.json").get("fingerprint")
        if not isinstance(found, str):
            raise ValueError(f"{self.path / 'split.json'} is damaged: it must hold a fingerprint, which is text")
        return found

    def write_experiment(self, experiment: Experiment) -> None:
        """Write the resolved experiment."""
        self.write_json("config.json", experiment.model_dump(mode="json"))

    def read_experiment(self) -> Experiment:
        """Read the experiment back.

        Raises:
            ValueError: It is of another version of vaekit, or the folder is one of a saved model.
        """
        if (self.path / "model.safetensors").is_file() and not self._begun.exists():
            raise ValueError(
                f"{self.path} holds a saved model, not a run; give the run folder, which `vaekit fit` wrote"
            )
        try:
            return Experiment.model_validate(self._read_config())
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(step) for step in first["loc"] if step not in MODALITIES)  # a kind of data is no key
            raise ValueError(
                f"{self.config} is no experiment of this version of vaekit: {key}: {first['msg']}"
            ) from error

    def _read_config(self) -> Any:
        if self.is_prior_fit and not self.config.exists():
            raise FileNotFoundError(f"{self.path} is not finished; finish it with: vaekit resume {self.path}")
        return self.read_json("config.json")

    def read_evaluation(self) -> dict[str, Any]:
        """Read the bounds at the end of training.

        Raises:
            FileNotFoundError: The run is not finished.
            ValueError: The file is damaged.
        """
        self._read_config()
        if not self.evaluation.is_file():
            raise FileNotFoundError(f"{self.path} is not finished; finish it with: vaekit resume {self.path}")
        content = self.read_json("evaluation.json")
        try:
            bounds = content["bounds"]
            if bounds["elbo"] is None:
                _ = bounds["why"]
            else:
                _ = [bounds[name][key] for name in ("elbo", "iw") for key in ("nats", "se", "bits_per_dim")]
                _ = bounds["iw"]["samples"]
            _ = [content[key] for key in ("n", "rate", "distortion", "active_units")]
        except (KeyError, TypeError) as error:
            raise ValueError(f"{self.evaluation} is damaged; write it again with: vaekit report {self.path}") from error
        return content

    def write_data(self, data: Dataset) -> None:
        """Write the facts about the data, the files that could not be read, and the split."""
        counts = {name: len(data.part(name)) for name in ("train", "validation", "test")}
        self.write_json(
            "data.json",
            {
                "source": data.source,
                "count": len(data),
                "split": counts,
                "schema": data.schema.brief() if data.schema else None,
                "labels": label_counts(data),
                "context": 0 if data.context is None else data.context.shape[1],
                "notes": list(data.notes),
                "quarantine": [{"name": q.name, "reason": q.reason} for q in data.quarantine],
            },
        )
        held = {name: data.part(name).tolist() for name in ("validation", "test")}
        self.write_json("split.json", {"fingerprint": data.fingerprint, "count": len(data), **held})

    def write_environment(self, arithmetic: Mapping[str, Any]) -> None:
        """Write the versions and the machine.

        Args:
            arithmetic: What results depend on in their last digits: threads, precision and device.
        """
        self.write_json(
            "environment.json",
            {
                "python": sys.version.split()[0],
                "platform": platform.platform(),
                **arithmetic,
                "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
                "packages": {"vaekit": __version__, **{name: _version(name) for name in _PACKAGES}},
                "started": datetime.now(UTC).isoformat(timespec="seconds"),
            },
        )


def made(path: Path, *, numbered: bool = False) -> Path:
    """Make a folder that did not exist, and return it: the given one, or the first of `path-2`, `path-3`, ...

    Args:
        path: The folder.
        numbered: Whether the first one has a number too, `path-1`.

    Raises:
        OSError: The folder cannot be made.
    """
    names = (f"{path.name}-{number}" for number in itertools.count(1 if numbered else 2))
    path.parent.mkdir(parents=True, exist_ok=True)
    for name in names if numbered else itertools.chain([path.name], names):
        try:
            (new := path.with_name(name)).mkdir()
        except FileExistsError:  # another process may have made it just now
            continue
        return new
    raise AssertionError


def label_counts(data: Dataset) -> dict[str, int]:
    """Return how many training data each class has."""
    if data.labels is None:
        return {}
    counts = data.labels[data.part("train")].bincount(minlength=len(data.classes)).tolist()
    return dict(zip(data.classes, counts, strict=False))


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
