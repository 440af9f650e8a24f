"""The number of directions in which data vary, at the scale of their neighborhoods."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["intrinsic_dimension"]


def intrinsic_dimension(x: Tensor, k: int = 5) -> float | None:
    r"""Return the maximum-likelihood estimate of the dimension of the set that data lie on.

    .. math:: \frac1d = \frac1N \sum_i \frac{1}{k - 1} \sum_{j < k} \log \frac{T_k(x_i)}{T_j(x_i)}

    with :math:`T_j(x)` the distance of x to its j-th nearest neighbor among the others.

    References:
        Levina and Bickel, 2004, "Maximum likelihood estimation of intrinsic dimension"; MacKay and Ghahramani, 2005,
        "Comments on maximum likelihood estimation of intrinsic dimension" (the mean of 1/d).

    Args:
        x: Data `(N, F)`.
        k: Neighbors.

    Returns:
        d, or None where fewer than 10 k distinct data are left.
    """
    x = torch.unique(x.double(), dim=0)
    if len(x) < 10 * k or not torch.isfinite(x).all():
        return None
    distances = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist").topk(k + 1, largest=False).values[:, 1:]
    inverse = (distances[:, -1:].log() - distances[:, :-1].log()).sum(1).mean() / (k - 1)
    return 1 / inverse.item() if inverse > 0 else None
