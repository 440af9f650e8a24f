"""A trained model on disk: `config.json`, `model.safetensors` and `schema.json`, which hold no code."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from torch import Tensor

from vaekit.data.schema import Schema
from vaekit.errors import foreign_bytes
from vaekit.modalities import AnyDescription, AnyReading, AnySchema, Description, Reading
from vaekit.models import LatentVariableModel
from vaekit.trained.conditions import Conditions
from vaekit.training.checkpoint import write_atomically

__all__ = ["FORMAT", "ModelFolder", "Saved", "plain", "read_json", "write_json"]

FORMAT = 2
"""The version of the files: `config.json` of version 1 holds only the description of the model."""

_DESCRIPTION: TypeAdapter[Description] = TypeAdapter(AnyDescription)
_READING: TypeAdapter[Reading] = TypeAdapter(AnyReading)
_SCHEMA: TypeAdapter[Schema] = TypeAdapter(AnySchema)
V = TypeVar("V")
_CHECKSUM = "sha256"


@dataclass(frozen=True)
class Saved:
    """Everything about a model apart from its weights.

    Args:
        description: The description that it is built from; None for a user's own composition.
        schema: The schema of its data.
        reading: How its data are opened.
        conditions: What the model is conditioned on.
    """

    description: Description | None
    schema: Schema | None
    reading: Reading
    conditions: Conditions


@dataclass(frozen=True)
class ModelFolder:
    """The folder of a trained model.

    Args:
        path: The folder.
    """

    path: Path

    @property
    def has_weights(self) -> bool:
        """Whether it holds a trained model: the weights are written last."""
        return (self.path / "model.safetensors").is_file()

    def write(self, model: LatentVariableModel, saved: Saved) -> Path:
        """Write the model; return the folder."""
        self.path.mkdir(parents=True, exist_ok=True)
        reading = saved.reading.replace(source="", typed="")  # a path means nothing on another machine
        content = {
            "format": FORMAT,
            "model": None if saved.description is None else saved.description.model_dump(mode="json"),
            "reading": reading.model_dump(mode="json"),
            "conditions": {"size": saved.conditions.size, "counts": list(saved.conditions.counts)},
        }
        write_json(self.path / "config.json", content)
        write_json(self.path / "schema.json", None if saved.schema is None else saved.schema.model_dump(mode="json"))
        write_atomically(self.path / "model.safetensors", _packed(model.state_dict()))
        return self.path

    def read(self) -> Saved:
        """Read everything about the model apart from its weights.

        Raises:
            FileNotFoundError: This is no folder of a trained model.
            ValueError: A file is damaged.
        """
        if not self.has_weights and not (self.path / "config.json").is_file():
            raise FileNotFoundError(f"{self.path} is no folder of a trained model: it has no model.safetensors")
        content = self._read("config.json") if (self.path / "config.json").is_file() else {}
        if isinstance(content, dict) and "format" not in content:  # version 1, without a file for a composition
            content = {"model": content or None}
        if not isinstance(content, dict) or content.get("format", FORMAT) != FORMAT:
            raise ValueError(f"{self.path / 'config.json'} is of another version of vaekit; use that version")
        description = self._valid(_DESCRIPTION, "config.json", content.get("model"))
        schema = self._valid(_SCHEMA, "schema.json", self._read_schema(description is None))
        kind = "tensor" if description is None else description.kind
        reading = self._valid(_READING, "config.json", content.get("reading") or {"kind": kind})
        assert reading is not None
        with foreign_bytes(self.path / "config.json"):
            about = content.get("conditions") or {}
            conditions = Conditions.of(description, schema, about.get("counts", ()), int(about.get("size", 0)))
        return Saved(description, schema, reading, conditions)

    def weighted(self, description: Description | None, model: LatentVariableModel | None) -> LatentVariableModel:
        """Return the modules with their weights.

        Args:
            description: The description that they are built from.
            model: The modules of a free composition.

        Raises:
            FileNotFoundError: The folder holds no weights.
            ValueError: The file is damaged or belongs to another model, or a free composition needs `model`.
        """
        if model is None:
            if description is None:
                raise ValueError(
                    f"{self.path} holds a user's own composition; load it with load({str(self.path)!r}, model=VAE(...))"
                )
            model = description.build()
        path = self.path / "model.safetensors"
        if not path.is_file():
            raise FileNotFoundError(f"{self.path} holds no trained model: it has no {path.name}")
        try:
            weights = _unpacked(path.read_bytes())
            model.load_state_dict(weights)
        except SafetensorError as error:
            raise ValueError(f"{path} is damaged or no safetensors file: {error}; {self._way_back()}") from error
        except RuntimeError as error:
            raise ValueError(
                f"{path} does not fit the model that its config.json describes: {str(error).splitlines()[-1].strip()}"
            ) from error
        bad = next((name for name, tensor in weights.items() if not bool(torch.isfinite(tensor).all())), None)
        if bad is not None:
            raise ValueError(f"{path} holds NaN or infinity in {bad}; {self._way_back()}")
        return model

    def is_whole(self) -> bool:
        """Return whether the weights are there as they were written, and finite."""
        try:
            weights = _unpacked((self.path / "model.safetensors").read_bytes())
        except (OSError, SafetensorError, ValueError):
            return False
        return all(bool(torch.isfinite(tensor).all()) for tensor in weights.values())

    def _way_back(self) -> str:
        run = self.path.parent
        if any((run / "checkpoints").glob("*.ckpt")):
            return f"write it again from the last checkpoint: vaekit resume {run}"
        return "restore the file, or train again"

    def _read_schema(self, is_optional: bool) -> Any:
        """Return the content of the schema's file; None if it is optional and missing.

        Raises:
            FileNotFoundError: It is needed, and missing.
        """
        path = self.path / "schema.json"
        if path.is_file():
            return self._read(path.name)
        if is_optional:
            return None
        raise FileNotFoundError(
            f"{path} is missing, which says what the model's data are; restore it, or run fit again"
        )

    def _read(self, name: str) -> Any:
        return read_json(self.path / name, "the folder of a trained model")

    def _valid(self, adapter: TypeAdapter[V], name: str, content: Any) -> V | None:
        try:
            return None if content is None else adapter.validate_python(content)
        except (ValidationError, TypeError, AttributeError) as error:
            reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise ValueError(f"{self.path / name} is damaged: {reason}") from error


def _packed(weights: Mapping[str, Tensor]) -> bytes:
    """Return weights as the content of a safetensors file, with a checksum of the numbers among its metadata.

    The checksum lies in the same file, which is written at once: a writer that is killed leaves no two that disagree.
    """
    tensors = {name: tensor.contiguous().cpu() for name, tensor in weights.items()}
    digest = hashlib.sha256(_numbers(safetensors.torch.save(tensors))).hexdigest()
    return safetensors.torch.save(tensors, metadata={_CHECKSUM: digest})


def _unpacked(content: bytes) -> dict[str, Tensor]:
    """Return the weights in a safetensors file.

    Raises:
        SafetensorError: It is none, or its checksum does not match; a file without a checksum is taken as it is.
    """
    weights = safetensors.torch.load(content)
    stored = json.loads(content[8 : len(content) - len(_numbers(content))]).get("__metadata__", {}).get(_CHECKSUM)
    if stored not in (None, hashlib.sha256(_numbers(content)).hexdigest()):
        raise SafetensorError("its checksum does not match")
    return weights


def _numbers(content: bytes) -> memoryview:
    """Return what follows the header of a safetensors file, whose length its first 8 bytes tell."""
    return memoryview(content)[8 + int.from_bytes(content[:8], "little") :]


def read_json(path: Path, owner: str) -> Any:
    """Read a JSON file.

    Raises:
        FileNotFoundError: The file does not exist, so its folder is not `owner`.
        ValueError: The file is damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path.parent} is not {owner}: it has no {path.name}; give the --out folder of vaekit fit"
        )
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: it is no valid JSON ({error})") from error


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file atomically."""
    text = json.dumps(plain(content), indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, text.encode(errors="backslashreplace"))


def plain(value: Any) -> Any:
    """Return values that JSON can hold: NaN and infinity become null."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
