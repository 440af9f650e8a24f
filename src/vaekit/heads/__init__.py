"""What turns a network's raw output into a distribution: scales, families, and the conditional that joins them.

Posterior and likelihood use the SAME families. A family is a value and holds no weights; `Conditional` is the module
`p(y | c)`: a net, one linear head per parameter of the family, the family. A prior is a conditional on nothing.
"""

from vaekit.heads.bernoulli import Bernoulli
from vaekit.heads.conditional import Conditional, conditional
from vaekit.heads.continuous_bernoulli import ContinuousBernoulli
from vaekit.heads.discretized_logistic import DiscretizedLogistic
from vaekit.heads.family import Family, Support
from vaekit.heads.features import Features
from vaekit.heads.gaussian import Gaussian
from vaekit.heads.layers import Heads
from vaekit.heads.members import PRIOR_OF, AnyPrior, Likelihood, Posterior
from vaekit.heads.priors import Diagonal, Parametric, Prior, Site, Standard, StandardNormal
from vaekit.heads.scale import Exp, Fixed, Scale, Shared, Softplus

__all__ = [
    "PRIOR_OF",
    "AnyPrior",
    "Bernoulli",
    "Conditional",
    "ContinuousBernoulli",
    "Diagonal",
    "DiscretizedLogistic",
    "Exp",
    "Family",
    "Features",
    "Fixed",
    "Gaussian",
    "Heads",
    "Likelihood",
    "Parametric",
    "Posterior",
    "Prior",
    "Scale",
    "Shared",
    "Site",
    "Softplus",
    "Standard",
    "StandardNormal",
    "Support",
    "conditional",
]
