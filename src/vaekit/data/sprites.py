"""Drawings whose factors of variation are known: what a disentangled latent space should find again."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from vaekit.data.arrays import images_from_arrays
from vaekit.data.dataset import Dataset

__all__ = ["FACTORS", "draw_sprites"]

FACTORS = {"shape": 3, "scale": 4, "orientation": 8, "position x": 10, "position y": 10}
"""The factors of a drawing and how many values each takes: 9,600 combinations, of which each is drawn once."""

_SIDE = 32  # pixels
_FINE = 4  # points per pixel and axis: a pixel has one of 17 shares of ink
_STEP = 7  # points between two positions: 1.75 pixels
_RADII = (4.5, 5.5, 6.5, 7.5)  # pixels; at the outermost position, 8.125 from the border, the largest still fits


def draw_sprites() -> Dataset:
    """Return 9,600 white shapes on black, 32 x 32 pixels of 8 bits, one for each combination of `FACTORS`.

    The orientation covers a quarter turn, without its end: a square repeats itself after that, and a factor that leaves
    no trace in the image could not be found. Edges are smooth: a pixel is as bright as the share of it that is covered.
    The factors, indices from 0, are `Dataset.factors`; the shape is the label too.

    References:
        Matthey, Higgins, Hassabis and Lerchner, 2017, "dSprites: disentanglement testing sprites dataset" (the idea).
    """
    angles = [math.pi / 2 * turn / FACTORS["orientation"] for turn in range(FACTORS["orientation"])]
    shapes = _SHAPES.values()
    images = torch.cat([_moved(_drawn(*drawing)) for drawing in itertools.product(shapes, _RADII, angles)])
    factors = torch.cartesian_prod(*(torch.arange(count) for count in FACTORS.values()))
    data = images_from_arrays(images.numpy(), factors[:, 0], classes=tuple(_SHAPES), source="sprites")
    return replace(data, factors=factors, factor_names=tuple(FACTORS))


def _drawn(inside: Callable[[Tensor, Tensor], Tensor], radius: float, angle: float) -> Tensor:
    """Return which points a shape covers, on a canvas that holds the windows of all positions."""
    points = _FINE * _SIDE + _STEP * (FACTORS["position x"] - 1)
    axis = (torch.arange(points) - (points - 1) / 2) / (_FINE * radius)
    down, right = axis.unsqueeze(1), axis.unsqueeze(0)
    u = math.cos(angle) * right + math.sin(angle) * down
    v = math.cos(angle) * down - math.sin(angle) * right
    return inside(u, v)


def _moved(canvas: Tensor) -> Tensor:
    """Return one drawing at every position, `(100, 32, 32)`: a window that moves left shows a shape that moves right."""
    window = _FINE * _SIDE
    views = canvas.unfold(0, window, _STEP).unfold(1, window, _STEP).flip(0, 1)
    across_first = views.transpose(0, 1).reshape(-1, _SIDE, _FINE, _SIDE, _FINE)
    ink = across_first.sum((2, 4))
    return (ink * 255 / _FINE**2).round().to(torch.uint8)


def _square(u: Tensor, v: Tensor) -> Tensor:
    return torch.maximum(u.abs(), v.abs()) < math.sqrt(0.5)


def _ellipse(u: Tensor, v: Tensor) -> Tensor:
    return u**2 + (2 * v) ** 2 < 1


def _heart(u: Tensor, v: Tensor) -> Tensor:
    # Beutel's sextic, which reaches 1.43 from its center, turned upright: rows count downwards.
    u, v = 1.43 * u, -1.43 * v
    return (u**2 + v**2 - 1) ** 3 < u**2 * v**3


_SHAPES = {"square": _square, "ellipse": _ellipse, "heart": _heart}
