"""Mixtures of diagonal Gaussians, quick with hundreds of components."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import torch
from torch import Size, Tensor
from torch.distributions import Categorical, Distribution

from vaekit.distributions.point import point
from vaekit.distributions.precision import full_precision
from vaekit.distributions.temperature import temper

__all__ = ["GaussianMixture", "Mixture"]


class Mixture(Distribution):
    """What mixtures of Gaussians share.

    Args:
        logits: Unnormalised log-weights, `(*B, K)`.
        loc: Means, `(K, *event)`.
        spread: What the covariances are made of, `(K, ...)`.
    """

    arg_constraints = {}  # noqa: RUF012 (the contract of torch.distributions)

    def __init__(self, logits: Tensor, loc: Tensor, spread: Tensor) -> None:
        self.logits, self.loc, self.spread = logits, loc, spread
        super().__init__(logits.shape[:-1], loc.shape[1:], validate_args=False)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Mixture:
        """Return the distribution with its batch shape expanded."""
        return type(self)(self.logits.expand(*batch_shape, self.logits.shape[-1]), self.loc, self.spread)

    @abstractmethod
    def log_components(self, z: Tensor) -> Tensor:
        """Return the log-density of each component, `(*S, K)`, at vectors `(*S, D)` in the precision of z."""

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-density in nats."""
        kind = torch.promote_types(value.dtype, self.loc.dtype)
        # Autocast leaves double precision alone, and Apple's devices lack it.
        wide = torch.float32 if value.device.type == "mps" else torch.float64
        with full_precision(value):
            exponent = self.log_components(value.flatten(value.dim() - len(self.event_shape)).to(wide)).to(kind)
            return torch.logsumexp(exponent + self.logits.log_softmax(-1).to(kind), -1)

    @property
    def mean(self) -> Tensor:
        """The mean over all components."""
        return self._averaged(self.loc)

    def _averaged(self, values: Tensor) -> Tensor:
        weights = self.logits.softmax(-1).to(values.dtype)
        with full_precision(values):
            return (weights @ values.flatten(1)).unflatten(-1, self.event_shape)

    def _with_between(self, within: Tensor) -> Tensor:
        """Return the variance from those of the components, `(K, *event)`: within them, and between them."""
        weights, mean = self.logits.softmax(-1).to(self.loc.dtype), self.mean.flatten(len(self.batch_shape))
        with full_precision(mean):
            apart = (self.loc.flatten(1) - mean.unsqueeze(-2)).square()
            total = weights.unsqueeze(-2) @ (within.flatten(1) + apart)
        return total.squeeze(-2).unflatten(-1, self.event_shape)


class GaussianMixture(Mixture):
    r"""The density :math:`p(z) = \sum_k \pi_k\, \mathcal{N}(z; \mu_k, \operatorname{diag} \sigma_k^2)`.

    All exponents come from one matrix product, :math:`-\frac12 [z^2, z] \cdot [\sigma_k^{-2}, -2 \mu_k \sigma_k^{-2}] + c_k`,
    instead of a tensor with an axis for components AND dimensions. Its terms cancel, so it is taken in double precision,
    where a device has that: next to the exponentials this costs little.

    Args:
        logits: Unnormalised :math:`\log \pi`, `(*B, K)`.
        loc: :math:`\mu`, `(K, *event)`.
        spread: The deviations :math:`\sigma > 0`, `(K, *event)`.

    Examples:
        >>> mixture = GaussianMixture(torch.zeros(2), torch.tensor([[-1.0], [1.0]]), torch.ones(2, 1))
        >>> mixture.mean, mixture.variance
        (tensor([0.]), tensor([2.]))
    """

    @property
    def scale(self) -> Tensor:
        """The standard deviations within components, `(K, *event)`."""
        return self.spread

    def log_components(self, z: Tensor) -> Tensor:
        """Return the log-density of each component."""
        loc, log_scale = self.loc.flatten(1).to(z.dtype), self.scale.flatten(1).to(z.dtype).log()
        precision = torch.exp(-2 * log_scale)
        weight = torch.cat([-precision / 2, loc * precision], 1)
        constant = -(loc.square() * precision / 2 + log_scale).sum(1) - loc.shape[1] / 2 * math.log(2 * math.pi)
        return torch.cat([z.square(), z], -1) @ weight.T + constant

    @property
    def variance(self) -> Tensor:
        """The variance within components and between them."""
        return self._with_between(self.scale.square())

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return draws; the choice of a component has no gradient."""
        with torch.no_grad():
            chosen = Categorical(logits=self.logits, validate_args=False).sample(sample_shape)
            return torch.normal(self.loc[chosen], self.scale[chosen])


@temper.register
def _(distribution: GaussianMixture, temperature: float) -> GaussianMixture:
    # Its components become sharper; which of them is drawn stays as probable as it was.
    return GaussianMixture(distribution.logits, distribution.loc, distribution.scale * temperature)


@point.register
def _(distribution: Mixture) -> Tensor:
    # The mean of all components lies between them, where no data are.
    return distribution.loc[distribution.logits.argmax(-1)]
