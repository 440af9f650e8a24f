"""The automatic choices for images, each with its reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from vaekit.data import ImageSchema
from vaekit.heads import LEVELED
from vaekit.modalities.capacity import balance, latent_size
from vaekit.modalities.choice import Choice, Draft, Preset
from vaekit.modalities.image.description import ImageVAE
from vaekit.modalities.modality import Situation
from vaekit.nets import AutoencoderKL, output_size, parameter_count
from vaekit.value import Size

__all__ = ["architecture", "choose_image_model", "has_dense_layers"]

_MANY, _LONG = 10_000, 420
"""Grey images, and seconds on two cores, from which groups of latents beat an MLP, which sees so many more images."""
_ENOUGH = 2000  # other images from which groups of latents are ahead of plain convolutions at once
_SMALLEST = 20  # pixels a side from which this was measured
_MANY_LEVELS = 128  # of a pixel, from which one logistic is too stiff
_LONG = 420  # seconds from which they do so on two cores; before, an MLP sees so many more images that it is ahead
_LEVELED = {family.model_fields["kind"].default for family in LEVELED}
_CHANNELS = 4  # of latents on a grid


def choose_image_model(
    schema: ImageSchema, keys: Mapping[str, Any], situation: Situation
) -> tuple[ImageVAE, tuple[Choice, ...]]:
    """Complete the description of a model: the user's keys stay, every other key is chosen with a reason.

    Args:
        schema: The schema of the pixels.
        keys: The user's keys, nested, e.g. `{"latent": 40, "net": {"kind": "mlp"}}`.
        situation: What the choices depend on apart from the data.

    Raises:
        pydantic.ValidationError: A key is unknown or out of range.
        ValueError: The model is to be conditional on labels, and the images have none.
    """
    shape = (schema.channels, schema.height, schema.width)
    draft = Draft(keys)
    net = architecture(schema, situation)
    kind = draft.part("net").get("kind", net.value)
    draft.choose(_likelihood(schema, dense=kind == "mlp" or situation.preset == "fast"))
    likelihood = draft.part("likelihood")
    if likelihood["kind"] == "discretized_logistic_mixture" and not situation.gpu:
        draft.choose(Choice(key="likelihood.components", value=5, reason="half the usual number, for speed on a CPU"))
    if likelihood["kind"] in _LEVELED:
        likelihood.setdefault("levels", schema.levels or 256)
    if likelihood["kind"] == "gaussian":
        scale = likelihood.setdefault("scale", {})
        if isinstance(scale, dict):
            scale.setdefault("kind", "shared")
    draft.count_classes(schema.classes, "data with labels (folders name them), and these have none")
    draft.choose(net)
    if kind == "hierarchical":
        draft.choose(*_hierarchical(shape, situation, draft.part("net")))
    elif kind == "autoencoder_kl":
        draft.choose(_autoencoder(shape, situation.preset))
    else:
        draft.choose(
            *(_mlp(shape, situation.preset) if kind == "mlp" else _conv(shape, situation.preset, situation.batch))
        )
    derived = {"shape": shape, "levels": schema.levels, "value_range": (schema.low, schema.high)}
    model = ImageVAE.model_validate({**derived, **draft.keys})
    if "latent" not in draft.keys and isinstance(model.net, AutoencoderKL):
        height, width = model.net.grid(shape[1:])
        reason = f"{_CHANNELS} channels at each of {height} x {width} positions, as in latent diffusion"
        draft.choose(Choice(key="latent", value=_CHANNELS * height * width, reason=reason))
        model = model.replace(latent=draft.keys["latent"])
    if "latent" not in draft.keys:
        with torch.device("meta"):
            encoder = model.net.encoder(shape)
            features = math.prod(output_size(encoder, shape))
        # The head has a mean and a scale of each latent. Below 256 pixels it is small, whatever its share.
        most = max(1, parameter_count(encoder) // (2 * features)) if max(shape[1:]) >= 256 else None
        draft.choose(latent_size(math.prod(shape), features, _usual(max(shape[1:])), most))
        model = model.replace(latent=draft.keys["latent"])
    return model, (*draft.choices, balance(model, "see net.widths and latent"))


def _likelihood(schema: ImageSchema, dense: bool) -> Choice:
    if schema.binary:
        return Choice(key="likelihood", value="bernoulli", reason="the pixels take two values")
    if schema.levels is not None and schema.levels >= _MANY_LEVELS and not dense:
        reason = f"the pixels have {schema.levels} levels: a mixture of logistics each, with channels that know of one another"
        return Choice(key="likelihood", value="discretized_logistic_mixture", reason=reason)
    if schema.levels is not None:
        reason = f"the pixels are integers with {schema.levels} levels: a probability per level, comparable in bits/dim"
        return Choice(key="likelihood", value="discretized_logistic", reason=reason)
    if schema.low >= 0 and schema.high <= 1:
        reason = f"the pixels are real and lie in [{schema.low:.3g}, {schema.high:.3g}]: a density on [0, 1]"
        return Choice(key="likelihood", value="continuous_bernoulli", reason=reason)
    reason = f"the pixels are real, in [{schema.low:.3g}, {schema.high:.3g}]: Gaussian with a learned scale"
    return Choice(key="likelihood", value="gaussian", reason=reason)


def architecture(schema: ImageSchema, situation: Situation) -> Choice:
    """Choose the kind of net for images of this size and number."""
    height, width = schema.height, schema.width
    size, inputs = f"images of {height} x {width}", schema.channels * height * width
    if min(height, width) < 4:
        return Choice(key="net", value="mlp", reason=f"{size} are too thin to be halved")
    is_small = inputs <= 1024 and not situation.gpu
    why = _no_hierarchy(schema, situation, is_small)
    if why is None:
        reason = f"{situation.count:,} {size}: groups of latents reach a better bound than one vector"
        return Choice(key="net", value="hierarchical", reason=reason)
    if is_small:
        quick = "a residual MLP sees an order of magnitude more images per second than a conv net"
        return Choice(key="net", value="mlp", reason=f"{inputs} inputs on a CPU: {quick}, and {why}")
    return Choice(key="net", value="conv", reason=f"{size}: weights shared over positions, and {why}")


def _no_hierarchy(schema: ImageSchema, situation: Situation, is_small: bool) -> str | None:
    """Return the reason against groups of latents, which learn longer and from more data; None if there is none."""
    if situation.preset == "fast":
        return "preset fast asks for speed"
    if min(schema.height, schema.width) < _SMALLEST or (is_small and schema.channels > 1):
        return "no deeper net was measured to be better at this size"
    if situation.count < (_MANY if is_small else _ENOUGH):
        return f"{situation.count:,} images are few for deeper nets"
    if is_small and situation.seconds is not None and situation.seconds < _LONG:
        return f"{situation.seconds:.0f} s are short for deeper nets"
    return None


def _mlp(shape: Size, preset: Preset) -> list[Choice]:
    small = math.prod(shape) <= 256
    width = {"fast": 512, "balanced": 512, "best": 1024}[preset] // (2 if small else 1)
    depth = {"fast": 2, "balanced": 3, "best": 4}[preset]
    blocks = f"a stem and {depth - 1} residual block{'s' * (depth > 2)} of {width}"
    reason = f"preset {preset}, {math.prod(shape)} inputs: {blocks}"
    norm = "independent of the batch, and the same in training and evaluation"
    return [
        Choice(key="net.widths", value=(width,) * depth, reason=reason),
        Choice(key="net.residual", value=True, reason="blocks that start near the identity train deeper nets faster"),
        Choice(key="net.norm", value="layer", reason=norm),
    ]


def _conv(shape: Size, preset: Preset, batch: int) -> list[Choice]:
    height, width = shape[1:]
    stages = 1
    while stages < 10 and _halved(min(height, width), stages + 1) >= 4:
        stages += 1
    base = {"fast": 16, "balanced": 32, "best": 64}[preset]
    widths = tuple(min(base * 2**i, 16 * base, 512) for i in range(stages))
    grid = f"{_halved(height, stages)} x {_halved(width, stages)}"
    floor = ", never below 4" if _halved(min(height, width), stages) >= 4 else ""
    halved = f"{height} x {width} halved {stages} time{'s' * (stages > 1)} to {grid}{floor}"
    reason = f"{halved}; widths double as the size halves (preset {preset})"
    norm, why = "batch", "the usual choice for convolutions at batch 16 and above"
    if batch < 16:
        norm, why = "group", f"batch {batch} is under 16: batch statistics would be noise"
    return [Choice(key="net.widths", value=widths, reason=reason), Choice(key="net.norm", value=norm, reason=why)]


def _autoencoder(shape: tuple[int, int, int], preset: Preset) -> Choice:
    base, side = {"fast": 16, "balanced": 32, "best": 128}[preset], min(shape[1:])
    stages = next((stages for stages in (4, 3, 2) if _halved(side, stages - 1) >= 8), 1)
    reason = f"{side} pixels on the shorter side: {2 ** (stages - 1)} pixels a side to one position, 8 positions or more; preset {preset}"
    return Choice(key="net.widths", value=tuple(base * factor for factor in (1, 2, 4, 4)[:stages]), reason=reason)


def _halved(side: int, times: int) -> int:
    for _ in range(times):
        side = (side + 1) // 2
    return side


def _usual(side: int) -> tuple[int, int]:
    if side <= 48:
        return 32, 128
    return (64, 256) if side < 256 else (256, 512)


def has_dense_layers(shape: Size, situation: Situation, given: Mapping[str, Any]) -> bool:
    """Return whether a hierarchy has dense layers below its convolutions, or nothing else, by the keys of its net."""
    by_size = 16 <= max(shape[1:]) <= 48 and shape[0] == 1 and not situation.gpu
    return bool(given.get("dense", by_size or given.get("patch") == "whole"))


def _hierarchical(shape: Size, situation: Situation, given: Mapping[str, Any]) -> list[Choice]:
    """Return patches, widths and groups: narrow at large grids and wide at small ones."""
    side, factor = max(shape[1:]), 2 if situation.preset == "best" else 1
    is_dense = has_dense_layers(shape, situation, given)
    finer = is_dense or situation.gpu  # a large grid costs a CPU more than it brings
    patch = given.get("patch", 1 if side < 16 else (2 if side < 128 else 4) if finer else (4 if side < 256 else 8))
    asked = next((len(given[key]) for key in ("widths", "groups") if isinstance(given.get(key), tuple | list)), None)
    grids = [1 if patch == "whole" else -(-side // patch)]
    while grids[-1] > 4 if asked is None else len(grids) < asked:
        grids.append(-(-grids[-1] // 2))
    is_dense = is_dense and len(grids) > 1
    if is_dense:
        grids = [*(grids[:2] if asked is None else grids[:-1]), 1]
    first = 16 if is_dense else 64
    widths = tuple(factor * (512 if grid == 1 else min(256, first * 2**i)) for i, grid in enumerate(grids))
    groups = tuple(2 if grid == 1 else 0 if is_dense else 2 if grid <= 8 else 1 for grid in grids)
    sides = ", ".join(map(str, grids))
    local = "what a small image shows is rarely local: dense layers below the convolutions"
    return [
        Choice(key="net.patch", value=patch, reason=f"{side} pixels a side: the largest grid has {grids[0]} positions"),
        Choice(
            key="net.dense", value=is_dense, reason=local if is_dense else "latents at every position of every grid"
        ),
        Choice(key="net.widths", value=widths, reason=f"grids of {sides} positions a side: narrow at large ones"),
        Choice(key="net.groups", value=groups, reason="besides the group at the top; more of them at small grids"),
        Choice(
            key="net.channels", value=24 if 1 in grids else 16, reason="latent variables at each position of a group"
        ),
        Choice(key="net.ratio", value=1.0 if is_dense else 0.5, reason="narrow blocks are quicker at large grids"),
    ]
