"""Gaussian posteriors whose dimensions are correlated: with a full covariance, or one of low rank plus a diagonal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.distributions import LowRankMultivariateNormal, MultivariateNormal

from vaekit.distributions import single
from vaekit.heads.family import Family, vector_length
from vaekit.heads.scale import Exp, Spread
from vaekit.value import Size

__all__ = ["Full", "LowRank"]


class Full(Family):
    r""":math:`\mathcal{N}(z; \mu, L L^\top)` with :math:`L = \mathrm{diag}(\sigma)(I + N)`, N strictly lower triangular.

    It begins at :math:`L = I`. The rate against a diagonal Gaussian is in closed form, but has no terms per dimension.

    References:
        Kingma and Welling, 2019, "An introduction to variational autoencoders", section 2.5.1 (full-covariance posterior).

    Examples:
        >>> raw = {"loc": torch.zeros(2), "scale": torch.zeros(2), "lower": torch.ones(1)}
        >>> Full()(raw, (2,)).covariance_matrix
        tensor([[1., 1.],
                [1., 2.]])
    """

    kind: Literal["full"] = "full"
    scale: Spread = Exp()
    """Parameterisation of the diagonal of the Cholesky factor: exp or softplus."""

    def heads(self, event: Size) -> dict[str, Size]:
        """Return `loc`, `scale`, and `lower`: the entries of N, row by row."""
        d = vector_length(event, self.kind)
        if d < 2:
            raise ValueError(
                "posterior=full needs latent=2 or more; one latent has nothing to correlate with: gaussian"
            )
        return {"loc": event, "scale": event, "lower": (d * (d - 1) // 2,)}

    def start(self) -> dict[str, float]:
        """Begin at a covariance of I."""
        return {"scale": self.scale.start(), "lower": 0.0}

    def __call__(self, raw: Mapping[str, Tensor], event: Size) -> MultivariateNormal:
        """Return the Gaussian."""
        loc, sigma = single(raw["loc"]), self.scale.sigma(single(raw["scale"]))
        factor = torch.diag_embed(torch.ones_like(loc))
        row, column = torch.tril_indices(event[0], event[0], -1, device=loc.device)
        factor[..., row, column] = single(raw["lower"])
        # Rows in units of sigma: however small sigma is, the factor is no worse conditioned.
        return MultivariateNormal(loc, scale_tril=sigma.unsqueeze(-1) * factor, validate_args=False)


class LowRank(Family):
    r""":math:`\mathcal{N}(z; \mu, \Sigma)` with :math:`\Sigma = \mathrm{diag}(\sigma)(I + W W^\top)\mathrm{diag}(\sigma)`, W of few columns.

    References:
        Ong, Nott and Smith, 2018, "Gaussian variational approximation with a factor covariance structure".

    Examples:
        >>> raw = {"loc": torch.zeros(2), "scale": torch.zeros(2), "factor": torch.ones(2)}
        >>> LowRank(rank=1)(raw, (2,)).covariance_matrix
        tensor([[2., 1.],
                [1., 2.]])
    """

    kind: Literal["lowrank"] = "lowrank"
    rank: Annotated[int, Field(ge=1)] = 4
    """Number of directions of correlation."""
    scale: Spread = Exp()
    """Parameterisation of the standard deviation without them: exp or softplus."""

    def heads(self, event: Size) -> dict[str, Size]:
        """Return `loc`, `scale`, and `factor`: the rows of W."""
        return {"loc": event, "scale": event, "factor": (vector_length(event, self.kind) * self.rank,)}

    def start(self) -> dict[str, float]:
        """Begin at a covariance of I."""
        return {"scale": self.scale.start(), "factor": 0.0}

    def __call__(self, raw: Mapping[str, Tensor], event: Size) -> LowRankMultivariateNormal:
        """Return the Gaussian."""
        sigma = self.scale.sigma(single(raw["scale"]))
        # In units of sigma the matrix that torch factorises stays positive definite in single precision.
        factor = sigma.unsqueeze(-1) * single(raw["factor"]).unflatten(-1, (event[0], self.rank))
        return LowRankMultivariateNormal(single(raw["loc"]), factor, sigma.square(), validate_args=False)
