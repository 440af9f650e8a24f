"""Images: the description of an image VAE, how pixels enter it, and the automatic choices with their reasons."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeAlias

import torch
from pydantic import Field
from torch import Tensor, nn

from vaekit.data import Dataset, ImageSchema
from vaekit.heads import (
    Bernoulli,
    Conditional,
    ContinuousBernoulli,
    DiscretizedLogistic,
    Gaussian,
    StandardNormal,
)
from vaekit.modalities.choice import Choice, Preset, latent_size
from vaekit.models import VAE
from vaekit.nets import MLP, Conv, Standardize, output_size, parameter_count
from vaekit.value import Size, Value

__all__ = ["ImageVAE", "choose_image_model"]

Net: TypeAlias = Annotated[MLP | Conv, Field(discriminator="kind")]
Likelihood: TypeAlias = Annotated[
    Bernoulli | ContinuousBernoulli | Gaussian | DiscretizedLogistic, Field(discriminator="kind")
]


_CHECKED = 4096  # data that one explicit check looks at; readers have refused NaN in all of them


class ImageVAE(Value):
    """A VAE for images of one size.

        pixels (B, H, W, C) -> prepare -> x (B, C, H, W) -> [standardise, net] -> q(z | x) ~> z -> [net] -> p(x | z)

    Examples:
        >>> model = ImageVAE(shape=(1, 8, 8), latent=4, net=MLP(widths=(32,)), likelihood=Bernoulli())
        >>> model.build().generate(2).shape
        torch.Size([2, 1, 8, 8])
    """

    kind: Literal["image"] = "image"
    shape: tuple[int, int, int]
    """Channels, height, width."""
    levels: Annotated[int, Field(ge=2)] | None = 256
    """Number of integer levels of a stored pixel (256 for 8-bit); null for real-valued pixels."""
    value_range: tuple[float, float] = (0.0, 255.0)
    """Smallest and largest stored value."""
    latent: Annotated[int, Field(ge=1)] = 32
    """Number of latent dimensions."""
    net: Net = MLP()
    """Architecture of encoder and decoder: mlp or conv."""
    posterior: Gaussian = Gaussian()
    """Family of q(z | x)."""
    likelihood: Likelihood = DiscretizedLogistic()
    """Family of p(x | z): bernoulli, continuous_bernoulli, discretized_logistic or gaussian."""

    def model_post_init(self, _context: object) -> None:
        """Refuse a likelihood whose levels are not the data's."""
        likelihood = self.likelihood
        if isinstance(likelihood, DiscretizedLogistic) and self.levels is not None and likelihood.levels < self.levels:
            raise ValueError(f"likelihood.levels={likelihood.levels}, but the pixels have {self.levels} levels")

    def build(self) -> VAE:
        """Return the model, freshly initialised."""
        latent: Size = (self.latent,)
        encoder = nn.Sequential(Standardize(*self._center_and_spread()), self.net.encoder(self.shape))
        decoder = self.net.decoder(latent, self.shape)
        return VAE(
            prior=StandardNormal(latent),
            posterior=Conditional(encoder, self.posterior, given=self.shape, event=latent),
            likelihood=Conditional(decoder, self.likelihood, given=latent, event=self.shape),
        )

    def prepare(self, pixels: Tensor) -> Tensor:
        """Return data in the support of the likelihood, in single precision, channel first.

        Args:
            pixels: Stored pixels `(B, H, W, C)`. A permuted view keeps them in the channels-last memory format.
        """
        x = pixels.permute(0, 3, 1, 2).float()
        low, high = self.value_range
        match self.likelihood.support:
            case "levels":
                return x
            case "real":
                return (x - low) / (high - low) if self.levels else (x - (low + high) / 2) / ((high - low) / 2)
            case "binary" if isinstance(self.likelihood, Bernoulli):
                return self.likelihood.binarized((x - low) / (high - low))
            case _:
                return (x - low) / (high - low)

    @property
    def log_jacobian(self) -> float:
        """Nats per datum that turn a density of `prepare`d real pixels into one of the stored pixels."""
        if self.likelihood.support != "real" or self.levels:
            return 0.0
        low, high = self.value_range
        return -math.prod(self.shape) * math.log((high - low) / 2)

    def intensity(self, x: Tensor) -> Tensor:
        """Return what a screen shows of prepared data or reconstructions: values in [0, 1], `(B, C, H, W)`."""
        match self.likelihood.support:
            case "levels" if isinstance(self.likelihood, DiscretizedLogistic):
                x = x / (self.likelihood.levels - 1)
            case "real" if not self.levels:
                x = (x + 1) / 2
        return x.clamp(0, 1)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about settings that work but are rarely meant."""
        inputs = math.prod(self.shape)
        if self.latent <= inputs:
            return ()
        return (
            f"latent={self.latent} is larger than the {inputs} inputs: nothing is compressed; {inputs // 10} or fewer is usual",
        )

    def check(self, data: Dataset) -> None:
        """Refuse data outside the likelihood's support.

        Raises:
            ValueError: With the cure.
        """
        rows = data.part("train")[:_CHECKED]
        self.likelihood.check(self.prepare(self.settle(data).values[rows]))

    def settle(self, data: Dataset) -> Dataset:
        """Return the data with what happens once already done: a static binarisation is one fixed draw."""
        if not (isinstance(self.likelihood, Bernoulli) and self.likelihood.binarize == "static"):
            return data
        low, high = self.value_range
        unit = (data.values.float() - low) / (high - low)
        draw = torch.bernoulli(unit, generator=torch.Generator().manual_seed(0))
        return replace(data, values=(draw * (high - low) + low).to(data.values.dtype))

    def _center_and_spread(self) -> tuple[float, float]:
        if isinstance(self.likelihood, DiscretizedLogistic):
            half = (self.likelihood.levels - 1) / 2
            return half, half
        return (0.0, 1.0) if self.likelihood.support == "real" and not self.levels else (0.5, 0.5)


def choose_image_model(
    schema: ImageSchema, given: Mapping[str, Any], *, preset: Preset = "balanced", batch: int = 128, gpu: bool = False
) -> tuple[ImageVAE, tuple[Choice, ...]]:
    """Complete a description: keys in `given` stand, every other one is chosen and its reason told.

    Args:
        schema: What the pixels are.
        given: The user's keys, nested, e.g. `{"latent": 40, "net": {"kind": "mlp"}}`.
        preset: How much to spend.
        batch: Size of the training batch; small ones rule batch norm out.
        gpu: Whether training runs on one.

    Raises:
        pydantic.ValidationError: A given key is unknown or out of range.
    """
    shape = (schema.channels, schema.height, schema.width)
    choices: list[Choice] = []

    def chosen(choice: Choice) -> Any:
        choices.append(choice)
        return choice.value

    wanted = dict(given)
    likelihood = dict(wanted.pop("likelihood", {}))
    if "kind" not in likelihood:
        likelihood["kind"] = chosen(_likelihood(schema))
    if likelihood["kind"] == "discretized_logistic":
        likelihood.setdefault("levels", schema.levels or 256)
    if likelihood["kind"] == "gaussian":
        likelihood.setdefault("scale", {"kind": "shared"})
    net = dict(wanted.pop("net", {}))
    if "kind" not in net:
        net["kind"] = chosen(_architecture(shape, gpu))
    for choice in _net(net["kind"], shape, preset, batch):
        key = choice.key.removeprefix("net.")
        if key not in net:
            net[key] = chosen(choice)
    if "latent" not in wanted:
        built = (Conv if net["kind"] == "conv" else MLP).model_validate(net)
        features = math.prod(output_size(built.encoder(shape), shape))
        wanted["latent"] = chosen(latent_size(math.prod(shape), features, _usual(max(shape[1:]))))
    model = ImageVAE(
        shape=shape,
        levels=schema.levels,
        value_range=(schema.low, schema.high),
        net=net,
        likelihood=likelihood,
        **wanted,
    )
    return model, (*choices, _balance(model))


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
    if inputs <= 1024 and not gpu:
        reason = f"{inputs} inputs on a CPU: a residual MLP sees an order of magnitude more images per second than a conv net"
        return Choice(key="net", value="mlp", reason=reason)
    where = "on a GPU" if gpu else f"and {inputs} inputs"
    return Choice(
        key="net", value="conv", reason=f"images {shape[1]} x {shape[2]} {where}: weights shared over positions"
    )


def _net(kind: str, shape: Size, preset: Preset, batch: int) -> list[Choice]:
    return _mlp(shape, preset) if kind == "mlp" else _conv(shape, preset, batch)


def _mlp(shape: Size, preset: Preset) -> list[Choice]:
    small = math.prod(shape) <= 256
    width = {"fast": 256, "balanced": 512, "best": 1024}[preset] // (2 if small else 1)
    depth = {"fast": 2, "balanced": 3, "best": 4}[preset]
    return [
        Choice(
            key="net.widths",
            value=(width,) * depth,
            reason=f"preset {preset}, {math.prod(shape)} inputs: a stem and {depth - 1} residual blocks of {width}",
        ),
        Choice(key="net.residual", value=True, reason="blocks that start near the identity train deeper nets faster"),
        Choice(
            key="net.norm", value="layer", reason="independent of the batch, and the same in training and evaluation"
        ),
    ]


def _conv(shape: Size, preset: Preset, batch: int) -> list[Choice]:
    height, width = shape[1:]
    stages = 1
    while stages < 6 and _halved(min(height, width), stages + 1) >= 4:
        stages += 1
    base = {"fast": 16, "balanced": 32, "best": 64}[preset]
    widths = tuple(min(base * 2**i, 16 * base, 512) for i in range(stages))
    grid = f"{_halved(height, stages)} x {_halved(width, stages)}"
    norm = "batch" if batch >= 16 else "group"
    why = (
        "the usual choice for convolutions at batch 16 and above"
        if norm == "batch"
        else f"batch {batch} is under 16: batch statistics would be noise"
    )
    return [
        Choice(
            key="net.widths",
            value=widths,
            reason=f"{height} x {width} halved {stages} times to {grid}, never below 4; widths double as the size halves (preset {preset})",
        ),
        Choice(key="net.norm", value=norm, reason=why),
    ]


def _halved(side: int, times: int) -> int:
    for _ in range(times):
        side = (side + 1) // 2
    return side


def _usual(side: int) -> tuple[int, int]:
    if side <= 48:
        return 32, 128
    return (64, 256) if side < 256 else (256, 512)


def _balance(model: ImageVAE) -> Choice:
    with torch.device("meta"):
        vae = model.build()
    encoder, decoder = parameter_count(vae.posterior), parameter_count(vae.likelihood)
    ratio = encoder / max(decoder, 1)
    verdict = "balanced" if 0.5 <= ratio <= 2 else "one side is far larger than the other: see net.widths and latent"
    return Choice(
        key="balance",
        value=f"{ratio:.2f}",
        reason=f"encoder {encoder:,} and decoder {decoder:,} parameters: {verdict}",
    )
