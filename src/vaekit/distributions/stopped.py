"""A posterior whose density passes no gradient to its parameters."""

from __future__ import annotations

import copy

import torch
from torch import Tensor
from torch.distributions import Distribution

__all__ = ["stopped"]


def stopped(distribution: Distribution) -> Distribution:
    r"""Return the same distribution with detached parameters.

    The score of q has expectation zero: with it left out, the gradient through the draws alone has the same mean and
    less variance.

    References:
        Roeder, Wu and Duvenaud, 2017, "Sticking the landing: simple, lower-variance gradient estimators for variational
        inference".

    Raises:
        NotImplementedError: Not all its parameters are tensors, e.g. those of a flow, which stand in a net.

    Examples:
        >>> stopped(torch.distributions.Normal(torch.zeros(1, requires_grad=True), 1.0)).loc.requires_grad
        False
    """
    still = copy.copy(distribution)
    vars(still).update({name: _detached(value, distribution) for name, value in vars(distribution).items()})
    return still


def _detached(value: object, owner: Distribution) -> object:
    match value:
        case Tensor():
            return value.detach()
        case Distribution():
            return stopped(value)
        case torch.Size() | int() | float() | None:
            return value
        case tuple():
            return tuple(_detached(part, owner) for part in value)
    raise NotImplementedError(
        f"this gradient needs a posterior whose parameters can be held still, but {type(owner).__name__} has no "
        "such form; use posterior=gaussian, or objective.gradient=plain"
    )
