"""An experiment: the resolved description of a run, with every automatic choice and its reason."""

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
    """All that defines a run. Its JSON reads back as an equal value and reproduces the run."""

    format: Literal[2] = 2
    data: AnyReading
    """How the data are opened; its `kind` is that of the data."""
    model: AnyDescription | None = None
    """The description of the model; null for a user's own composition of modules."""
    objective: AnyObjective = ELBO()
    """What is optimised; left open, it follows the posterior."""
    training: Training = Training()
    """How it is optimised."""
    preset: Preset = "balanced"
    """How much the automatic choices spend."""
    choices: tuple[Choice, ...] = ()
    """What was chosen automatically, and why."""

    @property
    def measure(self) -> Measure | None:
        """What the bounds are logarithms of: probabilities or densities; None where no description says it."""
        return None if self.model is None else self.model.measure

    @model_validator(mode="before")
    @classmethod
    def _from_format_1(cls, content: Any) -> Any:
        """Read format 1, whose data had the keys of all kinds and no kind of their own."""
        if not isinstance(content, dict) or content.get("format", 2) != 1:
            return content
        model = content.get("model")
        kind = model.get("kind", "image") if isinstance(model, dict) else "tensor"
        fields = modality_named(kind).reading.model_fields
        data = {name: value for name, value in content.get("data", {}).items() if name in fields}
        return {**content, "format": 2, "data": {**data, "kind": kind}}
