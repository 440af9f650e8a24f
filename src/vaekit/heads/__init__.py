"""What turns a network's raw output into a distribution: scales, families, and the conditional that joins them.

Posterior and likelihood use the SAME families. A family is a value and holds no weights; `Conditional` is the module
`p(y | c)`: a net, one linear head per parameter of the family, the family. A prior is a conditional on nothing.
"""

from vaekit.heads.autoregressive import AutoregressiveConditional
from vaekit.heads.bernoulli import Bernoulli
from vaekit.heads.beta import Beta
from vaekit.heads.categorical import Categorical
from vaekit.heads.columns import ColumnFamily, Columns
from vaekit.heads.conditional import Conditional, conditional
from vaekit.heads.continuous_bernoulli import ContinuousBernoulli
from vaekit.heads.counts import NegativeBinomial, Poisson, ZeroInflated
from vaekit.heads.delta import Delta
from vaekit.heads.discretized_logistic import DiscretizedLogistic
from vaekit.heads.discretized_logistic_mixture import DiscretizedLogisticMixture
from vaekit.heads.family import Family, Measure, Support
from vaekit.heads.features import Features
from vaekit.heads.floored import BatchNormalized, Floored
from vaekit.heads.flow import IAF, MAF, Flow, FlowConditional, FlowLikelihood, Planar, RealNVP, Spline
from vaekit.heads.full import Full, LowRank
from vaekit.heads.gaussian import Gaussian
from vaekit.heads.gumbel import Gumbel
from vaekit.heads.laplace import Laplace
from vaekit.heads.layers import Heads
from vaekit.heads.location_scale import LocationScale
from vaekit.heads.logistic_mixture import LogisticMixture
from vaekit.heads.members import LEVELED, PRIOR_OF, AnyPrior, Likelihood, Posterior
from vaekit.heads.ordinal import Ordinal
from vaekit.heads.poincare import Poincare
from vaekit.heads.priors import (
    GMM,
    Autoregressive,
    CodePrior,
    Denoised,
    Diagonal,
    DiffusionPrior,
    FlowPrior,
    LearnedMixture,
    Parametric,
    Prior,
    PseudoInputs,
    Site,
    Standard,
    StandardNormal,
    UniformCategorical,
    UniformCodes,
    UniformSphere,
    Vamp,
    WrappedNormal,
)
from vaekit.heads.quantized import VQ, Codebook, VectorQuantizer
from vaekit.heads.scale import Exp, Fixed, Optimal, Scale, Shared, Softplus
from vaekit.heads.spherical import PowerSpherical, VonMisesFisher
from vaekit.heads.student_t import StudentT

__all__ = [
    "GMM",
    "IAF",
    "LEVELED",
    "MAF",
    "PRIOR_OF",
    "VQ",
    "AnyPrior",
    "Autoregressive",
    "AutoregressiveConditional",
    "BatchNormalized",
    "Bernoulli",
    "Beta",
    "Categorical",
    "CodePrior",
    "Codebook",
    "ColumnFamily",
    "Columns",
    "Conditional",
    "ContinuousBernoulli",
    "Delta",
    "Denoised",
    "Diagonal",
    "DiffusionPrior",
    "DiscretizedLogistic",
    "DiscretizedLogisticMixture",
    "Exp",
    "Family",
    "Features",
    "Fixed",
    "Floored",
    "Flow",
    "FlowConditional",
    "FlowLikelihood",
    "FlowPrior",
    "Full",
    "Gaussian",
    "Gumbel",
    "Heads",
    "Laplace",
    "LearnedMixture",
    "Likelihood",
    "LocationScale",
    "LogisticMixture",
    "LowRank",
    "Measure",
    "NegativeBinomial",
    "Optimal",
    "Ordinal",
    "Parametric",
    "Planar",
    "Poincare",
    "Poisson",
    "Posterior",
    "PowerSpherical",
    "Prior",
    "PseudoInputs",
    "RealNVP",
    "Scale",
    "Shared",
    "Site",
    "Softplus",
    "Spline",
    "Standard",
    "StandardNormal",
    "StudentT",
    "Support",
    "UniformCategorical",
    "UniformCodes",
    "UniformSphere",
    "Vamp",
    "VectorQuantizer",
    "VonMisesFisher",
    "WrappedNormal",
    "ZeroInflated",
    "conditional",
]
