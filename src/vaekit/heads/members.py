"""The closed unions: which likelihoods, posteriors and priors a description may name by `kind`."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from vaekit.heads.bernoulli import Bernoulli
from vaekit.heads.continuous_bernoulli import ContinuousBernoulli
from vaekit.heads.discretized_logistic import DiscretizedLogistic
from vaekit.heads.gaussian import Gaussian
from vaekit.heads.priors import Diagonal, Prior, Standard

__all__ = ["PRIOR_OF", "AnyPrior", "Likelihood", "Posterior"]

Likelihood: TypeAlias = Annotated[
    Bernoulli | ContinuousBernoulli | Gaussian | DiscretizedLogistic, Field(discriminator="kind")
]

Posterior: TypeAlias = Gaussian

AnyPrior: TypeAlias = Annotated[Standard | Diagonal, Field(discriminator="kind")]

PRIOR_OF: dict[str, Prior] = {"real": Standard()}
"""The prior that a posterior brings, by the support of its events."""
