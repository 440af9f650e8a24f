"""One deterministic value for a distribution: what a reconstruction shows."""

from __future__ import annotations

from functools import singledispatch

from torch import Tensor
from torch.distributions import Distribution, Independent

__all__ = ["point"]


@singledispatch
def point(distribution: Distribution) -> Tensor:
    r"""Return a deterministic value that stands for the distribution, by default its mean.

    For a Bernoulli that is the probability of a one; for a discretised logistic the location, held inside the levels.

    Args:
        distribution: Any distribution with `batch_shape` `(*S, B)` and one datum as its event.

    Returns:
        A tensor `(*S, B, *event)` in the units of the data.

    Examples:
        >>> import torch
        >>> point(torch.distributions.Bernoulli(logits=torch.tensor([0.0])))
        tensor([0.5000])
    """
    return distribution.mean


@point.register
def _(distribution: Independent) -> Tensor:
    return point(distribution.base_dist)
