"""Data as people see them, which datum of p(x | z) is shown, and many of them in batches and rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaekit.distributions import Autoregressive, Decoding, point

__all__ = ["BATCH", "Chosen", "Shown", "choice", "deviation", "flat", "in_batches", "in_rows"]

BATCH = 100
"""Data that a model is given at a time."""

Shown: TypeAlias = Any
"""Data as people see them: images `(N, C, H, W)` with intensities in [0, 1], a list of texts, or a `pyarrow.Table`."""

Chosen: TypeAlias = Callable[[Distribution], Tensor]
"""Which datum of p(x | z) is taken: its point, a draw, what a search finds."""


def choice(decoding: Decoding | None, kind: str, *, noise: bool = False) -> Chosen:
    """Return what makes a datum of p(x | z): its point where nothing else is asked for.

    Args:
        decoding: Of texts: how tokens are chosen.
        kind: Of the data: image, text or table.
        noise: Draw from p(x | z).

    Raises:
        ValueError: What is to be decoded are no texts.
    """
    if decoding is None:
        return _draw if noise else point
    if kind != "text":
        raise ValueError("only texts are decoded token by token; leave decoding out for other data")
    return lambda likelihood: cast(Autoregressive, likelihood).decode(decoding)


def _draw(likelihood: Distribution) -> Tensor:
    return likelihood.sample()


def in_batches(*columns: Tensor, batch: int = BATCH) -> Iterator[tuple[Tensor, ...]]:
    """Yield columns of equal length in batches."""
    return zip(*(column.split(batch) for column in columns), strict=True)


def in_rows(shown: Shown, steps: int) -> Tensor | list[Any]:
    """Return data in rows of `steps`."""
    if isinstance(shown, Tensor):
        return shown.unflatten(0, (-1, steps))
    return [shown[i : i + steps] for i in range(0, len(shown), steps)]


def flat(rows: Sequence[Shown]) -> Shown:
    """Return texts or tables in rows as one list, one table."""
    if isinstance(rows[0], list):
        return [text for row in rows for text in row]
    import pyarrow as pa

    return pa.concat_tables(rows)


def deviation(q: Distribution, means: Tensor) -> Tensor:
    """Return the standard deviations of a posterior `(N, D)`; NaN where it has none in closed form."""
    try:
        return q.stddev.flatten(1)
    except NotImplementedError:
        return torch.full_like(means, math.nan)
