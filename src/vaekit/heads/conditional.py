"""The conditional distribution p(y | c) as a module: net, heads, family."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.distributions import full_precision
from vaekit.heads.family import Family
from vaekit.heads.features import Features, OnFeatures
from vaekit.heads.layers import Heads
from vaekit.value import Size, Value

__all__ = ["Conditional", "conditional"]


class Conditional(OnFeatures):
    r"""A module whose `forward` returns a distribution.

        c (*S, B, *given) -> net -> features -> heads -> {loc, scale, ...} -> family -> p(y | c)

    batch (*S, B), event `event`. The posterior is a conditional on the datum, the likelihood one on the latent.

    A context joins c before the net, which then takes `vaekit.nets.joined_size(given, context)`.

    Args:
        net: Any module from `(N, *given)` to `(N, *features)`; ours or the user's own.
        family: How the raw output becomes a distribution. With a description that is no family (a flow, a codebook) the
            call returns the module that this one stands for, as `conditional` does.
        given: The shape of one c, e.g. `(1, 28, 28)` for a posterior or `(40,)` for a likelihood.
        event: The shape of one y.
        context: Length of the context vector; 0 for none.

    Raises:
        ValueError: The net does not accept inputs of shape `given`.
        TypeError: The description is none of a conditional distribution.

    Examples:
        >>> import torch, vaekit
        >>> posterior = Conditional(nn.Linear(4, 16), vaekit.Gaussian(), given=(4,), event=(2,))
        >>> posterior(torch.zeros(5, 4)).batch_shape
        torch.Size([5])
    """

    def __new__(cls, net: nn.Module | None = None, family: Value | None = None, **sizes: Any) -> Any:
        """Return the module, which of a flow or a codebook is of another class; copies come without arguments."""
        if net is None or isinstance(family, Family):
            return super().__new__(cls)
        return conditional(family, net, **sizes)  # type: ignore[arg-type]

    def __init__(self, net: nn.Module, family: Value, *, given: Size, event: Size, context: int = 0) -> None:
        super().__init__(Features(net, given, context), event)
        assert isinstance(family, Family)  # or `__new__` has returned another class
        self.family = family
        self.heads = Heads(family.heads(self.event), self.features.head, family.start())
        self.shared = nn.ParameterDict(family.shared(self.event))

    def forward(self, c: Tensor, *context: Tensor) -> Distribution:
        """Return the distribution given c.

        Args:
            c: What is conditioned on, `(*S, B, *given)`.
            context: One tensor `(B, C)` where there is a context.
        """
        raw, batch = self.heads(self.features(c, *context)), self.features.batch(c)
        if len(batch) > 1:
            raw = {name: part.unflatten(0, batch) for name, part in raw.items()}
        with full_precision(c):
            distribution = self.family({**raw, **self.shared}, self.event)
        return self.family.calibrated(distribution, dict(self.shared)) if self.training else distribution


@singledispatch
def conditional(description: Value, net: nn.Module, *, given: Size, event: Size, context: int = 0) -> nn.Module:
    """Return the module p(y | c) that a description stands for: of a family, a flow, a codebook.

    Args:
        description: The family of y, or what else describes its distribution.
        net: A module from `(N, *vaekit.nets.joined_size(given, context))` to features.
        given: The shape of one c.
        event: The shape of one y.
        context: Length of the context vector; 0 for none.
    """
    raise TypeError(f"{type(description).__name__} describes no conditional distribution")


@conditional.register
def _(description: Family, net: nn.Module, *, given: Size, event: Size, context: int = 0) -> nn.Module:
    return Conditional(net, description, given=given, event=event, context=context)
