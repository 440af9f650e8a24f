"""Draws from a posterior, with their log-density where it comes with them, and from a prior, as many as are asked for."""

from __future__ import annotations

from itertools import dropwhile

from torch import Size, Tensor
from torch.distributions import Distribution

from vaekit.distributions.point import point
from vaekit.distributions.temperature import temper

__all__ = ["draw", "draw_prior"]


def draw(distribution: Distribution, samples: int) -> tuple[Tensor, Tensor | None]:
    """Return reparameterised draws, and their log-density where drawing yields it.

    A flow that is quick to draw from may be slow or unable to invert (an inverse autoregressive flow, a planar one):
    such a distribution offers `rsample_and_log_prob(shape)`, and its density is taken on the way out.

    Args:
        distribution: Batch shape `(B,)`.
        samples: S.

    Returns:
        Draws `(S, B, *event)`, and log-densities in nats `(S, B)` or None.

    Examples:
        >>> from torch.distributions import Independent, Normal
        >>> z, log_q = draw(Independent(Normal(Tensor([0.0]), 1.0).expand([5, 2]), 1), 3)
        >>> z.shape, log_q
        (torch.Size([3, 5, 2]), None)
    """
    together = getattr(distribution, "rsample_and_log_prob", None)
    if together is None:
        return distribution.rsample((samples,)), None
    z, log_q = together((samples,))
    return z.view_as(z), log_q  # gradients of the density do not go through these draws


def draw_prior(prior: Distribution, *shape: int, temperature: float = 1.0, reparameterized: bool = False) -> Tensor:
    """Return independent draws `(*shape, *event)` of a prior.

    Args:
        prior: Its batch shape broadcasts to `shape`: empty or of ones where it knows of no batch, `(B,)` given a context.
        shape: Batch axes, the last ones those that the prior may know of.
        temperature: Scale of the draws; 0 gives the prior's point, over and over.
        reparameterized: With a gradient to the prior, where it has one.

    Examples:
        >>> from torch.distributions import Independent, Normal
        >>> prior = Independent(Normal(Tensor([[0.0, 0.0]]), 1.0), 1)  # a batch axis of 1
        >>> draw_prior(prior, 3).shape, len(draw_prior(prior, 3).unique())
        (torch.Size([3, 2]), 6)
    """
    if temperature == 0:
        return point(prior).expand(*shape, *prior.event_shape)
    prior = prior if temperature == 1 else temper(prior, temperature)
    batch = tuple(dropwhile(lambda size: size == 1, prior.batch_shape))
    free = len(shape) - len(batch)
    if batch != shape[free:]:  # ones in the middle
        prior, free = prior.expand(Size(shape)), 0
    sample = prior.rsample if reparameterized and prior.has_rsample else prior.sample
    return sample(Size(shape[:free])).reshape(*shape, *prior.event_shape)
