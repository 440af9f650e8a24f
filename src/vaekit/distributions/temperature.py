"""Sharper or broader versions of a distribution: the temperature of sampling."""

from __future__ import annotations

from functools import singledispatch

from torch import distributions

__all__ = ["temper"]


@singledispatch
def temper(distribution: distributions.Distribution, temperature: float) -> distributions.Distribution:
    r"""Return the distribution at a temperature: 1 leaves it as it is, lower is sharper, higher is broader.

    Location-scale families multiply their scale by :math:`t`; families with logits divide them by :math:`t`.

    Args:
        distribution: The distribution to change.
        temperature: :math:`t > 0`. For the limit of 0 ask for `vaekit.distributions.point` instead.

    Raises:
        NotImplementedError: No rule is registered for this kind of distribution.

    Examples:
        >>> temper(distributions.Normal(0.0, 2.0), 0.5).stddev
        tensor(1.)
    """
    raise NotImplementedError(
        f"temper() has no rule for {type(distribution).__name__}; register one with @temper.register"
    )


@temper.register
def _(distribution: distributions.Independent, temperature: float) -> distributions.Independent:
    base = temper(distribution.base_dist, temperature)
    return distributions.Independent(base, distribution.reinterpreted_batch_ndims, validate_args=False)


@temper.register
def _(distribution: distributions.Normal, temperature: float) -> distributions.Normal:
    return distributions.Normal(distribution.loc, distribution.scale * temperature, validate_args=False)


@temper.register
def _(distribution: distributions.Laplace, temperature: float) -> distributions.Laplace:
    return distributions.Laplace(distribution.loc, distribution.scale * temperature, validate_args=False)


@temper.register
def _(distribution: distributions.Bernoulli, temperature: float) -> distributions.Bernoulli:
    return distributions.Bernoulli(logits=distribution.logits / temperature, validate_args=False)


@temper.register
def _(distribution: distributions.MultivariateNormal, temperature: float) -> distributions.MultivariateNormal:
    return distributions.MultivariateNormal(
        distribution.loc, scale_tril=distribution.scale_tril * temperature, validate_args=False
    )


@temper.register
def _(
    distribution: distributions.LowRankMultivariateNormal, temperature: float
) -> distributions.LowRankMultivariateNormal:
    factor, diagonal = distribution.cov_factor * temperature, distribution.cov_diag * temperature**2
    return distributions.LowRankMultivariateNormal(distribution.loc, factor, diagonal, validate_args=False)
