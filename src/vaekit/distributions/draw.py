"""Draws from a posterior, with their log-density where it comes with them."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import Distribution

__all__ = ["draw"]


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
