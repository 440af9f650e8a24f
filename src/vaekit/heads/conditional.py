"""The conditional distribution p(y | c) as a module: net, heads, family."""

from __future__ import annotations

import functools
from typing import cast

from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.heads.family import Family
from vaekit.heads.layers import Heads
from vaekit.nets import Network, is_network, linear_head, output_size
from vaekit.value import Size

__all__ = ["Conditional"]


class Conditional(nn.Module):
    r"""A module whose `forward` returns a distribution.

        c (*S, B, *given) -> net -> features -> heads -> {loc, scale, ...} -> family -> p(y | c)

    batch (*S, B), event `event`. The posterior is a conditional on the datum, the likelihood one on the latent.

    Args:
        net: Any module from `(N, *given)` to `(N, *features)`; ours or the user's own.
        family: How the raw output becomes a distribution.
        given: The shape of one c, e.g. `(1, 28, 28)` for a posterior or `(40,)` for a likelihood.
        event: The shape of one y.

    Raises:
        ValueError: The net does not accept inputs of shape `given`.

    Examples:
        >>> import torch, vaekit
        >>> posterior = Conditional(nn.Linear(4, 16), vaekit.Gaussian(), given=(4,), event=(2,))
        >>> posterior(torch.zeros(5, 4)).batch_shape
        torch.Size([5])
    """

    def __init__(self, net: nn.Module, family: Family, *, given: Size, event: Size) -> None:
        super().__init__()
        self.net, self.family, self.given, self.event = net, family, tuple(given), tuple(event)
        features = output_size(net, self.given)
        layer = cast(Network, net).head if is_network(net) else functools.partial(linear_head, features)
        self.heads = Heads(family.heads(self.event), layer, family.start())
        self.shared = nn.ParameterDict({name: nn.Parameter(value) for name, value in family.shared(self.event).items()})

    def forward(self, c: Tensor) -> Distribution:
        """Return the distribution given c.

        Args:
            c: What is conditioned on, `(*S, B, *given)`.
        """
        batch = c.shape[: c.dim() - len(self.given)]
        if c.shape[len(batch) :] != self.given or not batch:
            raise ValueError(f"expected a batch of {self.given}, got a tensor of shape {tuple(c.shape)}")
        raw = self.heads(self.net(c if len(batch) == 1 else c.flatten(0, len(batch) - 1)))
        if len(batch) > 1:
            raw = {name: part.unflatten(0, batch) for name, part in raw.items()}
        return self.family({**raw, **self.shared}, self.event)
