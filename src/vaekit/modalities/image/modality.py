"""Images as a kind of data: how they are opened, and the choices of training."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from vaekit.data import Dataset, ImageSchema, images_from_arrays, is_image, is_images_in_memory, read_images
from vaekit.data.resize import resize_dataset
from vaekit.modalities.choice import Choice
from vaekit.modalities.image.choices import architecture, choose_image_model, has_dense_layers
from vaekit.modalities.image.description import ImageVAE
from vaekit.modalities.modality import Chosen, Modality, Situation, Words
from vaekit.modalities.reading import Reading
from vaekit.nets import Hierarchical

__all__ = ["ImageReading", "Images"]

_MOST_PIXELS = 64_000_000  # the largest image that a reader decodes


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


class ImageReading(Reading):
    """How images are opened and brought to one size."""

    kind: Literal["image"] = "image"
    size: Annotated[tuple[int, int] | None, BeforeValidator(_height_and_width)] = None
    """Height x width of all images after reading, e.g. 64x64; null if they share one size already."""
    fit: Literal["resize", "crop"] = "resize"
    """How an image of another shape gets that size: resize changes its proportions, crop cuts off its edges."""

    def read(self, source: str, schema: Any, *, own: bool) -> Dataset:
        """Read images from a folder, a file, or by their name."""
        # Files have no more channels than a picture can; those of a model's own data are found, others are brought to its own.
        known = schema is not None and not own and schema.channels in (1, 3, 4)
        return read_images(source, size=self.size, fit=self.fit, channels=schema.channels if known else None)

    def convert(self, data: Any, schema: Any = None) -> Dataset:
        """Return images from arrays, tensors, or a torch data set."""
        images = images_from_arrays(data, channels=None if schema is None else schema.channels)
        return images if self.size is None else resize_dataset(images, self.size, self.fit)


class Images(Modality):
    """Images of one size."""

    kind = "image"
    words = Words("image", "images", "dim", "arrays")
    reads = "images: a folder or a file of them, .npy, .npz, IDX, or an array (N, H, W, C)"
    reading = ImageReading
    description = ImageVAE
    schema = ImageSchema

    def claims(self, source: str, keys: frozenset[str]) -> bool:
        """Return whether the source is the name of images, or a folder or a file that holds some."""
        return is_image(source)

    def holds(self, data: Any) -> bool:
        """Return whether the object is an array, a tensor, or a collection of pictures."""
        return is_images_in_memory(data)

    def choose(self, data: Dataset, keys: Mapping[str, Any], situation: Situation) -> Chosen:
        """Return the description that suits the images."""
        assert isinstance(data.schema, ImageSchema)
        return choose_image_model(data.schema, keys, situation)

    def lengths(self, data: Dataset, model: Mapping[str, Any], situation: Situation) -> list[Choice]:
        """Choose the batch, a small one where the time of a step grows with it, and the length of training."""
        batch = self.batch(situation.count, self.batches)
        if not isinstance(data.schema, ImageSchema):  # which is refused with the description
            return [batch, self.duration(situation.preset)]
        net, shape = model.get("net", {}), (data.schema.channels, data.schema.height, data.schema.width)
        kind = net.get("kind") or architecture(data.schema, situation).value
        is_dense = kind == "hierarchical" and has_dense_layers(shape, situation, net)
        most = 256 if kind == "mlp" else 128 if is_dense else 32
        if not situation.gpu and batch.value > most:
            why = "convolutions on a CPU: a step of half the images takes half the time, and more steps are worth more"
            batch = Choice(key="batch", value=most, reason=why)
        return [batch, self.duration(situation.preset)]

    def simple_prior(self, description: ImageVAE) -> str | None:
        """Return why N(0, I) stands above groups of latents, whose priors are learned anyway, and on a grid of latents."""
        net = description.net
        if isinstance(net, Hierarchical) and any(net.groups):
            return "the groups below learn their priors"
        on_a_grid = len(description.latent_event) == 3
        return "the latents lie on a grid, too many for a flow over all of them" if on_a_grid else None

    def optimization(self, description: ImageVAE, batch: int) -> list[Choice]:
        """Choose learning rate and weight decay: what has dense layers tolerates a high rate and needs the decay."""
        net = description.net
        if net.kind == "mlp" and net.residual and net.norm == "layer":
            peak, reason = 3e-3, "residual blocks with layer norm tolerate 3e-3 at batch 256"
        elif isinstance(net, Hierarchical) and 1 in map(max, net.ladder(description.shape)):
            peak, reason = 2.8e-3, "residual blocks without norm tolerate 2.8e-3 at batch 256"
        else:
            return [Choice(key="lr", value=1e-3, reason="the usual peak of Adam for convolutions and plain nets")]
        decay = "narrows the gap between training and held-out bound of dense layers"
        adamw = "Adam with a weight decay that its step sizes do not rescale"
        rate = round(min(peak, peak * math.sqrt(batch / 256)), 6)
        return [
            Choice(key="lr", value=rate, reason=f"{reason}; scaled by the root of batch {batch}"),
            Choice(key="optimizer", value="adamw", reason=adamw),
            Choice(key="weight_decay", value=0.05, reason=decay),
        ]
