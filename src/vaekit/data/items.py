"""Images that come one by one: torch data sets, lists of pictures, generators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from vaekit.data.decode import Target, as_array
from vaekit.data.rows import Array

__all__ = ["is_images_in_memory", "stack_items"]


def is_images_in_memory(found: Any) -> bool:
    """Return whether something holds images: a tensor or an array of numbers, a torch data set, or a list of pictures.

    >>> is_images_in_memory(np.zeros((5, 8, 8))), is_images_in_memory(["to be"]), is_images_in_memory([])
    (True, False, False)
    """
    if isinstance(found, np.ndarray):
        return found.dtype.kind in "biuf"
    is_list = isinstance(found, list | tuple) and bool(found)
    return isinstance(found, Tensor | TorchDataset) or (is_list and _is_picture(found[0]))


def _is_picture(item: Any) -> bool:
    """Say whether an item of a list is a picture, or a pair of a picture and its label."""
    image = item[0] if isinstance(item, list | tuple) and item else item
    return isinstance(image, Tensor | np.ndarray) or hasattr(image, "getbands")


def stack_items(items: Any) -> tuple[Tensor | Array, list[Any] | None]:
    """Read a collection of images once and stack it.

    Args:
        items: A torch data set or any iterable of tensors, arrays, PIL images, or (image, label) pairs.

    Returns:
        The images, a tensor of shape (N, ...) if they came as tensors, else an array, and their labels, if each has one.

    Raises:
        TypeError: If `items` cannot be iterated, or holds something that is not an image.
        ValueError: If there is no image, or the images differ in shape.
    """
    pairs = [_pair(item) for item in _each(items)]
    if not pairs:
        raise ValueError("there is no image in the collection; give at least one")
    images = [image for image, _ in pairs]
    shapes = Counter(tuple(image.shape) for image in images)
    if len(shapes) > 1:
        found = ", ".join(f"{shape} ({count})" for shape, count in shapes.most_common(5))
        raise ValueError(f"the images must have one shape, but have {found}; resize them first")
    labels = [label for _, label in pairs if label is not None]
    tensors = [image for image in images if isinstance(image, Tensor)]
    stacked = torch.stack(tensors) if len(tensors) == len(images) else np.stack([np.asarray(image) for image in images])
    return stacked, labels if len(labels) == len(images) else None


def _each(items: Any) -> Iterator[Any]:
    # A map-style data set need not stop by itself when it is iterated past its end.
    if hasattr(items, "__getitem__") and hasattr(items, "__len__"):
        return (items[index] for index in range(len(items)))
    if hasattr(items, "__iter__"):
        return iter(items)
    raise TypeError(
        f"images must be an array, a tensor, or a data set of them, but {type(items).__name__} came;"
        " give an array of shape (N, H, W, C)"
    )


def _pair(item: Any) -> tuple[Tensor | Array, Any]:
    image, label, *_ = (*item, None) if isinstance(item, list | tuple) and item else (item, None)
    return _image(image), _label(label)


def _image(item: Any) -> Tensor | Array:
    if isinstance(item, Tensor | np.ndarray):
        return item
    if hasattr(item, "getbands"):
        return as_array(item, Target(1, deep=True) if item.mode.startswith("I") else None)
    raise TypeError(
        f"each item must be a tensor, an array, a PIL image, or a pair of one of these and a label,"
        f" but {type(item).__name__} came; give (image, label)"
    )


def _label(label: Any) -> int | str | None:
    if isinstance(label, Tensor | np.ndarray | np.generic):
        entries = np.asarray(label)
        label = entries.item() if entries.size == 1 else None
    return label if isinstance(label, int | str) else None
