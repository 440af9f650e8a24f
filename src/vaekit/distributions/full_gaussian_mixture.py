"""Mixtures of correlated Gaussians, quick with hundreds of components."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Size, Tensor
from torch.distributions import Categorical

from vaekit.distributions.gaussian_mixture import Mixture
from vaekit.distributions.precision import full_precision
from vaekit.distributions.temperature import temper

__all__ = ["FullGaussianMixture", "natural", "quadratic"]

_AT_ONCE = 1 << 14  # draws whose factors are gathered at once


def quadratic(z: Tensor) -> Tensor:
    r"""Return the monomials :math:`[z_i z_j]_{i \ge j}, z, 1` of vectors: what a Gaussian's log-density is linear in.

    Args:
        z: `(*S, D)`.

    Returns:
        `(*S, D (D + 1) / 2 + D + 1)`.

    Examples:
        >>> quadratic(torch.tensor([2.0, 3.0]))
        tensor([4., 6., 9., 2., 3., 1.])
    """
    # Row by row: picking pairs by index would be slower by an order of magnitude in the gradient.
    products = [z[..., i : i + 1] * z[..., : i + 1] for i in range(z.shape[-1])]
    return torch.cat([*products, z, torch.ones_like(z[..., :1])], -1)


class FullGaussianMixture(Mixture):
    r"""The density :math:`p(z) = \sum_k \pi_k\, \mathcal{N}(z; \mu_k, \Sigma_k)` with :math:`\Sigma_k^{-1} = W_k^\top W_k`.

    All exponents come from one matrix product, :math:`[z_i z_j, z, 1] \cdot \theta_k`: a tensor with axes for draws and
    components alone, where whitening each draw by each component, :math:`W_k (z - \mu_k)`, would have one for dimensions too.
    Its terms cancel, so it is taken in double precision, where a device has that, around the middle of the means.

    Args:
        logits: Unnormalised :math:`\log \pi`, `(*B, K)`.
        loc: :math:`\mu`, `(K, *event)`.
        spread: W, the inverse of the Cholesky factor of the covariance: lower triangular, `(K, D, D)`, where D is
            the number of elements of an event.

    Examples:
        >>> mixture = FullGaussianMixture(torch.zeros(2), torch.tensor([[-1.0], [1.0]]), torch.ones(2, 1, 1))
        >>> mixture.mean, mixture.variance
        (tensor([0.]), tensor([2.]))
    """

    @property
    def whitening(self) -> Tensor:
        """The inverses of the Cholesky factors of the covariances, `(K, D, D)`."""
        return self.spread

    def log_components(self, z: Tensor) -> Tensor:
        """Return the log-density of each component."""
        # Whatever point the density is expanded around, it is the same: no gradient passes.
        middle = self.loc.detach().flatten(1).mean(0).to(z.dtype)
        loc = self.loc.flatten(1).to(z.dtype) - middle
        return quadratic(z - middle) @ natural(loc, self.whitening.to(z.dtype)).T

    @property
    def variance(self) -> Tensor:
        """The variance of each dimension, within components and between them."""
        within = self._cholesky.square().sum(-1).unflatten(1, self.event_shape)
        return self._with_between(within)

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return draws; the choice of a component has no gradient."""
        with torch.no_grad(), full_precision(self.loc):
            chosen = Categorical(logits=self.logits, validate_args=False).sample(sample_shape)
            loc, cholesky = self.loc.flatten(1), self._cholesky
            noise = torch.randn(chosen.numel(), loc.shape[1], dtype=loc.dtype, device=loc.device)
            pairs = zip(chosen.flatten().split(_AT_ONCE), noise.split(_AT_ONCE), strict=True)
            parts = [torch.baddbmm(loc[k].unsqueeze(-1), cholesky[k], e.unsqueeze(-1)).squeeze(-1) for k, e in pairs]
            return torch.cat(parts).reshape(*chosen.shape, *self.event_shape)

    @property
    def _cholesky(self) -> Tensor:
        """The Cholesky factors of the covariances, `(K, D, D)`."""
        with full_precision(self.whitening):
            unit = torch.eye(self.whitening.shape[-1], dtype=self.whitening.dtype, device=self.whitening.device)
            return torch.linalg.solve_triangular(self.whitening, unit, upper=False)


def natural(loc: Tensor, whitening: Tensor) -> Tensor:
    """Return the weights of the monomials in each component's log-density, `(K, M)`.

    Args:
        loc: `(K, D)`.
        whitening: `(K, D, D)`, lower triangular.
    """
    precision = whitening.mT @ whitening
    rows, columns = torch.tril_indices(*precision.shape[1:], device=loc.device)
    # A product of two different coordinates stands for both of its places in the matrix.
    square = precision[:, rows, columns] * torch.where(rows == columns, -0.5, -1.0).to(loc.dtype)
    linear = (precision @ loc.unsqueeze(-1)).squeeze(-1)
    log_det = whitening.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    constant = log_det - (linear * loc).sum(-1) / 2 - loc.shape[1] / 2 * math.log(2 * math.pi)
    return torch.cat([square, linear, constant.unsqueeze(-1)], -1)


@temper.register
def _(distribution: FullGaussianMixture, temperature: float) -> FullGaussianMixture:
    # Its components become sharper; which of them is drawn stays as probable as it was.
    return FullGaussianMixture(distribution.logits, distribution.loc, distribution.whitening / temperature)
