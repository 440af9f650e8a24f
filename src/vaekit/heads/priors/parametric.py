"""Priors that are a family with learned parameters: a diagonal Gaussian, a mixture of them."""

from __future__ import annotations

import functools
from typing import Literal

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.heads.family import Family
from vaekit.heads.gaussian import Gaussian
from vaekit.heads.layers import Heads
from vaekit.heads.priors.prior import Prior, Site
from vaekit.nets import linear_head
from vaekit.value import Size

__all__ = ["Diagonal", "Parametric"]


class Diagonal(Prior):
    """A Gaussian with a learned mean and deviation per dimension; with a context, learned functions of it.

    References:
        Sohn, Lee and Yan, 2015, "Learning structured output representation using deep conditional generative models"
        (the prior given a context).
    """

    kind: Literal["diagonal"] = "diagonal"

    def build(self, site: Site) -> nn.Module:
        """Return the module; it begins at N(0, I)."""
        return Parametric(Gaussian(), site.event, site.context)


class Parametric(nn.Module):
    """The distribution of a family whose raw parameters are weights, or linear in a context.

    Args:
        family: The family of z.
        event: The shape of one group of latents.
        context: Length of the context vector; 0 for none.

    Examples:
        >>> Parametric(Gaussian(), (3,))().stddev.detach()
        tensor([1., 1., 1.])
    """

    one: Tensor

    def __init__(self, family: Family, event: Size, context: int = 0) -> None:
        super().__init__()
        self.family, self.event, self.context = family, tuple(event), context
        sizes = family.heads(self.event)
        start = dict.fromkeys(sizes, 0.0) | family.start()
        # Without a context it is a linear function of the constant 1: one form for both.
        self.heads = Heads(sizes, functools.partial(linear_head, (max(1, context),)), start)
        self.shared = nn.ParameterDict({name: nn.Parameter(value) for name, value in family.shared(self.event).items()})
        self.register_buffer("one", torch.ones(1, 1), persistent=False)

    def forward(self, *context: Tensor) -> Distribution:
        """Return p(z), or p(z | context) with batch shape (B,)."""
        raw = self.heads(context[0] if self.context else self.one)
        raw = raw if self.context else {name: part[0] for name, part in raw.items()}
        return self.family({**raw, **self.shared}, self.event)
