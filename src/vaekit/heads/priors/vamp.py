"""The VampPrior: a mixture of the posteriors of learned pseudo-inputs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from vaekit.distributions import GaussianMixture
from vaekit.heads.priors.prior import Prior, Site
from vaekit.value import Size

__all__ = ["PseudoInputs", "Vamp"]

_INSIDE = 0.02  # how far pseudo-inputs begin from the ends of the data's range, where the sigmoid would stand still


class Vamp(Prior):
    r""":math:`p(z) = \frac{1}{K} \sum_k q(z \mid u_k)`: the mixture of the posteriors of K learned pseudo-inputs.

    Each step encodes all K of them, so 500 cost as much as 500 more data in the encoder.

    References:
        Tomczak and Welling, 2018, "VAE with a VampPrior".
    """

    kind: Literal["vamp"] = "vamp"
    components: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Number of pseudo-inputs."""

    def build(self, site: Site) -> nn.Module:
        """Return the module.

        Raises:
            ValueError: The model is conditional: pseudo-inputs have no context.
        """
        if site.context:
            raise ValueError("prior=vamp has no form given a context; use prior=gmm or prior=flow")
        return PseudoInputs(self.components, site.posterior, site.given)


class PseudoInputs(nn.Module):
    """The pseudo-inputs, inside the range of the data by a sigmoid, and the mixture of their posteriors.

    Args:
        components: K.
        posterior: The module q(z | x), a Gaussian with independent dimensions. It stays the model's own: its weights are
            no weights of the prior's.
        given: The shape of one datum.
    """

    low: Tensor
    high: Tensor

    def __init__(self, components: int, posterior: nn.Module, given: Size) -> None:
        super().__init__()
        self._posterior = (posterior,)  # in a tuple, a module is not registered a second time
        self.raw = nn.Parameter(torch.randn(components, *given))
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.ones(()))

    @property
    def inputs(self) -> Tensor:
        """The pseudo-inputs, `(K, *given)`."""
        return self.low + (self.high - self.low) * self.raw.sigmoid()

    @torch.no_grad()
    def initialize(self, x: Tensor, *_context: Tensor) -> None:
        """Begin at data, `(N, *given)`, each a little different where there are fewer than pseudo-inputs."""
        self.low.copy_(x.min())
        self.high.copy_(x.max())
        share = (x - self.low) / (self.high - self.low).clamp_min(torch.finfo(x.dtype).tiny)
        rows = torch.arange(len(self.raw), device=x.device) % len(x)
        start = torch.logit(share[rows].clamp(_INSIDE, 1 - _INSIDE))
        self.raw.copy_(start + 0.01 * torch.randn_like(start))

    def forward(self) -> GaussianMixture:
        """Return p(z); the encoder runs once.

        Raises:
            ValueError: The posterior is no Gaussian with independent dimensions.
        """
        with _still(self._posterior[0]):
            q = self._posterior[0](self.inputs)
        if not (isinstance(q, Independent) and isinstance(q.base_dist, Normal)):
            raise ValueError(
                "prior=vamp is a mixture of Gaussian posteriors with independent dimensions; use posterior=gaussian, or "
                "prior=gmm or prior=flow"
            )
        return GaussianMixture(q.base_dist.loc.new_zeros(len(self.raw)), q.base_dist.loc, q.base_dist.scale)


@contextlib.contextmanager
def _still(module: nn.Module) -> Iterator[None]:
    """Let batch norm use its running statistics: pseudo-inputs must neither move them nor be normalised by each other."""
    norms = (layer for layer in module.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm))
    layers = [layer for layer in norms if layer.training]  # a model in evaluation may be in use by other threads
    for layer in layers:
        layer.eval()
    try:
        yield
    finally:
        for layer in layers:
            layer.train()
