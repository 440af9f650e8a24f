"""Sharper or broader versions of a distribution: the temperature of sampling."""

from __future__ import annotations

from functools import singledispatch

from torch.distributions import (
    Bernoulli,
    Distribution,
    Independent,
    Laplace,
    LowRankMultivariateNormal,
    MultivariateNormal,
    Normal,
)

__all__ = ["temper"]


@singledispatch
def temper(distribution: Distribution, temperature: float) -> Distribution:
    r"""Return the distribution at a temperature: 1 leaves it as it is, lower is sharper, higher is broader.

    Location-scale families multiply their scale by :math:`t`; families with logits divide them by :math:`t`.

    Args:
        distribution: The distribution to change.
        temperature: :math:`t > 0`. For the limit of 0 ask for `vaekit.distributions.point` instead.

    Raises:
        NotImplementedError: No rule is registered for this kind of distribution.

    Examples:
        >>> temper(Normal(0.0, 2.0), 0.5).stddev
        tensor(1.)
    """
    raise NotImplementedError(
        f"temper() has no rule for {type(distribution).__name__}; register one with @temper.register"
    )


@temper.register
def _(distribution: Independent, temperature: float) -> Independent:
    base = temper(distribution.base_dist, temperature)
    return Independent(base, distribution.reinterpreted_batch_ndims, validate_args=False)


@temper.register
def _(distribution: Normal, temperature: float) -> Normal:
    return Normal(distribution.loc, distribution.scale * temperature, validate_args=False)


@temper.register
def _(distribution: Laplace, temperature: float) -> Laplace:
    return Laplace(distribution.loc, distribution.scale * temperature, validate_args=False)


@temper.register
def _(distribution: Bernoulli, temperature: float) -> Bernoulli:
    return Bernoulli(logits=distribution.logits / temperature, validate_args=False)


@temper.register
def _(distribution: MultivariateNormal, temperature: float) -> MultivariateNormal:
    return MultivariateNormal(distribution.loc, scale_tril=distribution.scale_tril * temperature, validate_args=False)


@temper.register
def _(distribution: LowRankMultivariateNormal, temperature: float) -> LowRankMultivariateNormal:
    factor, diagonal = distribution.cov_factor * temperature, distribution.cov_diag * temperature**2
    return LowRankMultivariateNormal(distribution.loc, factor, diagonal, validate_args=False)
