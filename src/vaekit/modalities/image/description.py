"""Images: the description of an image VAE, and how pixels enter it; see `choices` for the automatic choices."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, Literal, TypeAlias

import torch
from pydantic import Field
from torch import Tensor, nn

from vaekit.data import Dataset, ImageSchema
from vaekit.data.conform import conformed
from vaekit.heads import LEVELED, Bernoulli, DiscretizedLogistic, FlowLikelihood, Likelihood, Site, conditional
from vaekit.heads.family import Factorized, Measure
from vaekit.modalities.condition import conditioned
from vaekit.modalities.description import Description
from vaekit.modalities.image.hierarchy import hierarchy
from vaekit.modalities.view import Traits, View
from vaekit.models import VAE, LatentVariableModel
from vaekit.nets import MLP, AutoencoderKL, Conv, Hierarchical, Residual, Standardize, joined_size
from vaekit.value import Size

__all__ = ["ImageVAE", "ImageView"]

Net: TypeAlias = Annotated[MLP | Conv | Residual | AutoencoderKL | Hierarchical, Field(discriminator="kind")]
Augment: TypeAlias = Literal["none", "flip", "shift", "flip_shift"]
_SHIFT = 8  # the part of a side that a shift is at most
_EDGE = 2.0**-24  # distance from 0 and 1 that keeps dequantized pixels inside the open interval
_CHECKED = 4096  # data that one check looks at; readers have refused NaN in all of them


class ImageVAE(Description):
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
    net: Net = MLP()
    """Architecture of encoder and decoder: mlp, conv, residual, hierarchical or autoencoder_kl."""
    likelihood: Likelihood = DiscretizedLogistic()
    """Family of p(x | z)."""
    dequantize: bool = False
    """Whether to add uniform noise to integer levels, so that the bound of a density is a bound on their probability."""

    augment: Augment = "none"
    """Random changes of training images, drawn anew for each batch: mirror images, shifts by an eighth of a side, or both."""

    def model_post_init(self, _context: object) -> None:
        """Refuse a likelihood that does not fit the levels of the pixels."""
        likelihood = self.likelihood
        if self.dequantize and (self.levels is None or likelihood.measure == "counting"):
            counted = f"{likelihood.kind} has a probability per level"
            why = "the pixels are real already" if self.levels is None else counted
            raise ValueError(f"dequantize=true is for integer pixels under a density, but {why}; leave it out")
        if isinstance(likelihood, FlowLikelihood) and self.levels is not None and not self.dequantize:
            raise ValueError(
                f"likelihood=flow is a density that grows without end on pixels of {self.levels} levels; use dequantize=true"
            )
        if isinstance(likelihood, LEVELED) and self.levels is not None and likelihood.levels < self.levels:
            raise ValueError(f"likelihood.levels={likelihood.levels}, but the pixels have {self.levels} levels")

    def build(self) -> LatentVariableModel:
        """Return the model, freshly initialised."""
        latent, extra = self.latent_event, self.context
        standardize = Standardize(*self.center_and_spread())
        if isinstance(self.net, Hierarchical):
            return hierarchy(self, self.net, self.likelihood, self.shape, standardize)
        encoder = nn.Sequential(standardize, self.net.encoder(joined_size(self.shape, extra)))
        decoder = self.net.decoder(joined_size(latent, extra), self.shape)
        posterior = conditional(self.posterior, encoder, given=self.shape, event=latent, context=extra)
        likelihood = conditional(self.likelihood, decoder, given=latent, event=self.shape, context=extra)
        return VAE(self.prior.build(Site(latent, posterior, self.shape, extra)), posterior, likelihood)

    @property
    def latent_event(self) -> Size:
        """The shape of the latents: the posterior's own, or that of the net's grid where the dimensions are independent."""
        if isinstance(self.net, AutoencoderKL) and isinstance(self.posterior, Factorized):
            return self.net.latent_event(self.latent, self.shape)
        return self.posterior.latent_event(self.latent)

    def view(self, schema: ImageSchema | None = None) -> ImageView:
        """Return how images enter the model."""
        return ImageView(self, schema)

    @property
    def bound_on(self) -> str:
        """Binarised pixels are other data than grey pixels, though both have probabilities."""
        return "binary pixels" if isinstance(self.likelihood, Bernoulli) else ""

    @property
    def measure(self) -> Measure:
        """Whether its bounds are logarithms of probabilities or densities; dequantized levels have probabilities."""
        return "counting" if self.dequantize else self.likelihood.measure

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about settings that work but are rarely meant."""
        inputs = math.prod(self.shape)
        excess = f"latent={self.latent} is larger than the {inputs} inputs: nothing is compressed"
        return (f"{excess}; {inputs // 10} or fewer is usual",) if self.latent > inputs else ()

    def check(self, data: Dataset) -> None:
        """Refuse data that are no images of this shape, or outside the likelihood's support.

        Raises:
            ValueError: The data do not fit; the message says what to do.
        """
        schema = data.schema
        if schema is not None and not isinstance(schema, ImageSchema):
            raise ValueError("the model is one of images, but the data are not; give images, or another model")
        if schema is not None and (schema.channels, schema.height, schema.width) != self.shape:
            raise ValueError(
                f"the model is one of images {self.shape} (channels, height, width), but the data are "
                f"{(schema.channels, schema.height, schema.width)}; give ImageVAE(shape=...) that, or model=None"
            )
        rows, view = data.part("train")[:_CHECKED], self.view(schema)
        self.likelihood.check(view.prepare(view.settle(data).values[rows]))

    @property
    def rescaling(self) -> tuple[float, float]:
        """Shift and scale of `prepare`: levels and counts stay, real pixels go to [-1, 1], everything else to [0, 1]."""
        low, high = self.value_range
        support = self.likelihood.support
        if support in ("levels", "counts") or (
            support in ("unit", "open_unit") and not self.levels and low >= 0 and high <= 1
        ):
            return 0.0, 1.0  # they lie in the support already
        span = high - low if high > low else 1.0
        return ((low + high) / 2, span / 2) if support == "real" and not self.levels else (low, span)

    def center_and_spread(self) -> tuple[float, float]:
        """Return the middle of prepared data, and half their range."""
        if isinstance(self.likelihood, LEVELED):
            half = (self.likelihood.levels - 1) / 2
            return half, half
        if self.likelihood.support == "counts":
            low, high = self.value_range
            return (low + high) / 2, (high - low) / 2 if high > low else 1.0
        return (0.0, 1.0) if self.likelihood.support == "real" and not self.levels else (0.5, 0.5)


