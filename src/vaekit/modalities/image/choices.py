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
from vaekit.nets import AutoencoderKL, output_size, parameter_count
from vaekit.value import Size

__all__ = ["choose_image_model"]

_LEVELED = {family.model_fields["kind"].default for family in LEVELED}
_CHANNELS = 4  # of latents on a grid


def choose_image_model(
    schema: ImageSchema, keys: Mapping[str, Any], *, preset: Preset = "balanced", batch: int = 128, gpu: bool = False
) -> tuple[ImageVAE, tuple[Choice, ...]]:
    """Complete the description of a model: the user's keys stay, every other key is chosen with a reason.

    Args:
        schema: The schema of the pixels.
        keys: The user's keys, nested, e.g. `{"latent": 40, "net": {"kind": "mlp"}}`.
        preset: How much to spend.
        batch: Size of the training batch; small batches rule out batch norm.
        gpu: Whether training runs on a GPU.

    Raises:
        pydantic.ValidationError: A key is unknown or out of range.
        ValueError: The model is to be conditional on labels, and the images have none.
    """
    shape = (schema.channels, schema.height, schema.width)
    draft = Draft(keys)
    draft.choose(_likelihood(schema))
    likelihood = draft.part("likelihood")
    if likelihood["kind"] in _LEVELED:
        likelihood.setdefault("levels", schema.levels or 256)
    if likelihood["kind"] == "gaussian":
        scale = likelihood.setdefault("scale", {})
        if isinstance(scale, dict):
            scale.setdefault("kind", "shared")
    draft.count_classes(schema.classes, "data with labels (folders name them), and these have none")
    draft.choose(_architecture(shape, gpu))
    kind = draft.part("net")["kind"]
    if kind == "hierarchical":
        draft.choose(*_hierarchical(shape, preset))
    elif kind == "autoencoder_kl":
        draft.choose(_autoencoder(shape, preset))
    else:
        draft.choose(*(_mlp(shape, preset) if kind == "mlp" else _conv(shape, preset, batch)))
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
        most = parameter_count(encoder) // (2 * features) if max(shape[1:]) >= 256 else None
        draft.choose(latent_size(math.prod(shape), features, _usual(max(shape[1:])), most))
        model = model.replace(latent=draft.keys["latent"])
    return model, (*draft.choices, balance(model, "see net.widths and latent"))


def _likelihood(schema: ImageSchema) -> Choice:
    if schema.binary:
        return Choice(key="likelihood", value="bernoulli", reason="the pixels take two values")
    if schema.levels is not None:
        reason = f"the pixels are integers with {schema.levels} levels: a probability per level, comparable in bits/dim"
        return Choice(key="likelihood", value="discretized_logistic", reason=reason)
    if schema.low >= 0 and schema.high <= 1:
        reason = f"the pixels are real and lie in [{schema.low:.3g}, {schema.high:.3g}]: a density on [0, 1]"
        return Choice(key="likelihood", value="continuous_bernoulli", reason=reason)
    reason = f"the pixels are real, in [{schema.low:.3g}, {schema.high:.3g}]: Gaussian with a learned scale"
    return Choice(key="likelihood", value="gaussian", reason=reason)


def _architecture(shape: Size, gpu: bool) -> Choice:
    inputs = math.prod(shape)
    if min(shape[1:]) < 4:
        reason = f"images {shape[1]} x {shape[2]} are too thin to be halved"
        return Choice(key="net", value="mlp", reason=reason)
    if inputs <= 1024 and not gpu:
        reason = f"{inputs} inputs on a CPU: a residual MLP sees an order of magnitude more images per second than a conv net"
        return Choice(key="net", value="mlp", reason=reason)
    load = "on a GPU" if gpu else f"with {inputs} inputs"
    reason = f"images {shape[1]} x {shape[2]} {load}: weights shared over positions"
    return Choice(key="net", value="conv", reason=reason)


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


def _hierarchical(shape: tuple[int, int, int], preset: Preset) -> list[Choice]:
    """Return patches, widths and groups: narrow at large grids and wide at small ones."""
    side = max(shape[1:])
    patch = next(patch for patch, most in ((1, 15), (2, 127), (4, 2**24)) if side <= most)
    grids = [-(-side // patch)]
    while grids[-1] > 4:
        grids.append(-(-grids[-1] // 2))
    factor = {"fast": 1, "balanced": 2, "best": 4}[preset]
    widths = tuple(factor * min(128, 16 * 2**place) for place in range(len(grids)))
    groups = tuple(2 if grid <= 32 else 1 for grid in grids)
    reason = f"grids of {', '.join(map(str, grids))} positions a side: narrow at large ones, wide at small ones"
    return [
        Choice(key="net.patch", value=patch, reason=f"{side} pixels a side: the largest grid has {grids[0]} positions"),
        Choice(key="net.widths", value=widths, reason=reason),
        Choice(key="net.groups", value=groups, reason="every grid carries latents, the largest ones fewer groups"),
    ]
