"""What a net makes of what is conditioned on, whatever the number of batch axes."""

from __future__ import annotations

import functools
from typing import cast

from torch import Size as Shape, Tensor, nn

from vaekit.nets import Join, Network, is_network, joined_size, linear_head, output_size
from vaekit.value import Size

__all__ = ["Features", "OnFeatures", "batch_shape"]


class Features(nn.Module):
    """A net with its context joined in: `(*S, B, *given)` and `(B, C)` to features `(prod(S) B, *size)`.

    Args:
        net: Any module from `(N, *joined_size(given, context))` to `(N, *size)`.
        given: The shape of one c.
        context: Length of the context vector; 0 for none.

    Raises:
        ValueError: The net does not accept inputs of that shape.
    """

    def __init__(self, net: nn.Module, given: Size, context: int = 0) -> None:
        super().__init__()
        self.net, self.given, self.context = net, tuple(given), context
        self.join = Join(self.given, context) if context else None
        self.size = output_size(net, joined_size(self.given, context))

    def head(self, size: Size) -> nn.Module:
        """Return a layer from the features to `size`."""
        made = cast(Network, self.net).head if is_network(self.net) else functools.partial(linear_head, self.size)
        return made(size)

    def batch(self, c: Tensor) -> Shape:
        """Return the batch axes of c.

        Raises:
            ValueError: c is no batch of what is conditioned on.
        """
        return batch_shape(c, self.given)

    def forward(self, c: Tensor, *context: Tensor) -> Tensor:
        """Return the features, all batch axes in one.

        Raises:
            ValueError: There is a context where none is expected, or the other way round.
        """
        batch = self.batch(c)
        flat = c if len(batch) == 1 else c.flatten(0, len(batch) - 1)
        if self.join is None and not context:
            return self.net(flat)
        found = tuple(context[0].shape[1:]) if context else None
        if self.join is None or len(context) != 1 or found != (self.context,):
            wanted = f"vectors of length {self.context}" if self.context else "none"
            raise ValueError(f"expected as context {wanted}, got {'none' if found is None else found}")
        return self.net(self.join(flat, context[0].expand(*batch, self.context).flatten(0, len(batch) - 1)))


class OnFeatures(nn.Module):
    """What the modules p(y | c) share that read the features of c.

    Args:
        features: The net, with its context.
        event: The shape of one y.
    """

    def __init__(self, features: Features, event: Size) -> None:
        super().__init__()
        self.features, self.event = features, tuple(event)

    @property
    def net(self) -> nn.Module:
        """The net that makes the features."""
        return self.features.net

    @property
    def given(self) -> Size:
        """The shape of one c."""
        return self.features.given


def batch_shape(x: Tensor, event: Size) -> Shape:
    """Return the batch axes `(*S, B)` of data `(*S, B, *event)`.

    Raises:
        ValueError: x is no batch of such data.
    """
    batch = x.shape[: x.dim() - len(event)]
    if x.shape[len(batch) :] != event or not batch:
        raise ValueError(f"expected a batch of {event}, got a tensor of shape {tuple(x.shape)}")
    return batch
