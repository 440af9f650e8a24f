"""An experiment: the resolved description of a run, with every automatic choice and its reason."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from vaekit.data import Dataset, read_images
from vaekit.modalities import Choice, ImageVAE, Model, Preset, choose_image_model
from vaekit.objectives import ELBO, AnyObjective
from vaekit.training import Training
from vaekit.value import Value

__all__ = ["DataSettings", "Experiment", "resolve"]

_MOST_PIXELS = 64_000_000  # what a reader of images decodes


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
    """A folder, a file, or a name: digits, mnist, fashion-mnist."""
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
        return read_images(source or self.source, size=self.size, fit=self.fit)


class Experiment(Value):
    """All that defines a run. Its JSON reads back as an equal value and reproduces the run."""

    format: Literal[1] = 1
    data: DataSettings = DataSettings()
    model: Model | None = None
    """The description of the model; null for a user's own composition of modules."""
    objective: AnyObjective = ELBO()
    """What is optimised: elbo, or iwae."""
    training: Training = Training()
    """How it is optimised."""
    preset: Preset = "balanced"
    """How much the automatic choices spend."""
    choices: tuple[Choice, ...] = ()
    """What was chosen automatically, and why."""


def resolve(
    data: Dataset, settings: DataSettings, given: dict[str, dict[str, Any]], preset: Preset, gpu: bool
) -> Experiment:
    """Complete a description: the user's keys stand, every other one is chosen with its reason.

    Args:
        data: The data, opened.
        settings: How they were opened.
        given: The user's keys by section: `model`, `objective`, `training`.
        preset: How much to spend.
        gpu: Whether training runs on one.

    Raises:
        pydantic.ValidationError: A key is unknown or out of range.
    """
    assert data.schema is not None
    count = len(data.part("train"))
    wanted = dict(given.get("training", {}))
    why = [choice for choice in _lengths(count, preset) if not _settled(choice.key, wanted)]
    wanted = {**{choice.key: choice.value for choice in why}, **wanted}
    batch = Training.model_validate(wanted).batch
    model, choices = choose_image_model(data.schema, given.get("model", {}), preset=preset, batch=batch, gpu=gpu)
    if "lr" not in wanted:
        why.append(_learning_rate(model, batch))
        wanted["lr"] = why[-1].value
    objective = {"kind": "elbo", **given.get("objective", {})}
    # Validated from plain data, so that a wrong key is reported by its path.
    return Experiment.model_validate(
        {
            "data": settings,
            "model": model,
            "objective": objective,
            "training": wanted,
            "preset": preset,
            "choices": (*choices, *why),
        }
    )


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


def _learning_rate(model: ImageVAE, batch: int) -> Choice:
    """Return the peak learning rate: residual MLPs with layer norm bear, and profit from, a higher one."""
    if model.net.kind == "mlp" and model.net.residual and model.net.norm == "layer":
        reason = f"residual blocks with layer norm stand 3e-3 at batch 256; scaled by the root of batch {batch}"
        return Choice(key="lr", value=round(min(3e-3, 3e-3 * math.sqrt(batch / 256)), 6), reason=reason)
    return Choice(key="lr", value=1e-3, reason="the usual peak of Adam for convolutions and plain nets")
