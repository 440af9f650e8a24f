"""Densities: tensors in, `torch.distributions.Distribution` out. No weights, no data, torch only.

Members that torch has are torch's own; those it lacks, or has in a form that loses precision or time, are here. Next
to them stand the functions over distributions: `point` (one deterministic value), `temper` (sharper or broader), `draw`
(samples, with their density where it comes along), `drawing` (a scope whose draws come from its own generators), `stopped` (the same without gradients to its parameters), `kl` and
`kl_terms` (the Kullback-Leibler divergence in closed form, whole or one term per dimension).
"""

from vaekit.distributions.autoregressive import Autoregressive as Autoregressive
from vaekit.distributions.bernoulli import Bernoulli as Bernoulli
from vaekit.distributions.beta import Beta as Beta
from vaekit.distributions.calibrated import CalibratedNormal as CalibratedNormal
from vaekit.distributions.categorical import Categorical as Categorical
from vaekit.distributions.categoricals import Categoricals as Categoricals
from vaekit.distributions.columns import Columns as Columns
from vaekit.distributions.continuous_bernoulli import ContinuousBernoulli as ContinuousBernoulli
from vaekit.distributions.counts import (
    NegativeBinomial as NegativeBinomial,
    Poisson as Poisson,
    ZeroInflated as ZeroInflated,
)
from vaekit.distributions.decoding import Decoding as Decoding
from vaekit.distributions.delta import Delta as Delta
from vaekit.distributions.discretized_logistic import DiscretizedLogistic as DiscretizedLogistic
from vaekit.distributions.discretized_logistic_mixture import DiscretizedLogisticMixture as DiscretizedLogisticMixture
from vaekit.distributions.divergence import kl as kl, kl_terms as kl_terms
from vaekit.distributions.draw import draw as draw, draw_prior as draw_prior
from vaekit.distributions.full_gaussian_mixture import FullGaussianMixture as FullGaussianMixture
from vaekit.distributions.gaussian_mixture import GaussianMixture as GaussianMixture
from vaekit.distributions.logistic_mixture import LogisticMixture as LogisticMixture
from vaekit.distributions.ordinal import Ordinal as Ordinal
from vaekit.distributions.planar import Planar as Planar
from vaekit.distributions.point import point as point
from vaekit.distributions.power_spherical import PowerSpherical as PowerSpherical
from vaekit.distributions.precision import full_precision as full_precision, single as single
from vaekit.distributions.quantized import (
    CodeVectors as CodeVectors,
    Quantized as Quantized,
    nearest_code as nearest_code,
    uniform_codes as uniform_codes,
)
from vaekit.distributions.randomness import drawing as drawing
from vaekit.distributions.sphere import Spherical as Spherical, UniformSphere as UniformSphere
from vaekit.distributions.stopped import stopped as stopped
from vaekit.distributions.straight_through import StraightThrough as StraightThrough
from vaekit.distributions.student_t import StudentT as StudentT
from vaekit.distributions.temperature import temper as temper
from vaekit.distributions.tokens import BOS as BOS, EOS as EOS, PAD as PAD, UNK as UNK
from vaekit.distributions.transported import Bijection as Bijection, Transported as Transported
from vaekit.distributions.von_mises_fisher import VonMisesFisher as VonMisesFisher
from vaekit.distributions.wrapped_normal import WrappedNormal as WrappedNormal, exponential as exponential
