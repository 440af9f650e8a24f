"""Densities: tensors in, `torch.distributions.Distribution` out. No weights, no data, torch only.

Members that torch has are torch's own; those it lacks, or has in a form that loses precision or time, are here. Next
to them stand the functions over distributions: `point` (one deterministic value), `temper` (sharper or broader), `draw`
(samples, with their density where it comes along), `drawing` (a scope whose draws come from its own generators), `stopped` (the same without gradients to its parameters), `kl` and
`kl_terms` (the Kullback-Leibler divergence in closed form, whole or one term per dimension).
"""

from vaekit.distributions.autoregressive import Autoregressive
from vaekit.distributions.bernoulli import Bernoulli
from vaekit.distributions.beta import Beta
from vaekit.distributions.calibrated import CalibratedNormal
from vaekit.distributions.categorical import Categorical
from vaekit.distributions.categoricals import Categoricals
from vaekit.distributions.causal import Causal, State
from vaekit.distributions.columns import Columns
from vaekit.distributions.continuous_bernoulli import ContinuousBernoulli
from vaekit.distributions.counts import NegativeBinomial, Poisson, ZeroInflated
from vaekit.distributions.decoding import Decoding
from vaekit.distributions.delta import Delta
from vaekit.distributions.discretized_logistic import DiscretizedLogistic
from vaekit.distributions.discretized_logistic_mixture import DiscretizedLogisticMixture
from vaekit.distributions.divergence import kl, kl_terms
from vaekit.distributions.draw import draw, draw_prior
from vaekit.distributions.full_gaussian_mixture import FullGaussianMixture
from vaekit.distributions.gaussian_mixture import GaussianMixture
from vaekit.distributions.logistic_mixture import LogisticMixture
from vaekit.distributions.ordinal import Ordinal
from vaekit.distributions.planar import Planar
from vaekit.distributions.point import point
from vaekit.distributions.power_spherical import PowerSpherical
from vaekit.distributions.precision import full_precision
from vaekit.distributions.quantized import CodeVectors, Quantized, nearest_code, uniform_codes
from vaekit.distributions.randomness import drawing
from vaekit.distributions.sphere import Spherical, UniformSphere
from vaekit.distributions.stopped import stopped
from vaekit.distributions.straight_through import StraightThrough
from vaekit.distributions.student_t import StudentT
from vaekit.distributions.temperature import temper
from vaekit.distributions.tokens import BOS, EOS, PAD, UNK
from vaekit.distributions.transported import Bijection, Transported
from vaekit.distributions.von_mises_fisher import VonMisesFisher
from vaekit.distributions.wrapped_normal import WrappedNormal, exponential

__all__ = [
    "BOS",
    "EOS",
    "PAD",
    "UNK",
    "Autoregressive",
    "Bernoulli",
    "Beta",
    "Bijection",
    "CalibratedNormal",
    "Categorical",
    "Categoricals",
    "Causal",
    "CodeVectors",
    "Columns",
    "ContinuousBernoulli",
    "Decoding",
    "Delta",
    "DiscretizedLogistic",
    "DiscretizedLogisticMixture",
    "FullGaussianMixture",
    "GaussianMixture",
    "LogisticMixture",
    "NegativeBinomial",
    "Ordinal",
    "Planar",
    "Poisson",
    "PowerSpherical",
    "Quantized",
    "Spherical",
    "State",
    "StraightThrough",
    "StudentT",
    "Transported",
    "UniformSphere",
    "VonMisesFisher",
    "WrappedNormal",
    "ZeroInflated",
    "draw",
    "draw_prior",
    "drawing",
    "exponential",
    "full_precision",
    "kl",
    "kl_terms",
    "nearest_code",
    "point",
    "stopped",
    "temper",
    "uniform_codes",
]
