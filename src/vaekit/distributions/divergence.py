"""The Kullback-Leibler divergence, dimension by dimension."""

from __future__ import annotations

import math

from torch import Tensor
from torch.distributions import (
    Distribution,
    Independent,
    LowRankMultivariateNormal,
    MultivariateNormal,
    Normal,
    kl_divergence,
    register_kl,
)

__all__ = ["kl", "kl_terms"]


def kl_terms(q: Distribution, p: Distribution) -> Tensor | None:
    r"""Return :math:`KL(q_j \| p_j)` for every dimension :math:`j`, where both sides factorise and a closed form exists.

    Args:
        q: The posterior, with batch shape `(*S, B)`.
        p: The prior, with a batch shape that broadcasts to that of `q`.

    Returns:
        Non-negative nats, shape `(*S, B, *event)`; `None` where there is no closed form per dimension (a caller then
        falls back on the Monte Carlo estimate and refuses keys that act per dimension).

    Examples:
        >>> from torch.distributions import Normal
        >>> q, p = (Independent(Normal(m, 1.0).expand([3]), 1) for m in (1.0, 0.0))
        >>> kl_terms(q, p)
        tensor([0.5000, 0.5000, 0.5000])
    """
    if not (isinstance(q, Independent) and isinstance(p, Independent)):
        return None
    if q.event_shape != p.event_shape:
        raise ValueError(f"posterior and prior must share an event shape, got {q.event_shape} and {p.event_shape}")
    return kl(q.base_dist, p.base_dist)


def kl(q: Distribution, p: Distribution) -> Tensor | None:
    r"""Return :math:`KL(q \| p)` in nats, `(*S, B)`, where a closed form is registered; None otherwise.

    Examples:
        >>> from torch.distributions import Normal
        >>> q, p = (Independent(Normal(m, 1.0).expand([3]), 1) for m in (1.0, 0.0))
        >>> kl(q, p)
        tensor(1.5000)
    """
    try:
        return kl_divergence(q, p)
    except NotImplementedError:
        return None


@register_kl(MultivariateNormal, Independent)
@register_kl(LowRankMultivariateNormal, Independent)
def _(q: MultivariateNormal | LowRankMultivariateNormal, p: Independent) -> Tensor:
    """Return the divergence of a correlated Gaussian from one with independent dimensions."""
    normal = p.base_dist
    if not isinstance(normal, Normal):
        raise NotImplementedError
    distance = (q.variance + (q.mean - normal.mean).square()) / normal.variance
    cross_entropy = 0.5 * (distance + normal.variance.log() + math.log(2 * math.pi)).sum(-1)
    return cross_entropy - q.entropy()
