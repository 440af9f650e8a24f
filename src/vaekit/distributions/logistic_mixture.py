"""Mixtures of logistics: densities of one real number with any number of modes."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Size, Tensor
from torch.distributions import Distribution, constraints

from vaekit.distributions.temperature import temper

__all__ = ["LogisticMixture"]


class LogisticMixture(Distribution):
    r"""The density :math:`p(x) = \sum_k \pi_k\, \sigma'(y_k) / s_k` with :math:`y_k = (x - \mu_k) / s_k`.

    .. math:: \log \sigma'(y) = y - 2 \log(1 + e^y),

    finite, with all its digits, however far off x is.

    References:
        Salimans, Karpathy, Chen and Kingma, 2017, "PixelCNN++" (their mixture, here without bins).

    Args:
        logits: :math:`\log \pi` up to a constant, `(..., K)`.
        loc: :math:`\mu`, in the same shape.
        scale: :math:`s > 0`, in the same shape; a component's standard deviation is :math:`\pi s / \sqrt{3}`.

    Examples:
        >>> mixture = LogisticMixture(torch.zeros(1, 2), torch.tensor([[-1.0, 1.0]]), torch.ones(1, 2))
        >>> mixture.mean, mixture.cdf(torch.zeros(1))
        (tensor([0.]), tensor([0.5000]))
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}  # noqa: RUF012 (the contract of torch)
    support = constraints.real

    def __init__(self, logits: Tensor, loc: Tensor, scale: Tensor, validate_args: bool | None = None) -> None:
        self.logits, self.loc, self.scale = logits, loc, scale
        super().__init__(loc.shape[:-1], validate_args=validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-density in nats."""
        if self._validate_args:
            self._validate_sample(value)
        y = self._standardized(value)
        terms = self.logits + y - 2 * F.softplus(y) - self.scale.log()
        return torch.logsumexp(terms, -1) - torch.logsumexp(self.logits, -1)

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of a number no greater than `value`."""
        return (self._weights * torch.sigmoid(self._standardized(value))).sum(-1)

    @property
    def mean(self) -> Tensor:
        """The mean over all components."""
        return (self._weights * self.loc).sum(-1)

    @property
    def variance(self) -> Tensor:
        """The variance within components and between them."""
        within, between = self.scale.square() * (math.pi**2 / 3), (self.loc - self.mean.unsqueeze(-1)).square()
        return (self._weights * (within + between)).sum(-1)

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return draws: of a component first."""
        shape = self._extended_shape(sample_shape)
        with torch.no_grad():
            chosen = torch.distributions.Categorical(logits=self.logits, validate_args=False).sample(sample_shape)
            loc, scale = (
                part.expand(*shape, -1).gather(-1, chosen.unsqueeze(-1)).squeeze(-1) for part in (self.loc, self.scale)
            )
            u = torch.rand(shape, dtype=loc.dtype, device=loc.device)
            return loc + scale * torch.logit(u.clamp(torch.finfo(u.dtype).tiny, 1 - torch.finfo(u.dtype).eps / 2))

    @property
    def _weights(self) -> Tensor:
        return self.logits.softmax(-1)

    def _standardized(self, value: Tensor) -> Tensor:
        return (value.unsqueeze(-1) - self.loc) / self.scale


@temper.register
def _(distribution: LogisticMixture, temperature: float) -> LogisticMixture:
    logits, scale = distribution.logits / temperature, distribution.scale * temperature
    return LogisticMixture(logits, distribution.loc, scale, validate_args=False)
