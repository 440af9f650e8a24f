"""An experiment: the resolved description of a run, with every automatic choice and its reason."""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from vaekit.data import Dataset, name_of, read_images
from vaekit.heads.family import Measure
from vaekit.modalities import Choice, ImageVAE, Model, Preset, choose_image_model
from vaekit.objectives import ELBO, AnyObjective
from vaekit.training import Training
from vaekit.value import Value

__all__ = ["DataSettings", "Experiment", "resolve"]

_BOUNDS = ("elbo", "iwae", "miwae", "piwae", "ciwae", "renyi")
"""The objectives that train a prior of any form: bounds on the evidence."""

_MANY = 10_000  # training data from which a prior of its own is learned without overfitting
_MOST_PIXELS = 64_000_000  # what a reader of images decodes


_OBJECTIVE_OF = {
    "delta": ("rae", "posterior=delta has no density, hence no evidence bound: a regularised autoencoder"),
    "vq": ("vq", "posterior=vq needs the commitment term, which ties the encoder to its codebook"),
}
"""The objective that a posterior brings, where it is not the ELBO, and why."""


def _height_and_width(value: Any) -> Any:
    """Accept `33x50` for height x width, and one number for a square."""
    if isinstance(value, str):
        sides = re.fullmatch(r"\s*(\d{1,9})\s*x\s*(\d{1,9})\s*", value.lower())
        if sides is None:
            raise ValueError(f"size is height x width, such as 64x48, got {value!r}")
        value = (int(sides[1]), int(sides[2]))
    pair = (value, value) if isinstance(value, int) and not isinstance(value, bool) else value
    whole = isinstance(pair, tuple | list) and pair and all(isinstance(side, int) for side in pair)
    if whole and (min(pair) < 1 or math.prod(pair) > _MOST_PIXELS):
        raise ValueError(f"size={'x'.join(map(str, pair))} must be at least 1x1 and at most {_MOST_PIXELS:,} pixels")
    return pair


class DataSettings(Value):
    """Where the data come from and how they are brought to one size."""

    source: str = ""
    """A folder or a file, by its absolute path, or a name: digits, mnist, fashion-mnist, sprites."""
    typed: str = ""
    """What was typed for it."""
    size: Annotated[tuple[int, int] | None, BeforeValidator(_height_and_width)] = None
    """Height x width to bring images to, e.g. 64x64; null for images that share one size."""
    fit: Literal["resize", "crop"] = "resize"
    """How images of another shape come to that size."""

    def open(self, source: str | None = None) -> Dataset:
        """Read the data, or other data the same way.

        Raises:
            ValueError: There are no usable data there.
            FileNotFoundError: There is nothing there.
        """
        data = read_images(source or self.source, size=self.size, fit=self.fit)
        return data if source or not self.typed else replace(data, source=self.typed)

    @staticmethod
    def located(typed: str) -> dict[str, str]:
        """Return the keys of a source: a path is kept absolute, so that the run finds its data from any folder."""
        if not typed or name_of(typed):
            return {"source": typed}
        return {"source": str(Path(typed).expanduser().absolute()), "typed": typed}


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
        if self.model is None:
            return None
        # Dequantisation turns the bound on a density into one on the probability of the level.
        return "counting" if self.model.dequantize else self.model.likelihood.measure


def resolve(
    data: Dataset,
    settings: DataSettings,
    given: Mapping[str, Mapping[str, Any]],
    preset: Preset,
    *,
    gpu: bool = False,
    model: ImageVAE | None = None,
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
    assert data.schema is not None
    count = len(data.part("train"))
    wanted = dict(given.get("training", {}))
    why = [choice for choice in _lengths(count, preset) if not _settled(choice.key, wanted)]
    wanted = {**{choice.key: choice.value for choice in why}, **wanted}
    batch = Training.model_validate(wanted).batch
    objective = dict(given.get("objective", {}))
    if model is None:
        keys = {**given.get("model", {}), **_context(data, given.get("model", {}))}
        model, choices = choose_image_model(data.schema, keys, preset=preset, batch=batch, gpu=gpu)
        following = _following(model, keys, count, preset, objective)
        model = model.replace(prior={"kind": following[-1].value}) if "prior" not in keys else model
        why = [*choices, *following, *([] if "kind" in objective else [_objective(model)]), *why]
    for choice in _optimization(model, batch):
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
    model: ImageVAE, wanted: Mapping[str, Any], count: int, preset: Preset, objective: Mapping[str, Any]
) -> list[Choice]:
    """Return posterior and prior where they were left open: the second, which comes last, follows the first."""
    found = []
    if "posterior" not in wanted:
        reason = "the usual family: quick, and its rate has a closed form where the prior is normal"
        found.append(Choice(key="posterior", value=model.posterior.kind, reason=reason))
    if "prior" not in wanted:
        found.append(_prior(model, count, preset, objective))
    return found


def _prior(model: ImageVAE, count: int, preset: Preset, objective: Mapping[str, Any]) -> Choice:
    """Return the prior: a learned one where there are data enough, since N(0, I) leaves nats on the table."""
    simplest = model.prior.kind
    if simplest != "standard" or model.posterior.kind == "delta":
        return Choice(
            key="prior", value=simplest, reason=f"the simplest on the space of posterior={model.posterior.kind}"
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


def _objective(model: ImageVAE) -> Choice:
    """Return the objective that a posterior asks for."""
    kind, reason = _OBJECTIVE_OF.get(model.posterior.kind, ("elbo", "the evidence lower bound itself"))
    return Choice(key="objective", value=kind, reason=reason)


def _lengths(count: int, preset: Preset) -> list[Choice]:
    """Return the choices that depend on the number of data: the batch, and how long to train."""
    batch = 256 if count >= 20_000 else 128 if count >= 2048 else max(1, min(64, count // 8))
    epochs = {"fast": 60, "balanced": 300, "best": 1000}[preset]
    reason = f"{count:,} training data: large enough for quick products, small enough for many steps"
    return [
        Choice(key="batch", value=batch, reason=reason),
        Choice(key="epochs", value=epochs, reason=f"preset {preset}; patience may end training earlier"),
    ]


def _settled(key: str, wanted: dict[str, Any]) -> bool:
    """Say whether the user's keys leave nothing to choose; a number of steps or a time limit stands for epochs."""
    return key in wanted or (key == "epochs" and bool({"steps", "time_limit"} & set(wanted)))


def _optimization(model: ImageVAE, batch: int) -> list[Choice]:
    """Return learning rate and weight decay: residual MLPs with layer norm bear a high one, and profit from the other."""
    if not (model.net.kind == "mlp" and model.net.residual and model.net.norm == "layer"):
        return [Choice(key="lr", value=1e-3, reason="the usual peak of Adam for convolutions and plain nets")]
    reason = f"residual blocks with layer norm stand 3e-3 at batch 256; scaled by the root of batch {batch}"
    return [
        Choice(key="lr", value=round(min(3e-3, 3e-3 * math.sqrt(batch / 256)), 6), reason=reason),
        Choice(key="optimizer", value="adamw", reason="Adam with a weight decay that its step sizes do not rescale"),
        Choice(key="weight_decay", value=0.05, reason="narrows the gap between training and held-out bound of an MLP"),
    ]
