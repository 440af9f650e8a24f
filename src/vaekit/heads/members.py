"""The closed unions: which likelihoods, posteriors and priors a description may name by `kind`."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from vaekit.heads import priors
from vaekit.heads.bernoulli import Bernoulli
from vaekit.heads.beta import Beta
from vaekit.heads.categorical import Categorical
from vaekit.heads.continuous_bernoulli import ContinuousBernoulli
from vaekit.heads.counts import NegativeBinomial, Poisson, ZeroInflated
from vaekit.heads.delta import Delta
from vaekit.heads.discretized_logistic import DiscretizedLogistic
from vaekit.heads.discretized_logistic_mixture import DiscretizedLogisticMixture
from vaekit.heads.floored import BatchNormalized, Floored
from vaekit.heads.flow import IAF, MAF, FlowLikelihood, Planar, RealNVP, Spline
from vaekit.heads.full import Full, LowRank
from vaekit.heads.gaussian import Gaussian
from vaekit.heads.gumbel import Gumbel
from vaekit.heads.laplace import Laplace
from vaekit.heads.logistic_mixture import LogisticMixture
from vaekit.heads.poincare import Poincare
from vaekit.heads.quantized import VQ
from vaekit.heads.spherical import PowerSpherical, VonMisesFisher
from vaekit.heads.student_t import StudentT

__all__ = ["LEVELED", "PRIOR_OF", "AnyPrior", "Likelihood", "Posterior"]

Likelihood: TypeAlias = Annotated[
    Bernoulli
    | ContinuousBernoulli
    | Gaussian
    | Laplace
    | StudentT
    | LogisticMixture
    | Beta
    | DiscretizedLogistic
    | DiscretizedLogisticMixture
    | Categorical
    | Poisson
    | NegativeBinomial
    | ZeroInflated
    | FlowLikelihood,
    Field(discriminator="kind"),
]

LEVELED = (DiscretizedLogistic, DiscretizedLogisticMixture, Categorical)
"""The likelihoods of integer levels 0 .. L - 1, which have a number of `levels`."""

Posterior: TypeAlias = Annotated[
    Gaussian
    | Laplace
    | Full
    | LowRank
    | Floored
    | BatchNormalized
    | IAF
    | MAF
    | RealNVP
    | Spline
    | Planar
    | VonMisesFisher
    | PowerSpherical
    | Poincare
    | Gumbel
    | Delta
    | VQ,
    Field(discriminator="kind"),
]

AnyPrior: TypeAlias = Annotated[
    priors.Standard
    | priors.Diagonal
    | priors.GMM
    | priors.Vamp
    | priors.FlowPrior
    | priors.DiffusionPrior
    | priors.UniformSphere
    | priors.UniformCategorical
    | priors.WrappedNormal
    | priors.UniformCodes
    | priors.Autoregressive,
    Field(discriminator="kind"),
]

PRIOR_OF: dict[str, priors.Prior] = {
    "real": priors.Standard(),
    "sphere": priors.UniformSphere(),
    "ball": priors.WrappedNormal(),
    "one_hot": priors.UniformCategorical(),
    "codes": priors.UniformCodes(),
}
"""The prior that a posterior brings, by the support of its events."""
