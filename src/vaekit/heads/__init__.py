"""What turns a network's raw output into a distribution: scales, families, and the conditional that joins them.

Posterior and likelihood use the SAME families. A family is a value and holds no weights; `Conditional` is the module
`p(y | c)`: a net, one linear head per parameter of the family, the family. A prior is a conditional on nothing.
"""

from vaekit.heads.autoregressive import AutoregressiveConditional as AutoregressiveConditional
from vaekit.heads.bernoulli import Bernoulli as Bernoulli
from vaekit.heads.beta import Beta as Beta
from vaekit.heads.categorical import Categorical as Categorical
from vaekit.heads.columns import Columns as Columns
from vaekit.heads.conditional import Conditional as Conditional, conditional as conditional
from vaekit.heads.continuous_bernoulli import ContinuousBernoulli as ContinuousBernoulli
from vaekit.heads.counts import NegativeBinomial as NegativeBinomial, Poisson as Poisson, ZeroInflated as ZeroInflated
from vaekit.heads.delta import Delta as Delta
from vaekit.heads.discretized_logistic import DiscretizedLogistic as DiscretizedLogistic
from vaekit.heads.discretized_logistic_mixture import DiscretizedLogisticMixture as DiscretizedLogisticMixture
from vaekit.heads.family import Family as Family, Support as Support
from vaekit.heads.floored import BatchNormalized as BatchNormalized, Floored as Floored
from vaekit.heads.flow import (
    IAF as IAF,
    MAF as MAF,
    FlowLikelihood as FlowLikelihood,
    Planar as Planar,
    RealNVP as RealNVP,
    Spline as Spline,
)
from vaekit.heads.full import Full as Full, LowRank as LowRank
from vaekit.heads.gaussian import Gaussian as Gaussian
from vaekit.heads.gumbel import Gumbel as Gumbel
from vaekit.heads.laplace import Laplace as Laplace
from vaekit.heads.layers import Heads as Heads
from vaekit.heads.logistic_mixture import LogisticMixture as LogisticMixture
from vaekit.heads.members import (
    LEVELED as LEVELED,
    PRIOR_OF as PRIOR_OF,
    AnyPrior as AnyPrior,
    Likelihood as Likelihood,
    Posterior as Posterior,
)
from vaekit.heads.ordinal import Ordinal as Ordinal
from vaekit.heads.poincare import Poincare as Poincare
from vaekit.heads.priors import (
    GMM as GMM,
    Autoregressive as Autoregressive,
    Denoised as Denoised,
    Diagonal as Diagonal,
    DiffusionPrior as DiffusionPrior,
    FlowPrior as FlowPrior,
    LearnedMixture as LearnedMixture,
    Prior as Prior,
    PseudoInputs as PseudoInputs,
    Site as Site,
    Standard as Standard,
    StandardNormal as StandardNormal,
    UniformCategorical as UniformCategorical,
    UniformCodes as UniformCodes,
    UniformSphere as UniformSphere,
    Vamp as Vamp,
    WrappedNormal as WrappedNormal,
)
from vaekit.heads.quantized import VQ as VQ, Codebook as Codebook, VectorQuantizer as VectorQuantizer
from vaekit.heads.scale import (
    Exp as Exp,
    Fixed as Fixed,
    Optimal as Optimal,
    Scale as Scale,
    Shared as Shared,
    Softplus as Softplus,
)
from vaekit.heads.spherical import PowerSpherical as PowerSpherical, VonMisesFisher as VonMisesFisher
from vaekit.heads.student_t import StudentT as StudentT
