"""A posterior whose density passes no gradient to its parameters."""

from __future__ import annotations

from functools import singledispatch

from torch.distributions import (
    Distribution,
    Independent,
    Laplace,
    LowRankMultivariateNormal,
    MultivariateNormal,
    Normal,
)

__all__ = ["stopped"]


@singledispatch
def stopped(distribution: Distribution) -> Distribution:
    r"""Return the same distribution with detached parameters.

    The score of q has expectation zero: with it left out, the gradient through the draws alone has the same mean and
    less variance.

    References:
        Roeder, Wu and Duvenaud, 2017, "Sticking the landing: simple, lower-variance gradient estimators for variational
        inference".

    Raises:
        NotImplementedError: No rule is registered for this kind of distribution, e.g. for a flow.

    Examples:
        >>> import torch
        >>> stopped(Normal(torch.zeros(1, requires_grad=True), 1.0)).loc.requires_grad
        False
    """
    raise NotImplementedError(
        f"this gradient needs a posterior whose parameters can be held still, but {type(distribution).__name__} has no "
        "such form; use posterior=gaussian, or objective.gradient=plain"
    )


@stopped.register
def _(distribution: Independent) -> Independent:
    base = stopped(distribution.base_dist)
    return Independent(base, distribution.reinterpreted_batch_ndims, validate_args=False)


@stopped.register
def _(distribution: Normal) -> Normal:
    return Normal(distribution.loc.detach(), distribution.scale.detach(), validate_args=False)


@stopped.register
def _(distribution: Laplace) -> Laplace:
    return Laplace(distribution.loc.detach(), distribution.scale.detach(), validate_args=False)


@stopped.register
def _(distribution: MultivariateNormal) -> MultivariateNormal:
    return MultivariateNormal(
        distribution.loc.detach(), scale_tril=distribution.scale_tril.detach(), validate_args=False
    )


@stopped.register
def _(distribution: LowRankMultivariateNormal) -> LowRankMultivariateNormal:
    factor, diagonal = distribution.cov_factor.detach(), distribution.cov_diag.detach()
    return LowRankMultivariateNormal(distribution.loc.detach(), factor, diagonal, validate_args=False)