@dataclass(frozen=True)
class ImageView(View):
    """How images enter a model: channel first, in the support of the likelihood.

    Args:
        model: The description.
        schema: The schema of its data; without one, the type of its data is guessed from their levels.
    """

    model: ImageVAE
    schema: ImageSchema | None = None

    @property
    def traits(self) -> Traits:
        """Images are numbers on one scale."""
        return Traits(
            pictures=True,
            levels=self.model.levels,
            dequantized=self.model.dequantize,
            family=self.model.likelihood,
            net=self.model.net,
        )

    def prepare(self, pixels: Tensor) -> Tensor:
        """Return data in the support of the likelihood, in single precision, channel first.

        Args:
            pixels: Stored pixels `(B, H, W, C)`. A permuted view keeps them in the channels-last memory format.
        """
        shift, scale = self.model.rescaling
        x = pixels.permute(0, 3, 1, 2).float()
        if self.model.dequantize and self.model.levels is not None:
            x = (x - self.model.value_range[0] + torch.rand_like(x)) / self.model.levels
            return x.clamp(_EDGE, 1 - _EDGE)  # rounding must not leave the open interval
        x = (x - shift) / scale
        return self.model.likelihood.binarized(x) if isinstance(self.model.likelihood, Bernoulli) else x

    def augmented(self, stored: Tensor) -> Tensor:
        """Return pixels `(B, H, W, C)`, half of the images mirrored, all shifted, as the model asks; edges are drawn out."""
        how = self.model.augment
        if "flip" in how:
            mirrored = torch.rand(len(stored), 1, 1, 1, device=stored.device) < 0.5
            stored = torch.where(mirrored, stored.flip(2), stored)
        return _shifted(_shifted(stored, 1), 2) if "shift" in how else stored

    def settle(self, data: Dataset) -> Dataset:
        """Return the data after the steps that are done once.

        Other units become the model's, labels become vectors, and a static binarisation is drawn.

        Raises:
            ValueError: The data are on another scale, or lack the labels or vectors that the model is conditioned on.
        """
        if self.schema is not None:
            data = conformed(data, self.schema, self.model.likelihood.support)
        data = conditioned(data, self.model.condition, self.model.context)
        if not (isinstance(self.model.likelihood, Bernoulli) and self.model.likelihood.binarize == "static"):
            return data
        low, scale = self.model.rescaling
        unit = (data.values.float() - low) / scale
        if unit.min() < 0 or unit.max() > 1:
            raise ValueError(
                f"likelihood.binarize=static needs values in {list(self.model.value_range)}, which these data exceed"
            )
        draw = torch.bernoulli(unit, generator=torch.Generator().manual_seed(0))
        return replace(data, values=(draw * scale + low).to(data.values.dtype))

    def log_jacobian(self, x: Tensor) -> Tensor:
        """Return the nats `(B,)` that turn a density of `prepare`d real pixels into one of the stored pixels.

        Densities of integer levels are those of pixels in [0, 1]. With `dequantize` each level covers an interval of length
        1 / levels, and the bound is one on the probability of the level.

        References:
            Theis, van den Oord and Bethge, 2016, "A note on the evaluation of generative models" (uniform dequantisation).
        """
        return torch.full((len(x),), self._nats_per_pixel * math.prod(self.model.shape), dtype=torch.float64)

    @property
    def _nats_per_pixel(self) -> float:
        if self.model.dequantize and self.model.levels is not None:
            return -math.log(self.model.levels)
        if self.model.likelihood.measure == "counting" or self.model.levels:
            return 0.0
        return -math.log(self.model.rescaling[1])

    def decode(self, x: Tensor) -> Tensor:
        """Return prepared data or a model's output in the units and of the type of the pixels, `(B, C, H, W)`.

        Levels are rounded, and those that the pixels cannot have become the nearest that they can.
        """
        (shift, scale), levels, likelihood = self.model.rescaling, self.model.levels, self.model.likelihood
        if self.model.dequantize and levels is not None:
            return (self.model.value_range[0] + (x * levels).floor().clamp(0, levels - 1)).to(self._dtype)
        if isinstance(likelihood, Bernoulli) and likelihood.binarize == "none":
            x = (x > 0.5).to(x.dtype)  # the data have two values, and none between them
        x = x * scale + shift
        if not self._dtype.is_floating_point:
            x = x.round().clamp(min=0, max=None if likelihood.support == "counts" else levels and levels - 1)
        elif likelihood.support == "unit":
            x = x.clamp(shift, shift + scale)  # which rounding may have left
        return x.to(self._dtype)

    def display(self, x: Tensor) -> Tensor:
        """Return prepared data or a model's output as intensities in [0, 1], `(B, C, H, W)`."""
        center, spread = self.model.center_and_spread()
        return ((x - center) / (2 * spread) + 0.5).clamp(0, 1)

    def inputs(self, data: Dataset, x: Tensor) -> Tensor:
        """Return stored pixels as they came, `(B, C, H, W)`."""
        return data.values.permute(0, 3, 1, 2).to(self._dtype)

    @property
    def _dtype(self) -> torch.dtype:
        """The type of the pixels."""
        levels = self.model.levels
        guess = torch.float32 if levels is None else torch.uint8 if levels <= 256 else torch.int32
        return getattr(torch, self.schema.dtype, guess) if self.schema is not None and self.schema.dtype else guess

    def original(self, stored: Tensor) -> Tensor | None:
        """Return intensities `(B, C, H, W)` before a random binarisation; None after a static one, which keeps no grey."""
        if not isinstance(self.model.likelihood, Bernoulli) or self.model.likelihood.binarize == "threshold":
            return self.display(self.prepare(stored))
        if self.model.likelihood.binarize == "static":
            return None
        low, high = self.model.value_range
        return ((stored.permute(0, 3, 1, 2).float() - low) / (high - low)).clamp(0, 1)

    def grouped(self, decoded: Tensor, size: int) -> Tensor:
        """Return images in rows of `size`, `(N / size, size, C, H, W)`."""
        return decoded.unflatten(0, (-1, size))


def _shifted(stored: Tensor, axis: int) -> Tensor:
    """Return images each of which is moved along an axis, by a distance of its own."""
    side = stored.shape[axis]
    moves = torch.randint(-(side // _SHIFT), side // _SHIFT + 1, (len(stored), 1), device=stored.device)
    places = (torch.arange(side, device=stored.device) + moves).clamp(0, side - 1)
    return stored.gather(
        axis, places.view(len(stored), *(side if i == axis else 1 for i in (1, 2, 3))).expand_as(stored)
    )
