"""The mixture prior: Gaussians in latent space, all of them learned."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from vaekit.distributions import GaussianMixture
from vaekit.heads.priors.prior import Prior, Site
from vaekit.heads.scale import Exp
from vaekit.value import Size

__all__ = ["GMM", "LearnedMixture"]

_SCALE = Exp()
_SPREAD = 0.5  # standard deviation of the means at the start, of a total of 1


class GMM(Prior):
    """A mixture of diagonal Gaussians with learned weights, means and deviations; a context weighs the components.

    References:
        Dilokthanakul et al., 2016, "Deep unsupervised clustering with Gaussian mixture variational autoencoders"; Tomczak and
        Welling, 2018, "VAE with a VampPrior" (the mixture of Gaussians compared there).
    """

    kind: Literal["gmm"] = "gmm"
    components: Annotated[int, Field(ge=1)] = 100
    """Number of Gaussians."""

    def build(self, site: Site) -> nn.Module:
        """Return the module; its means begin apart, since equal components would stay equal."""
        return LearnedMixture(self.components, site.event, site.context)


class LearnedMixture(nn.Module):
    """The mixture with its weights.

    Args:
        components: K.
        event: The shape of one z.
        context: Length of the context vector, on which the mixture weights depend linearly; 0 for none.

    Examples:
        >>> LearnedMixture(10, (3,))().sample((4,)).shape
        torch.Size([4, 3])
    """

    def __init__(self, components: int, event: Size, context: int = 0) -> None:
        super().__init__()
        self.loc = nn.Parameter(_SPREAD * torch.randn(components, *event))
        self.scale = nn.Parameter(torch.full((components, *event), 1 - _SPREAD**2).log())
        self.logits = nn.Parameter(torch.zeros(components))
        self.weigh = nn.Linear(context, components, bias=False) if context else None
        if self.weigh is not None:
            nn.init.zeros_(self.weigh.weight)

    def forward(self, *context: Tensor) -> GaussianMixture:
        """Return p(z), or p(z | context) with batch shape (B,)."""
        logits = self.logits if self.weigh is None else self.logits + self.weigh(context[0]).to(self.logits.dtype)
        return GaussianMixture(logits, self.loc, _SCALE.sigma(self.scale))

    @torch.no_grad()
    def place(self, means: Tensor, variances: Tensor, weights: Tensor) -> None:
        """Put the components where clusters were found.

        Args:
            means: `(K, *event)`.
            variances: `(K, *event)`.
            weights: Shares of the data, `(K,)`.
        """
        self.loc.copy_(means)
        self.scale.copy_(variances.clamp_min(1e-4).log())
        self.logits.copy_(weights.clamp_min(1e-6).log())
