"""Arrays, tensors and torch data sets as images: the place of the channels, and the type of the pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaekit.data.dataset import Dataset, observe_images
from vaekit.data.items import stack_items
from vaekit.data.labels import encode_labels
from vaekit.data.rows import Array, rows_per_chunk
from vaekit.data.split import complete_split

__all__ = ["context_from_array", "images_from_arrays", "rounding_notes"]

COARSE = 1e-3
"""The change of a number, in units of the spread of all, from which its rounding is told."""

CHANNELS = (1, 2, 3, 4)
"""The lengths of an axis that can be recognized as channels."""


def images_from_arrays(
    x: Any,
    labels: Any = None,
    *,
    context: Any = None,
    split: Tensor | None = None,
    levels: int | None = None,
    classes: tuple[str, ...] = (),
    channels: int | None = None,
    source: str = "arrays",
) -> Dataset:
    """Make a data set of images from arrays, tensors, or a torch data set.

    Integers stay integers (256 levels for uint8, 2 for bool, else the largest value + 1); floats become float32. Memory is
    shared with `x` if type and layout allow it.

    Args:
        x: Images of shape (N, H, W), or with channels: last in numpy arrays, first in tensors, unless only the other place
            has a length of 1 to 4; or an iterable of images or of (image, label) pairs.
        labels: One class for each image, integers or names.
        context: A vector for each image that the model is conditioned on, shape (N, C).
        split: The official part of each image, shape (N,): 0 train, 1 validation, 2 test; a missing part is held out by
            content.
        levels: The number of levels of integer pixels, if it is known.
        classes: The names of the classes, if the labels are indices into them.
        channels: The number of channels, if it is known: it tells which axis holds them.
        source: The name of the data.

    Raises:
        ValueError: If the shape is not that of images, a value is NaN, infinite or a negative integer, or labels or
            context do not fit.
        TypeError: If `x` does not hold numbers.

    >>> images_from_arrays(torch.zeros(4, 3, 8, 8)).values.shape
    torch.Size([4, 8, 8, 3])
    """
    if not isinstance(x, Tensor | np.ndarray):
        x, found = stack_items(x)
        labels = found if labels is None else labels
    values, observed = _store(_channels_last(x, CHANNELS if channels is None else (channels,)))
    levels = observed if levels is None else _checked_levels(values, levels)
    encoded = None
    if labels is not None:
        encoded, classes = encode_labels(labels, len(values), classes)
    split = complete_split(values, split)
    return Dataset(
        values=values,
        schema=observe_images(values, split, levels, classes, _type_name(x)),
        split=split,
        labels=encoded,
        classes=classes,
        context=None if context is None else context_from_array(context, len(values)),
        source=source,
        notes=(*_grid_notes(values), *rounding_notes(x)),
    )


def context_from_array(context: Any, count: int) -> Tensor:
    """Return the context of `count` data, shape (N, C), float32.

    Raises:
        ValueError: If it is no finite vector of numbers for each datum.

    >>> context_from_array([[0, 1], [1, 0]], 2)
    tensor([[0., 1.],
            [1., 0.]])
    """
    found = _as_numpy(context) if isinstance(context, Tensor) else np.asarray(context)
    if found.ndim != 2 or len(found) != count or found.shape[1] == 0 or found.dtype.kind not in "biuf":
        raise ValueError(
            f"context must be a vector of numbers for each of the {count} data, but has shape {found.shape} and type "
            f"{found.dtype}; give an array of shape (N, C)"
        )
    with np.errstate(over="ignore"):
        vectors = found.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(vectors).all(1))
    if len(bad):
        raise ValueError(
            f"context must be finite, but {len(bad)} of {count} vectors hold NaN or infinity (first: {bad[0]}); "
            "drop or repair them"
        )
    return torch.from_numpy(vectors)


def rounding_notes(x: Tensor | Array) -> tuple[str, ...]:
    """Return a sentence if single precision, in which models compute, changes numbers by more than a thousandth of their spread.

    Args:
        x: Numbers, shape (N, *event), of which the first few megabytes are looked at.

    >>> rounding_notes(torch.arange(8.0, dtype=torch.float64).unsqueeze(1) + 1e9)[0]
    '87.5 % of the numbers change in single precision by more than 0.001 of their spread; subtract a constant first'
    """
    some = _as_numpy(x[: rows_per_chunk(x)])
    if some.dtype.kind not in "iuf" or some.dtype.itemsize < 4 or some.dtype == np.float32:
        return ()
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = some.astype(np.float64)
        change = np.abs(numbers - numbers.astype(np.float32).astype(np.float64))
        share = float((change > COARSE * numbers.std()).mean())
    if not share:
        return ()
    return (
        f"{share * 100:.3g} % of the numbers change in single precision by more than {COARSE:g} of their spread; "
        "subtract a constant first",
    )


def _type_name(x: Tensor | Array) -> str:
    return x.dtype.name if isinstance(x, np.ndarray) else str(x.dtype).removeprefix("torch.")


def _channels_last(x: Tensor | Array, channels: tuple[int, ...]) -> Array:
    images = _as_numpy(x)
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise ValueError(
            f"images must have shape (N, H, W) or (N, H, W, C), none of them empty, but came with {images.shape};"
            " reshape them first"
        )
    if images.ndim == 3:
        return images[..., None]
    first, last = images.shape[1] in channels, images.shape[3] in channels
    is_first = first and not last if isinstance(x, np.ndarray) else first or not last
    return np.ascontiguousarray(np.moveaxis(images, 1, 3)) if is_first else images


def _as_numpy(x: Tensor | Array) -> Array:
    if isinstance(x, np.ndarray):
        return x
    x = x.detach().cpu()
    return x.float().numpy() if x.dtype is torch.bfloat16 else x.numpy()


def _store(images: Array) -> tuple[Tensor, int | None]:
    """Return the images in the type they are stored in, and the number of levels, None for real values."""
    kind = images.dtype.kind
    if images.dtype == np.uint8:
        return _shared(images), 256
    if kind == "b":
        return _shared(images.astype(np.uint8)), 2
    if kind in "iu":
        return _store_integers(images)
    if kind == "f":
        return _store_floats(images), None
    raise TypeError(f"pixels must be integers or floats, but are {images.dtype}; convert them first")


def _store_integers(images: Array) -> tuple[Tensor, int]:
    low, high = int(images.min()), int(images.max())
    if low < 0:
        raise ValueError(f"integer pixels count levels from 0, but the smallest is {low}; add {-low} or give floats")
    if high >= 2**31:
        raise ValueError(f"integer pixels must be below 2**31, but the largest is {high}; give floats")
    return _shared(images.astype(np.uint8 if high < 256 else np.int32)), max(high + 1, 2)


def _store_floats(images: Array) -> Tensor:
    with np.errstate(over="ignore"):
        pixels = images.astype(np.float32, copy=False)
    step = rows_per_chunk(pixels)
    finite = [np.isfinite(pixels[i : i + step]).all(axis=(1, 2, 3)) for i in range(0, len(pixels), step)]
    bad = np.flatnonzero(~np.concatenate(finite))
    if len(bad):
        first = ", ".join(str(row) for row in bad[:5]) + (", ..." if len(bad) > 5 else "")
        raise ValueError(
            f"pixels must be finite, but {len(bad)} of {len(pixels)} images hold NaN or infinite values"
            f" (rows {first}); drop or repair them"
        )
    return _shared(pixels)


def _shared(images: Array) -> Tensor:
    # torch warns about memory that it must not write to, which is what read-only arrays have.
    return torch.from_numpy(np.require(images, requirements=["C", "W"]))


def _checked_levels(values: Tensor, levels: int) -> int:
    if values.is_floating_point() or int(values.max()) >= levels:
        raise ValueError(
            f"pixels must be integers below levels={levels}, but {values.dtype} up to {values.max().item()} came;"
            " give the right number of levels"
        )
    return levels


def _grid_notes(values: Tensor) -> tuple[str, ...]:
    if not values.is_floating_point():
        return ()
    steps = values[: min(len(values), rows_per_chunk(values))] * 255
    if bool((steps != 0).any()) and float(steps.max()) > 1.5 and bool(((steps - steps.round()).abs() < 1e-3).all()):
        return ("the values are multiples of 1/255 and look like 8-bit pixels; give uint8 to model them as 256 levels",)
    return ()
