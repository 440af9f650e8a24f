"""Walks through latents for the report: from one held-out datum to another, and along single dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vaekit.evaluation import Bounds
from vaekit.interfaces.runs.run import Run
from vaekit.modalities import Shown

__all__ = ["REACH", "Interpolations", "interpolated", "partners", "traversed"]

REACH = 3.0
"""How far a dimension is moved to either side."""


class Interpolations(NamedTuple):
    """Data between pairs of data, to be looked at.

    Args:
        first: Where each row begins, R data.
        between: The data on the way, R times as many as there are steps, row by row.
        last: Where each row ends, R data.
    """

    first: Sequence[Shown]
    between: Shown
    last: Sequence[Shown]


def interpolated(run: Run, means: Tensor, labels: Tensor | None, rows: int, steps: int) -> Interpolations:
    """Return the data on straight lines between the posterior means of a run's own held-out data.

    Args:
        run: The run.
        means: Posterior means of its held-out data, in their order, `(N, D)`.
        labels: The class of each.
        rows: Pairs, fewer if there are too few data.
        steps: Data from one end to the other, ends included.
    """
    pairs = partners(len(means), labels, rows)
    starts, ends = ([pair[i] for pair in pairs] for i in (0, 1))
    x, *context = run.given(None, 1 + max(*starts, *ends))
    shown, share = run.view.display(x), torch.linspace(0, 1, steps).view(-1, 1)
    z = run.latents.between(means[starts], means[ends], steps).flatten(0, 1)
    on_the_way = (torch.lerp(c[starts].unsqueeze(1), c[ends].unsqueeze(1), share).flatten(0, 1) for c in context)
    between = run.displayed.decode(_as_weights(run, z), *on_the_way)
    return Interpolations([shown[i] for i in starts], between, [shown[i] for i in ends])


def partners(count: int, labels: Tensor | None, rows: int) -> list[tuple[int, int]]:
    """Return pairs of data, of different classes if there are classes."""
    free = list(range(min(count, 40)))
    pairs: list[tuple[int, int]] = []
    while len(free) > 1 and len(pairs) < rows:
        a = free.pop(0)
        other = [b for b in free if labels is not None and labels[a] != labels[b]]
        b = (other or free)[0]
        free.remove(b)
        pairs.append((a, b))
    return pairs


def traversed(run: Run, result: Bounds, dimensions: int, steps: int) -> tuple[Shown, list[str]]:
    """Return one held-out datum with each of the most active dimensions moved, row by row.

    Args:
        run: The run.
        result: The bounds of its own held-out data.
        dimensions: Rows, fewer if there are fewer dimensions.
        steps: Values of each, from -3 to 3.

    Returns:
        The data, and the name of each dimension with its rate if that is known, most active first.
    """
    order = result.means.var(0, correction=0).argsort(descending=True)[:dimensions]
    z = run.latents.varied(result.means[:1], order, steps, REACH).flatten(0, 1)
    context = run.given(None, 1)[1:] if run.conditions.size else ()
    shown = run.displayed.decode(_as_weights(run, z), *(c.expand(len(z), -1) for c in context))
    return shown, _named(run, order.tolist(), result.rate_per_dimension)


def _as_weights(run: Run, z: Tensor) -> Tensor:
    return z.to(next(iter(run.model.parameters()), z).dtype)


def _named(run: Run, dimensions: Sequence[int], rates: Tensor | None) -> list[str]:
    names = run.latents.names
    return [names[j] if rates is None else f"{names[j]} ({rates[j]:.2f} nats)" for j in dimensions]
