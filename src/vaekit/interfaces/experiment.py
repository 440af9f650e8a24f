"""An experiment: the resolved description of a run, with every automatic choice and its reason."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping
from typing import Any, Literal

from vaekit.data import Dataset, ImageSchema, TextSchema
from vaekit.heads.family import Measure
from vaekit.interfaces.data_settings import DataSettings
from vaekit.modalities import (
    Choice,
    Model,
    Pace,
    Preset,
    TextVAE,
    choose_image_model,
    choose_text_model,
    with_recipe,
)
from vaekit.objectives import ELBO, AnyObjective
from vaekit.training import Training
from vaekit.value import Value

__all__ = ["Experiment", "resolve"]

_BOUNDS = ("elbo", "iwae", "miwae", "piwae", "ciwae", "renyi")
"""The objectives that train a prior of any form: bounds on the evidence."""

_MANY = 10_000  # training data from which a prior of its own is learned without overfitting
_OBJECTIVE_OF = {
    "delta": ("rae", "posterior=delta has no density, hence no evidence bound: a regularised autoencoder"),
    "vq": ("vq", "posterior=vq needs the commitment term, which ties the encoder to its codebook"),
}
"""The objective that a posterior brings, where it is not the ELBO, and why."""


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
    count, is_text = len(data.part("train")), isinstance(data.schema, TextSchema)
    wanted = dict(given.get("training", {}))
    why = [choice for choice in _lengths(count, preset, is_text) if not _settled(choice.key, wanted)]
    wanted = {**{choice.key: choice.value for choice in why}, **wanted}
    training = Training.model_validate(wanted)
    objective, keys = dict(given.get("objective", {})), dict(given.get("model", {}))
    if is_text and model is None:
        sections, choice = with_recipe({**given, "training": wanted}, _pace(training, count))
        keys, objective, wanted = (sections[name] for name in ("model", "objective", "training"))
        why = [*([] if choice is None else [choice]), *why]
    if model is None:
        keys |= _context(data, keys)
        model, choices = _chosen(data, keys, preset, training.batch, gpu)
        following = _following(model, keys, count, preset, objective)
        model = model.replace(prior={"kind": following[-1].value}) if "prior" not in keys else model
        why = [*choices, *following, *([] if "kind" in objective else [_objective(model)]), *why]
    for choice in _optimization(model, training.batch):
        # The decay is meant for adamw: under adam it would be another penalty.
        if choice.key not in wanted and (choice.key != "weight_decay" or wanted["optimizer"] == "adamw"):
            why.append(choice)
            wanted[choice.key] = choice.value
    # Validated from plain data, so that a wrong key is reported by its path.
    return Experiment.model_validate(
        {
            "data": settings,
            "model": model,
            "objective": {"kind": _objective(model).value, **objective},
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
    assert isinstance(data.schema, ImageSchema)
    return choose_image_model(data.schema, keys, preset=preset, batch=batch, gpu=gpu)


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


def _following(
    model: Model, wanted: Mapping[str, Any], count: int, preset: Preset, objective: Mapping[str, Any]
) -> list[Choice]:
    """Return posterior and prior where they were left open: the second, which comes last, follows the first."""
    found: list[Choice] = []
    if isinstance(model, TextVAE) and model.model == "lm":
        return [Choice(key="prior", value=model.prior.kind, reason="not read: a language model has no latents")]
    if "posterior" not in wanted:
        reason = "the usual family: quick, and its rate has a closed form where the prior is normal"
        found.append(Choice(key="posterior", value=model.posterior.kind, reason=reason))
    if "prior" not in wanted:
        found.append(_prior(model, count, preset, objective))
    return found


def _prior(model: Model, count: int, preset: Preset, objective: Mapping[str, Any]) -> Choice:
    """Return the prior: a learned one where there are data enough, since N(0, I) leaves nats on the table."""
    simplest = model.prior.kind
    if simplest != "standard" or model.posterior.kind == "delta":
        return Choice(
            key="prior", value=simplest, reason=f"the simplest on the space of posterior={model.posterior.kind}"
        )
    if model.kind == "text":
        return Choice(
            key="prior", value="standard", reason="that of the published figures; fit-prior gives another one"
        )
    if objective.get("kind", "elbo") not in _BOUNDS or objective.get("free_bits"):
        named = f"objective={objective.get('kind', 'elbo')}{' with free bits' if objective.get('free_bits') else ''}"
        return Choice(key="prior", value="standard", reason=f"{named} is meant for a prior that factorises")
    if count < _MANY or model.condition != "none":
        why = f"{count:,} training data" if count < _MANY else f"the model is conditional on {model.condition}"
        return Choice(key="prior", value="standard", reason=f"{why}: nothing to learn, nothing to overfit")
    if preset == "fast" or importlib.util.find_spec("zuko") is None:
        why = "costs no time" if preset == "fast" else "without vaekit[flows]"
        return Choice(
            key="prior", value="gmm", reason=f"a learned mixture {why} and fits the encoded data better than N(0, I)"
        )
    reason = "a learned flow fits the encoded data better than N(0, I): more latents stay active, and samples improve"
    return Choice(key="prior", value="flow", reason=reason)


def _objective(model: Model) -> Choice:
    """Return the objective that a posterior asks for."""
    kind, reason = _OBJECTIVE_OF.get(model.posterior.kind, ("elbo", "the evidence lower bound itself"))
    return Choice(key="objective", value=kind, reason=reason)


def _lengths(count: int, preset: Preset, is_text: bool) -> list[Choice]:
    """Return the choices that depend on the number of data: the batch, and how long to train."""
    large = 256 if count >= 20_000 and not is_text else 128
    batch = large if count >= 2048 else max(1, min(64, count // 8))
    epochs = {"fast": 60, "balanced": 300, "best": 1000}[preset] // (5 if is_text else 1)
    reason = f"{count:,} training data: large enough for quick products, small enough for many steps"
    return [
        Choice(key="batch", value=batch, reason=reason),
        Choice(key="epochs", value=epochs, reason=f"preset {preset}; patience may end training earlier"),
    ]


def _settled(key: str, wanted: dict[str, Any]) -> bool:
    """Say whether the user's keys leave nothing to choose; a number of steps or a time limit stands for epochs."""
    return key in wanted or (key == "epochs" and bool({"steps", "time_limit"} & set(wanted)))


