"""How a context enters a network: appended to a vector, or as one more plane of an image."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vaekit.value import Size

__all__ = ["Join", "joined_size"]


def joined_size(given: Size, context: int) -> Size:
    """Return the shape of a datum once its context has joined it.

    Examples:
        >>> joined_size((40,), 10), joined_size((1, 28, 28), 10), joined_size((40,), 0)
        ((50,), (2, 28, 28), (40,))
    """
    if not context:
        return given
    return (given[0] + (context if len(given) == 1 else 1), *given[1:])


class Join(nn.Module):
    """Join a context to data: concatenated to a vector; through a learned linear map as one more plane of an image.

    References:
        Mirza and Osindero, 2014, "Conditional generative adversarial nets"; Sohn, Lee and Yan, 2015, "Learning structured
        output representation using deep conditional generative models".

    Args:
        given: The shape of one datum, `(D,)` or `(C, *rest)`.
        context: The length of one context vector, at least 1.

    Examples:
        >>> Join((1, 8, 8), 10)(torch.zeros(5, 1, 8, 8), torch.zeros(5, 10)).shape
        torch.Size([5, 2, 8, 8])
    """

    def __init__(self, given: Size, context: int) -> None:
        super().__init__()
        self.given = tuple(given)
        self.plane = nn.Linear(context, math.prod(given[1:])) if len(given) > 1 else None

    def forward(self, c: Tensor, context: Tensor) -> Tensor:
        """Return `(N, *joined_size)` from `(N, *given)` and `(N, C)`."""
        if self.plane is not None:
            context = self.plane(context).view(-1, 1, *self.given[1:])
        return torch.cat([c, context.to(c.dtype)], 1)
