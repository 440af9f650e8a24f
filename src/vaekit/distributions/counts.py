"""Distributions of counts, with all their digits at counts of a million, and with draws at a temperature."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Size, Tensor
from torch.distributions import Distribution, constraints

from vaekit.distributions.stirling import log1p_or, stirling
from vaekit.distributions.temperature import temper

__all__ = ["NegativeBinomial", "Poisson", "Tempered", "ZeroInflated"]


class Poisson(Distribution):
    r"""The Poisson :math:`P(x) = \lambda^x e^{-\lambda} / x!`.

    .. math:: \log P(x) = x \log\frac{\lambda}{x} - (\lambda - x) - \tfrac12 \log 2 \pi x - \delta(x)

    with Stirling's remainder :math:`\delta`: nothing large is left to cancel.

    References:
        Loader, 2000, "Fast and accurate computation of binomial probabilities".

    Args:
        log_rate: :math:`\log \lambda`, any shape.

    Examples:
        >>> Poisson(torch.zeros(1)).log_prob(torch.ones(1))
        tensor([-1.])
    """

    arg_constraints = {"log_rate": constraints.real}  # noqa: RUF012 (the contract of torch.distributions)
    support = constraints.nonnegative_integer

    def __init__(self, log_rate: Tensor, validate_args: bool | None = None) -> None:
        self.log_rate = log_rate
        super().__init__(log_rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """The rate."""
        return self.log_rate.exp()

    @property
    def variance(self) -> Tensor:
        """The rate."""
        return self.log_rate.exp()

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-probability in nats of counts given as floats."""
        if self._validate_args:
            self._validate_sample(value)
        x, excess = value.clamp_min(1), self.mean - value
        ratio = log1p_or(excess / x, self.log_rate - x.log())
        some = x * ratio - excess - 0.5 * (2 * math.pi * x).log() - stirling(x)
        return torch.where(value == 0, -self.mean, some)

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return counts as floats."""
        with torch.no_grad():
            return torch.poisson(self.mean.expand(self._extended_shape(sample_shape)))


class NegativeBinomial(Distribution):
    r"""A Poisson whose rate is Gamma distributed, with mean :math:`\mu` and variance :math:`\mu + \mu^2 / r`.

    .. math:: \log P(x) = x \log\frac{\mu n}{x (\mu + r)} + r \log\frac{n}{\mu + r}
        + \tfrac12 \log\frac{r}{2 \pi n x} + \delta(n) - \delta(r) - \delta(x), \qquad n = x + r

    with Stirling's remainder :math:`\delta`.

    References:
        Loader, 2000, "Fast and accurate computation of binomial probabilities".

    Args:
        log_mean: :math:`\log \mu`, any shape.
        log_concentration: :math:`\log r`, in the same shape.

    Examples:
        >>> NegativeBinomial(torch.zeros(1), torch.zeros(1)).log_prob(torch.arange(3.0)).exp()  # geometric
        tensor([0.5000, 0.2500, 0.1250])
    """

    arg_constraints = {"log_mean": constraints.real, "log_concentration": constraints.real}  # noqa: RUF012
    support = constraints.nonnegative_integer

    def __init__(self, log_mean: Tensor, log_concentration: Tensor, validate_args: bool | None = None) -> None:
        self.log_mean, self.log_concentration = log_mean, log_concentration
        super().__init__(log_mean.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self.log_mean.exp()

    @property
    def variance(self) -> Tensor:
        """The variance."""
        return self.mean + (2 * self.log_mean - self.log_concentration).exp()

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-probability in nats of counts given as floats."""
        if self._validate_args:
            self._validate_sample(value)
        x, r = value.clamp_min(1), self.log_concentration.exp()
        n, lack = x + r, (x - self.mean) / (r + self.mean)
        far = n.log() - torch.logaddexp(self.log_concentration, self.log_mean)
        successes = log1p_or(-lack * r / x, far + self.log_mean - x.log())
        failures = log1p_or(lack, far)
        height = 0.5 * (self.log_concentration - (2 * math.pi * n).log() - x.log())
        some = x * successes + r * failures + height + stirling(n) - stirling(r) - stirling(x)
        return torch.where(value == 0, -r * F.softplus(self.log_mean - self.log_concentration), some)

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return counts as floats."""
        with torch.no_grad():
            shape = self._extended_shape(sample_shape)
            r = self.log_concentration.exp()
            return torch.poisson(torch._standard_gamma(r.expand(shape)) * self.mean / r)


class ZeroInflated(Distribution):
    r"""A zero with probability :math:`\pi`, and a draw of the other counts' distribution otherwise.

    References:
        Lambert, 1992, "Zero-inflated Poisson regression, with an application to defects in manufacturing".

    Args:
        base: The distribution of counts.
        logits: :math:`\log \pi / (1 - \pi)`, in the batch shape of `base`.

    Examples:
        >>> ZeroInflated(Poisson(torch.full((1,), 3.0)), torch.zeros(1)).log_prob(torch.zeros(1)).exp()
        tensor([0.5000])
    """

    arg_constraints = {"logits": constraints.real}  # noqa: RUF012 (the contract of torch.distributions)
    support = constraints.nonnegative_integer

    def __init__(self, base: Distribution, logits: Tensor, validate_args: bool | None = None) -> None:
        self.base, self.logits = base, logits
        super().__init__(base.batch_shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return torch.sigmoid(-self.logits) * self.base.mean

    @property
    def variance(self) -> Tensor:
        """The variance: within the two parts, and between them."""
        zero, other = self.logits.sigmoid(), torch.sigmoid(-self.logits)
        return other * (self.base.variance + zero * self.base.mean.square())

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-probability in nats of counts given as floats."""
        counted = F.logsigmoid(-self.logits) + self.base.log_prob(value)
        return torch.where(value == 0, torch.logaddexp(F.logsigmoid(self.logits), counted), counted)

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return counts as floats."""
        with torch.no_grad():
            x = self.base.sample(sample_shape)
            return x * torch.bernoulli(torch.sigmoid(-self.logits).expand_as(x))


class Tempered(Distribution):
    """Draws of counts, brought nearer to their mean or farther from it, and rounded; it has no `log_prob`.

    Args:
        base: The distribution of counts.
        temperature: What a draw's distance from the mean is multiplied by.

    Examples:
        >>> Tempered(Poisson(torch.full((1,), 3.0)), 1e-6).sample()
        tensor([20.])
    """

    arg_constraints = {}  # noqa: RUF012 (the contract of torch.distributions)
    support = constraints.nonnegative_integer

    def __init__(self, base: Distribution, temperature: float) -> None:
        self.base, self.temperature = base, temperature
        super().__init__(base.batch_shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """That of the base, up to rounding."""
        return self.base.mean

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return counts as floats."""
        with torch.no_grad():
            return torch.lerp(self.mean, self.base.sample(sample_shape), self.temperature).round().clamp_min(0)


@temper.register(Poisson)
@temper.register(NegativeBinomial)
@temper.register(ZeroInflated)
def _(distribution: Distribution, temperature: float) -> Distribution:
    # No family of counts keeps its mean and takes any variance: their draws are scaled instead.
    return distribution if temperature == 1 else Tempered(distribution, temperature)
