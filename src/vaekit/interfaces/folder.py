"""The run folder: what lies where, written so that a reader sees whole files only."""

from __future__ import annotations

import json
import math
import platform
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import safetensors.torch
import torch
from pydantic import Field, TypeAdapter, ValidationError
from safetensors import SafetensorError
from torch import nn

from vaekit.data import Dataset, ImageSchema, TableSchema, TextSchema
from vaekit.data.schema import Schema
from vaekit.interfaces.experiment import Experiment
from vaekit.modalities import Model
from vaekit.training.checkpoint import write_atomically

__all__ = ["RunFolder", "plain"]

_PACKAGES = ("vaekit", "torch", "numpy", "lightning-fabric", "pydantic", "safetensors")
_MODEL: TypeAdapter[Model] = TypeAdapter(Model)
_SCHEMA: TypeAdapter[Schema] = TypeAdapter(
    Annotated[ImageSchema | TextSchema | TableSchema, Field(discriminator="kind")]
)


@dataclass(frozen=True)
class RunFolder:
    """A run on disk.

    config.json  environment.json  data.json  split.json  metrics.jsonl  evaluation.json  report.html
    plots/*.png  checkpoints/{best,last,previous}.ckpt  model/{config.json,model.safetensors,schema.json}
    """

    path: Path

    @property
    def config(self) -> Path:
        """The resolved experiment."""
        return self.path / "config.json"

    @property
    def metrics(self) -> Path:
        """One JSON object per logged step."""
        return self.path / "metrics.jsonl"

    @property
    def evaluation(self) -> Path:
        """The bounds at the end of training."""
        return self.path / "evaluation.json"

    @property
    def report(self) -> Path:
        """The report, one file."""
        return self.path / "report.html"

    @property
    def plots(self) -> Path:
        """Pictures."""
        return self.path / "plots"

    @property
    def checkpoints(self) -> Path:
        """Training states."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """The model alone, for use elsewhere."""
        return self.path / "model"

    def create(self) -> None:
        """Make the folder.

        Raises:
            FileExistsError: There is a run already, or a file in its place.
            OSError: It cannot be written to.
        """
        if self.config.exists():
            raise FileExistsError(
                f"{self.path} already holds a run; continue it with: vaekit resume {self.path}, or give another --out"
            )
        if self.path.exists() and not self.path.is_dir():
            raise FileExistsError(f"{self.path} is a file; give a folder as --out")
        for folder in (self.path, self.plots, self.checkpoints, self.model):
            folder.mkdir(parents=True, exist_ok=True)

    def write_json(self, name: str, content: Any) -> None:
        """Write a JSON file atomically."""
        text = json.dumps(plain(content), indent=2, ensure_ascii=False) + "\n"
        write_atomically(self.path / name, text.encode(errors="backslashreplace"))

    def read_json(self, name: str) -> Any:
        """Read a JSON file.

        Raises:
            FileNotFoundError: This is no run folder.
            ValueError: The file is damaged.
        """
        path = self.path / name
        if not path.is_file():
            raise FileNotFoundError(
                f"{self.path} is not a run folder: it has no {name}; give the --out folder of vaekit fit"
            )
        try:
            return json.loads(path.read_bytes())
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path} is damaged: it is no valid JSON ({error})") from error

    def write_experiment(self, experiment: Experiment) -> None:
        """Write the resolved experiment."""
        self.write_json("config.json", experiment.model_dump(mode="json"))

    def read_experiment(self) -> Experiment:
        """Read the experiment back.

        Raises:
            ValueError: It is not one of this version of vaekit.
        """
        try:
            return Experiment.model_validate(self.read_json("config.json"))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(
                str(step) for step in first["loc"] if step not in ("image", "text", "table")
            )  # which kind is no key
            raise ValueError(
                f"{self.config} is no experiment of this version of vaekit: {where}: {first['msg']}"
            ) from error

    def read_evaluation(self) -> dict[str, Any]:
        """Read the bounds at the end of training.

        Raises:
            FileNotFoundError: The run is not finished.
            ValueError: The file is damaged.
        """
        self.read_json("config.json")
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
        """Write what the data are, which files were set aside, and the split."""
        counts = {name: len(data.part(name)) for name in ("train", "validation", "test")}
        self.write_json(
            "data.json",
            {
                "source": data.source,
                "count": len(data),
                "split": counts,
                "schema": data.schema.brief() if data.schema else None,
                "labels": _label_counts(data),
                "context": 0 if data.context is None else data.context.shape[1],
                "notes": list(data.notes),
                "quarantine": [{"name": q.name, "reason": q.reason} for q in data.quarantine],
            },
        )
        held = {name: data.part(name).tolist() for name in ("validation", "test")}
        self.write_json("split.json", {"fingerprint": data.fingerprint, "count": len(data), **held})

    def write_environment(self) -> None:
        """Write the versions and the machine."""
        self.write_json(
            "environment.json",
            {
                "python": sys.version.split()[0],
                "platform": platform.platform(),
                "threads": torch.get_num_threads(),
                "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
                "packages": {name: _version(name) for name in _PACKAGES},
                "started": datetime.now(UTC).isoformat(timespec="seconds"),
            },
        )

    def write_model(self, model: nn.Module, description: Model | None, schema: Schema | None) -> None:
        """Write the model: description, weights, and the schema of its data."""
        self.model.mkdir(exist_ok=True)
        if description is not None:
            self.write_json("model/config.json", description.model_dump(mode="json"))
        if schema is not None:
            self.write_json("model/schema.json", schema.model_dump(mode="json"))
        weights = {name: tensor.contiguous().cpu() for name, tensor in model.state_dict().items()}
        write_atomically(self.model / "model.safetensors", safetensors.torch.save(weights))

    def read_description(self) -> Model | None:
        """Read the description of the model alone; None where none was written.

        Raises:
            ValueError: The file is damaged.
        """
        if not (self.model / "config.json").is_file():
            return None
        try:
            return _MODEL.validate_python(self.read_json("model/config.json"))
        except ValidationError as error:
            raise ValueError(f"{self.model / 'config.json'} is damaged: {error.errors()[0]['msg']}") from error

    def read_weights(self, model: nn.Module) -> None:
        """Load the weights into a model; nothing in the file is run.

        Raises:
            FileNotFoundError: Training has not yet saved a model.
            ValueError: The file is damaged, or belongs to another model.
        """
        path = self.model / "model.safetensors"
        if not path.is_file():
            raise FileNotFoundError(
                f"{self.path} holds no trained model yet; continue it with: vaekit resume {self.path}"
            )
        try:
            model.load_state_dict(safetensors.torch.load(path.read_bytes()))
        except SafetensorError as error:
            raise ValueError(f"{path} is damaged or no safetensors file: {error}") from error
        except RuntimeError as error:
            raise ValueError(
                f"{path} does not fit the model that {self.config} describes: {str(error).splitlines()[-1].strip()}"
            ) from error

    def read_schema(self, *, needed: bool = False) -> Schema | None:
        """Read the schema of the data the model was trained on; None where it was trained on data without one.

        Raises:
            FileNotFoundError: It is needed, and missing.
            ValueError: It is damaged.
        """
        path = self.model / "schema.json"
        if not path.is_file():
            if needed:
                raise FileNotFoundError(
                    f"{path} is missing, which says what the model's data are; restore it, or run fit again"
                )
            return None
        try:
            return _SCHEMA.validate_python(self.read_json("model/schema.json"))
        except ValidationError as error:
            raise ValueError(f"{self.model / 'schema.json'} is damaged: {error.errors()[0]['msg']}") from error


def plain(value: Any) -> Any:
    """Return values that JSON can hold: what is no number becomes null."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _label_counts(data: Dataset) -> dict[str, int]:
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
