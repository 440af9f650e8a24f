"""Images in other units than those a model was trained on, brought to the model's units without loss, or refused."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from vaekit.data.dataset import Dataset, ImageSchema

__all__ = ["conformed", "picture_levels"]

BRIGHTEST = 255
"""The largest level of an 8-bit picture."""

_CLOSE = 1e-3  # of a level: what the rounding of floats leaves between two levels


def picture_levels(levels: int) -> Tensor:
    """Return the grey levels of an 8-bit picture that stand for the integers 0 .. levels - 1, shape (levels,), int32.

    >>> picture_levels(3).tolist()
    [0, 128, 255]
    """
    return (torch.arange(levels, dtype=torch.float64) * BRIGHTEST / (levels - 1)).round().int()


def conformed(images: Dataset, schema: ImageSchema, support: str) -> Dataset:
    """Return images in the units of a model's data.

    Numbers stay as they are where the model's data can have them. Otherwise they are read as intensities, if that loses
    nothing: floats k / (levels - 1) in [0, 1], and integers 0 .. 255 that stand for fewer levels. The pixels of an 8-bit image
    file are always intensities between the smallest and the largest value of the model's data, of which they become the
    nearest. A note says each of these, with the share of pixels that changed.

    Args:
        images: The images.
        schema: The schema of the model's data.
        support: What one pixel must be, see `heads.family.Support`: counts have no largest level, and binary pixels are two.

    Raises:
        ValueError: The pixels have no place in the model's units; the sentence names one and the cure.
    """
    found = images.schema
    is_binary = schema.binary and support == "binary"
    if not isinstance(found, ImageSchema) or found == schema or (_alike(found, schema) and not is_binary):
        return images
    # The pixels of 16 bits of a file are numbers where the model has as many levels, and intensities where it has fewer.
    values, top = images.values, (found.levels or 1) - 1
    is_brighter = found.dtype == "uint16" and (schema.levels is None or bool(values.max() >= schema.levels))
    is_picture = bool(images.names) and (found.dtype == "uint8" or is_brighter)
    binary = _as_binary(values, schema, is_picture=is_picture and top == BRIGHTEST) if is_binary else None
    if binary is not None:
        values, note = binary
    elif schema.levels is None:
        values, note = _as_real(values, schema, top if is_picture else None)
    else:
        values, note = _as_levels(values, schema.levels, top if is_picture else None, counts=support == "counts")
    found = found.replace(levels=schema.levels, low=schema.low, high=schema.high)
    return replace(images, values=values, schema=found, notes=(*images.notes, *([note] if note else [])))


def _alike(found: ImageSchema, schema: ImageSchema) -> bool:
    """Say whether images are in the model's units by what is known of them."""
    if found.levels is None or schema.levels is None:
        return found.levels is schema.levels
    return found.levels == schema.levels


def _as_binary(values: Tensor, schema: ImageSchema, *, is_picture: bool) -> tuple[Tensor, str] | None:
    """Return pixels of the model's two values; None if the pixels are others."""
    two = (schema.low, schema.high)
    for low, high in (two, (0.0, 1.0), (0.0, float(BRIGHTEST))):
        bright = values == high
        if bool((bright | (values == low)).all()):
            note = "" if (low, high) == two else f"pixels {low:g} and {high:g} were read as {two[0]:g} and {two[1]:g}"
            return _two(bright, schema), note
    if not is_picture:
        return None
    share = ((values > 0) & (values < BRIGHTEST)).double().mean().item()
    note = f"{share * 100:.3g} % of the pixels are grey, where the model knows two values: each became the nearer one"
    return _two(values * 2 > BRIGHTEST, schema), note


def _two(bright: Tensor, schema: ImageSchema) -> Tensor:
    values = torch.where(bright, schema.high, schema.low)
    return values.float() if schema.levels is None else _stored(values, schema.levels)


def _as_levels(values: Tensor, levels: int, top: int | None, *, counts: bool) -> tuple[Tensor, str]:
    """Return levels; `top` is the brightest pixel of a picture, None for numbers."""
    most = levels - 1
    if top is not None:
        return _nearest_levels(values, levels, top)
    whole = values.round() if values.is_floating_point() else values
    if bool((values == whole).all()) and values.min() >= 0 and (counts or values.max() <= most):
        return _stored(whole, levels), ""
    if values.is_floating_point() and values.min() >= 0 and values.max() <= 1 and _near(values * most):
        return _stored((values * most).round(), levels), f"intensities k/{most} were read as the levels 0 .. {most}"
    if not values.is_floating_point() and levels < BRIGHTEST and values.min() >= 0 and values.max() <= BRIGHTEST:
        known, note = _nearest_levels(values, levels, BRIGHTEST)
        if bool((picture_levels(levels)[known.long()] == values).all()):
            return known, note
    low, high = values.min().item(), values.max().item()
    problem = f"lie in [{low:.6g}, {high:.6g}]" if low < 0 or high > most else "are no integers"
    raise ValueError(
        f"levels: the model expects integers 0 .. {most}, or intensities k/{most}, but the data {problem}; "
        "give data on the model's scale"
    )


def _nearest_levels(values: Tensor, levels: int, top: int) -> tuple[Tensor, str]:
    """Return the levels nearest to the pixels 0 .. top of a picture, and a note."""
    known = _stored((values.double() * (levels - 1) / top).round(), levels)
    inexact = (known.double() * top / (levels - 1)).round() != values
    share = (
        f"; {inexact.double().mean().item() * 100:.3g} % of the pixels lay between two of them" if inexact.any() else ""
    )
    return known, f"pixels 0 .. {top} were read as the model's levels 0 .. {levels - 1}{share}"


def _as_real(values: Tensor, schema: ImageSchema, top: int | None) -> tuple[Tensor, str]:
    low, high, span = schema.low, schema.high, schema.high - schema.low
    real = values.float()
    is_brighter = values.dtype == torch.uint8 and low >= 0 and high <= 1 < values.max()
    if top is None and not is_brighter:
        return real, ""
    top = BRIGHTEST if top is None else top
    return real / top * span + low, f"pixels 0 .. {top} were read as values from {low:.4g} to {high:.4g}"


def _near(values: Tensor) -> bool:
    return bool(((values - values.round()).abs() < _CLOSE).all())


def _stored(values: Tensor, levels: int) -> Tensor:
    return values.to(torch.uint8 if levels <= BRIGHTEST + 1 and values.max() <= BRIGHTEST else torch.int32)
