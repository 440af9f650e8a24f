"""Images that are already in memory, brought to another size."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from vaekit.data.dataset import Dataset, ImageSchema, observe_images
from vaekit.data.foreign import refuse_beyond_memory
from vaekit.data.rows import rows_per_chunk

__all__ = ["GREYED", "Fit", "crop_box", "resize_dataset"]

GREYED = (
    "the images had two values and are grey after resizing; likelihood=bernoulli likelihood.binarize=threshold makes them "
    "binary again"
)
"""What is said of binary images that were resized."""

_NUMBERS = 2**23  # of resized images, in single precision, at once

Fit: TypeAlias = Literal["resize", "crop"]
"""How an image of another shape comes to size: stretched, or cut to the same shape around its centre first."""


def resize_dataset(dataset: Dataset, size: tuple[int, int], fit: Fit = "resize") -> Dataset:
    """Bring a data set of images to `size` (height, width) with antialiased bicubic interpolation.

    Integer pixels stay integers of as many levels; the split and the labels stay.

    Args:
        dataset: Images of shape (N, H, W, C).
        size: The height and width wanted.
        fit: "resize" stretches, "crop" cuts around the centre first.

    Raises:
        ValueError: If the data set does not hold images.
    """
    schema = dataset.schema
    if not isinstance(schema, ImageSchema):
        raise ValueError("only images can be resized, but the data are none; leave size out")
    if (schema.height, schema.width) == size:
        return dataset
    low, high = schema.low, schema.high
    numbers = size[0] * size[1] * schema.channels
    cure = "take a smaller size= or fewer images"
    needed = 4 * len(dataset) * numbers * dataset.values.element_size()
    refuse_beyond_memory(f"size={size[0]}x{size[1]} for {len(dataset):,} images", needed, cure)
    rows = max(1, min(rows_per_chunk(dataset.values), _NUMBERS // numbers))
    chunks = dataset.values.split(rows)
    values = torch.cat([_resized(chunk, size, fit).clamp_(low, high).to(chunk.dtype) for chunk in chunks])
    note = f"all images were resized from {schema.height}x{schema.width} to {size[0]}x{size[1]}"
    greyed = (GREYED,) if schema.binary else ()
    return replace(
        dataset,
        values=values,
        schema=observe_images(values, dataset.split, schema.levels, schema.classes, schema.dtype),
        notes=(*dataset.notes, note, *greyed),
    )


def crop_box(height: int, width: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the largest centred box of the shape of `size`: top, left, bottom, right.

    >>> crop_box(40, 60, (8, 8))
    (0, 10, 40, 50)
    """
    scale = min(height / size[0], width / size[1])
    rows = min(height, max(1, round(size[0] * scale)))
    columns = min(width, max(1, round(size[1] * scale)))
    top, left = (height - rows) // 2, (width - columns) // 2
    return top, left, top + rows, left + columns


def _resized(images: Tensor, size: tuple[int, int], fit: Fit) -> Tensor:
    if fit == "crop":
        top, left, bottom, right = crop_box(images.shape[1], images.shape[2], size)
        images = images[:, top:bottom, left:right]
    pixels = images.permute(0, 3, 1, 2).float()
    pixels = functional.interpolate(pixels, size=size, mode="bicubic", antialias=True)
    pixels = pixels if images.is_floating_point() else pixels.round_()
    return pixels.permute(0, 2, 3, 1).contiguous()