def _optimization(model: Model, batch: int) -> list[Choice]:
    """Return learning rate and weight decay: residual MLPs with layer norm bear a high one, and profit from the other."""
    if model.kind == "text":
        return _text_optimization(model)
    if not (model.net.kind == "mlp" and model.net.residual and model.net.norm == "layer"):
        return [Choice(key="lr", value=1e-3, reason="the usual peak of Adam for convolutions and plain nets")]
    reason = f"residual blocks with layer norm stand 3e-3 at batch 256; scaled by the root of batch {batch}"
    return [
        Choice(key="lr", value=round(min(3e-3, 3e-3 * math.sqrt(batch / 256)), 6), reason=reason),
        Choice(key="optimizer", value="adamw", reason="Adam with a weight decay that its step sizes do not rescale"),
        Choice(key="weight_decay", value=0.05, reason="narrows the gap between training and held-out bound of an MLP"),
    ]


def _text_optimization(model: TextVAE) -> list[Choice]:
    if model.net.kind in ("lstm", "gru"):
        lr = Choice(
            key="lr", value=4e-3, reason="recurrent nets with averaged weights stand four times Adam's usual peak"
        )
    else:
        lr = Choice(key="lr", value=1e-3, reason="the usual peak of Adam for transformers and convolutions")
    return [lr, Choice(key="patience", value=5, reason="bounds of texts overfit soon after their best")]
