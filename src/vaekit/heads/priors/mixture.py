"""The mixture prior: Gaussians in latent space, all of them learned."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from vaekit.distributions import FullGaussianMixture, GaussianMixture
from vaekit.heads.priors.prior import Prior, Site
from vaekit.heads.scale import Exp
from vaekit.value import Size

__all__ = ["GMM", "LearnedMixture"]

_SCALE = Exp()
_SPREAD = 0.5  # standard deviation of the means at the start, of a total of 1
_WITHIN = math.log(1 - _SPREAD**2)  # log-variance of a component at the start
_NARROWEST = 15.0  # bound on |log sigma| of what the dimensions before leave open


class GMM(Prior):
    """A mixture of Gaussians with learned weights, means and covariances; a context weighs the components.

    Full covariances, of D / 2 times as many weights, are for a prior that is fitted afterwards, by expectation maximisation.

    References:
        Dilokthanakul et al., 2016, "Deep unsupervised clustering with Gaussian mixture variational autoencoders"; Tomczak and
        Welling, 2018, "VAE with a VampPrior" (the mixture of Gaussians compared there).
    """

    kind: Literal["gmm"] = "gmm"
    components: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Number of Gaussians."""
    covariance: Literal["diagonal", "full"] = "diagonal"
    """Independent dimensions within a component, or correlated ones."""

    def build(self, site: Site) -> nn.Module:
        """Return the module; its means begin apart, since equal components would stay equal."""
        return LearnedMixture(self.components, site.event, site.context, self.covariance)


class LearnedMixture(nn.Module):
    r"""The mixture with its weights.

    A full covariance is learned as the regressions of each dimension on those before it, :math:`\Sigma^{-1} = W^\top W` with
    :math:`W = \operatorname{diag}(\sigma^{-1}) (I + L)`: every raw number is allowed, and all are of the order of 1.

    References:
        Pourahmadi, 1999, "Joint mean-covariance models with applications to longitudinal data: unconstrained
        parameterisation".

    Args:
        components: K.
        event: The shape of one z.
        context: Length of the context vector, on which the mixture weights depend linearly; 0 for none.
        covariance: Of the components.

    Examples:
        >>> LearnedMixture(10, (3,))().sample((4,)).shape
        torch.Size([4, 3])
    """

    def __init__(
        self, components: int, event: Size, context: int = 0, covariance: Literal["diagonal", "full"] = "diagonal"
    ) -> None:
        super().__init__()
        self.event, self.full = tuple(event), covariance == "full"
        self.loc = nn.Parameter(_SPREAD * torch.randn(components, *event))
        scale = torch.full((components, *event), _WITHIN)
        # log sigma^2, or the matrix with log sigma on its diagonal and L below it
        self.scale = nn.Parameter(torch.diag_embed(scale.flatten(1) / 2) if self.full else scale)
        self.logits = nn.Parameter(torch.zeros(components))
        self.weigh = nn.Linear(context, components, bias=False) if context else None
        if self.weigh is not None:
            nn.init.zeros_(self.weigh.weight)

    def forward(self, *context: Tensor) -> GaussianMixture | FullGaussianMixture:
        """Return p(z), or p(z | context) with batch shape (B,)."""
        logits = self.logits if self.weigh is None else self.logits + self.weigh(context[0]).to(self.logits.dtype)
        if not self.full:
            return GaussianMixture(logits, self.loc, _SCALE.sigma(self.scale))
        inverse = torch.exp(-self.scale.diagonal(dim1=-2, dim2=-1).clamp(-_NARROWEST, _NARROWEST))
        unit = torch.eye(self.scale.shape[-1], dtype=self.scale.dtype, device=self.scale.device)
        return FullGaussianMixture(logits, self.loc, inverse.unsqueeze(-1) * (self.scale.tril(-1) + unit))

    @torch.no_grad()
    def place(self, means: Tensor, spread: Tensor, weights: Tensor) -> None:
        """Put the components where clusters were found.

        Args:
            means: `(K, *event)`.
            spread: Variances, `(K, *event)`; of a mixture with full covariances these, `(K, D, D)`, positive definite.
            weights: Shares of the data, `(K,)`.
        """
        self.loc.copy_(means)
        self.scale.copy_(_regressions(spread) if self.full else spread.clamp_min(1e-4).log())
        self.logits.copy_(weights.clamp_min(1e-6).log())


def _regressions(covariances: Tensor) -> Tensor:
    cholesky = torch.linalg.cholesky(covariances)
    sigma = cholesky.diagonal(dim1=-2, dim2=-1)
    # Sigma = C C' with C = (I + L)^-1 diag(sigma)
    unit = cholesky / sigma.unsqueeze(-2)
    eye = torch.eye(unit.shape[-1], dtype=unit.dtype, device=unit.device)
    inverse = torch.linalg.solve_triangular(unit, eye, upper=False, unitriangular=True)
    return inverse.tril(-1) + torch.diag_embed(sigma.log())
