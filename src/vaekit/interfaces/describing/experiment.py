"""An experiment: the complete settings of a run, with every automatic choice and its reason."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from vaekit.heads.family import Measure
from vaekit.modalities import AnyDescription, AnyReading, Choice, Preset, modality_named
from vaekit.objectives import ELBO, AnyObjective
from vaekit.training import Training
from vaekit.value import Value

__all__ = ["Experiment"]


class Experiment(Value):
    """All settings of a run. Its JSON file can be read back as an equal value, and reproduces the run."""

    format: Literal[2] = 2
    data: AnyReading
    """How the data are opened; `kind` is the kind of the data."""
    model: AnyDescription | None = None
    """The description of the model; null for a user's own composition of modules."""
    objective: AnyObjective = ELBO()
    """The loss of training; by default the one that suits the posterior."""
    training: Training = Training()
    """The settings of training."""
    preset: Preset = "balanced"
    """How much time the automatic choices spend."""
    choices: tuple[Choice, ...] = ()
    """The automatic choices, with their reasons."""

    @property
    def measure(self) -> Measure | None:
        """Whether the bounds are logarithms of probabilities or of densities; None without a description."""
        return None if self.model is None else self.model.measure

    @model_validator(mode="before")
    @classmethod
    def _from_format_1(cls, content: Any) -> Any:
        """Read format 1, in which `data` has the keys of all kinds of data, and no `kind`."""
        if not isinstance(content, dict) or content.get("format", 2) != 1:
            return content
        model = content.get("model")
        kind = model.get("kind", "image") if isinstance(model, dict) else "tensor"
        fields = modality_named(kind).reading.model_fields
        data = {name: value for name, value in content.get("data", {}).items() if name in fields}
        return {**content, "format": 2, "data": {**data, "kind": kind}}
