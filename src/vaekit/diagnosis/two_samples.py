"""Whether two sets of points come from one distribution."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["told_apart"]


def told_apart(q: Tensor, p: Tensor, k: int = 5) -> float:
    r"""Return the probability of telling points of two sets apart, by the ratio of the densities around each point.

    .. math:: r(z) = \log \frac{T^p_k(z)}{T^q_k(z)} \approx \frac1D \log \frac{q(z)}{p(z)} + \text{const},
        \qquad P(r(z_q) > r(z_p)) + \tfrac12 P(r(z_q) = r(z_p)),

    with :math:`T_k` the distance to the k-th nearest point of a set, without the point itself: the area under the ROC curve.
    In high dimensions the ratio is no density, but only its order is used.

    References:
        Wang, Kulkarni and Verdu, 2009, "Divergence estimation for multidimensional densities via k-nearest-neighbor
        distances"; Lopez-Paz and Oquab, 2017, "Revisiting classifier two-sample tests".

    Args:
        q: Points `(N, D)`.
        p: As many others, `(N, D)`.
        k: Neighbors.

    Examples:
        >>> z = torch.linspace(0, 1, 20, dtype=torch.float64).unsqueeze(1)
        >>> told_apart(z, z + 9)
        1.0
    """
    of_q = _reach(q, p, k) - _reach(q, q, k, own=True)
    of_p = _reach(p, p, k, own=True) - _reach(p, q, k)
    above = (of_q.unsqueeze(1) > of_p).double() + 0.5 * (of_q.unsqueeze(1) == of_p)
    return above.mean().item()


def _reach(points: Tensor, among: Tensor, k: int, *, own: bool = False) -> Tensor:
    """Return the log-distance to the k-th nearest of `among`, which hold the points themselves where `own`."""
    distances = torch.cdist(points, among, compute_mode="donot_use_mm_for_euclid_dist")
    # Points that coincide would be infinitely dense.
    return distances.kthvalue(k + own, 1).values.clamp_min(torch.finfo(distances.dtype).tiny).log()
