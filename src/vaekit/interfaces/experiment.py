"""An experiment: the resolved description of a run, with every automatic choice and its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from vaekit.data import Dataset, ImageSchema, TableSchema, TextSchema
from vaekit.data.schema import Schema
from vaekit.heads.family import Measure
from vaekit.interfaces.data_settings import DataSettings
from vaekit.interfaces.defaults import following, lengths, natural_objective, optimization, settled
from vaekit.modalities import (
    Choice,
    Model,
    Pace,
    Preset,
    choose_image_model,
    choose_table_model,
    choose_text_model,
    with_goal,
    with_recipe,
)
from vaekit.objectives import ELBO, AnyObjective
from vaekit.training import Training
from vaekit.value import Value

__all__ = ["Experiment", "kind_of", "resolve"]


class Experiment(Value):
    """All that defines a run. Its JSON reads back as an equal value and reproduces the run."""

    format: Literal[1] = 1
    data: DataSettings = DataSettings()
    model: Model | None = None
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


def resolve(
    data: Dataset,
    settings: DataSettings,
    given: Mapping[str, Mapping[str, Any]],
    preset: Preset,
    *,
    gpu: bool = False,
    model: Model | None = None,
) -> Experiment:
    """Complete a description: the user's keys stand, every other one is chosen with its reason.

    Args:
        data: The data, opened.
        settings: How they were opened.
        given: The user's keys by section: `model`, `objective`, `training`.
        preset: How much to spend.
        gpu: Whether training runs on one.
        model: The description of the model, where it is given as a whole.

    Raises:
        pydantic.ValidationError: A key is unknown or out of range.
        ValueError: The model is to be conditional, and the data lack what on.
    """
    count, kind = len(data.part("train")), kind_of(data.schema)
    wanted = dict(given.get("training", {}))
    goal = str(given.get("model", {}).get("goal", ""))
    why = [choice for choice in lengths(count, preset, kind, goal) if not settled(choice.key, wanted)]
    wanted = {**{choice.key: choice.value for choice in why}, **wanted}
    training = Training.model_validate(wanted)
    objective, keys = dict(given.get("objective", {})), dict(given.get("model", {}))
    if model is None and kind != "image":
        typed = {**given, "training": wanted}
        sections, choice = with_goal(typed) if kind == "table" else with_recipe(typed, _pace(training, count))
        keys, objective, wanted = (sections[name] for name in ("model", "objective", "training"))
        why = [*([] if choice is None else [choice]), *why]
    if model is None:
        keys |= _context(data, keys)
        model, choices = _chosen(data, keys, preset, training.batch, gpu)
        parts = following(model, keys, count, preset, objective)
        model = model.replace(prior={"kind": parts[-1].value}) if "prior" not in keys else model
        why = [*choices, *parts, *([] if "kind" in objective else [natural_objective(model)]), *why]
    for choice in optimization(model, training.batch):
        # The decay is meant for adamw: under adam it would be another penalty.
        if choice.key not in wanted and (choice.key != "weight_decay" or wanted["optimizer"] == "adamw"):
            why.append(choice)
            wanted[choice.key] = choice.value
    # Validated from plain data, so that a wrong key is reported by its path.
    return Experiment.model_validate(
        {
            "data": settings,
            "model": model,
            "objective": {"kind": natural_objective(model).value, **objective},
            "training": wanted,
            "preset": preset,
            "choices": why,
        }
    )


def _chosen(
    data: Dataset, keys: Mapping[str, Any], preset: Preset, batch: int, gpu: bool
) -> tuple[Model, tuple[Choice, ...]]:
    """Return the model that suits the kind of data, and why."""
    if isinstance(data.schema, TextSchema):
        return choose_text_model(data.schema, keys, preset=preset)
    if isinstance(data.schema, TableSchema):
        return choose_table_model(data.schema, keys, count=len(data.part("train")), preset=preset)
    assert isinstance(data.schema, ImageSchema)
    return choose_image_model(data.schema, keys, preset=preset, batch=batch, gpu=gpu)


def kind_of(schema: Schema | None) -> str:
    """Return the kind of data: image, text or table."""
    return "text" if isinstance(schema, TextSchema) else "table" if isinstance(schema, TableSchema) else "image"


def _pace(training: Training, count: int) -> Pace:
    per_epoch = max(1, count // training.batch)
    steps = None if training.time_limit and not training.steps else training.steps or training.epochs * per_epoch
    return Pace(per_epoch, steps)


def _context(data: Dataset, wanted: Mapping[str, Any]) -> dict[str, int]:
    """Return the length of the vectors that come with the data, where the model is conditioned on them."""
    if wanted.get("condition") != "context":
        return {}
    if data.context is None:
        raise ValueError(
            "condition=context needs a vector with each datum, and these data have none; "
            "give an array `context` of shape (N, C) in the .npz file, or fit(..., context=...)"
        )
    return {"context": data.context.shape[1]}
