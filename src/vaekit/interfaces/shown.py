"""Data as people see them, which datum of p(x | z) is shown, and many of them in batches and rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaekit.distributions import Autoregressive, Decoding, point

__all__ = ["BATCH", "Chosen", "Shown", "choice", "deviation", "in_batches", "in_rows"]

BATCH = 100
"""Data that a model is given at a time."""

Shown: TypeAlias = Any
"""Data as people see them: a tensor of images `(N, C, H, W)` with intensities in [0, 1], or a list of texts."""

Chosen: TypeAlias = Callable[[Distribution], Tensor]
"""Which datum of p(x | z) is taken: its point, a draw, what a search finds."""


def choice(decoding: Decoding | None, *, is_text: bool, noise: bool = False) -> Chosen:
    """Return what makes a datum of p(x | z): its point where nothing else is asked for.

    Args:
        decoding: Of texts: how tokens are chosen.
        is_text: Whether the data are texts.
        noise: Draw from p(x | z).

    Raises:
        ValueError: What is to be decoded are no texts.
    """
    if decoding is None:
        return Distribution.sample if noise else point
    if not is_text:
        raise ValueError("only texts are decoded token by token; leave decoding out for other data")
    return lambda likelihood: cast(Autoregressive, likelihood).decode(decoding)


def in_batches(*columns: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield columns of equal length in batches."""
    return zip(*(column.split(BATCH) for column in columns), strict=True)


def in_rows(shown: Shown, steps: int) -> Tensor | list[list[str]]:
    """Return data in rows of `steps`."""
    if isinstance(shown, Tensor):
        return shown.unflatten(0, (-1, steps))
    return [shown[i : i + steps] for i in range(0, len(shown), steps)]


def deviation(q: Distribution, means: Tensor) -> Tensor:
    """Return the standard deviations of a posterior `(N, D)`; NaN where it has none in closed form."""
    try:
        return q.stddev.flatten(1)
    except NotImplementedError:
        return torch.full_like(means, math.nan)
