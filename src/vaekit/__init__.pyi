"""The public names, with their types and their homes: the one list, which `__init__.py` reads at run time.

Public is what a user needs to say everything that a key says: every value that a description, an objective or the
settings of training may hold. Beside these stand the verbs, the modules of a free composition, the measures and the errors.
"""

from vaekit.diagnosis import Finding as Finding
from vaekit.distributions import Decoding as Decoding, kl_terms as kl_terms, temper as temper
from vaekit.distributions.point import point as point
from vaekit.errors import DataNotAtHand as DataNotAtHand, NotApplicable as NotApplicable
from vaekit.evaluation import bounds as bounds, sample_quality as sample_quality
from vaekit.evaluation.amortization import amortization as amortization
from vaekit.evaluation.annealed import annealed as annealed
from vaekit.evaluation.disentanglement import disentanglement as disentanglement
from vaekit.evaluation.fidelity import fidelity as fidelity
from vaekit.evaluation.information import information as information
from vaekit.evaluation.probes import probes as probes
from vaekit.evaluation.rate_distortion import rate_distortion as rate_distortion
from vaekit.heads import (
    GMM as GMM,
    IAF as IAF,
    MAF as MAF,
    VQ as VQ,
    Autoregressive as Autoregressive,
    BatchNormalized as BatchNormalized,
    Bernoulli as Bernoulli,
    Beta as Beta,
    Categorical as Categorical,
    Columns as Columns,
    Conditional as Conditional,
    ContinuousBernoulli as ContinuousBernoulli,
    Delta as Delta,
    Diagonal as Diagonal,
    DiffusionPrior as DiffusionPrior,
    DiscretizedLogistic as DiscretizedLogistic,
    DiscretizedLogisticMixture as DiscretizedLogisticMixture,
    Exp as Exp,
    Fixed as Fixed,
    Floored as Floored,
    FlowLikelihood as FlowLikelihood,
    FlowPrior as FlowPrior,
    Full as Full,
    Gaussian as Gaussian,
    Gumbel as Gumbel,
    Laplace as Laplace,
    LogisticMixture as LogisticMixture,
    LowRank as LowRank,
    NegativeBinomial as NegativeBinomial,
    Optimal as Optimal,
    Ordinal as Ordinal,
    Planar as Planar,
    Poincare as Poincare,
    Poisson as Poisson,
    PowerSpherical as PowerSpherical,
    RealNVP as RealNVP,
    Shared as Shared,
    Softplus as Softplus,
    Spline as Spline,
    Standard as Standard,
    StandardNormal as StandardNormal,
    StudentT as StudentT,
    UniformCategorical as UniformCategorical,
    UniformCodes as UniformCodes,
    UniformSphere as UniformSphere,
    Vamp as Vamp,
    VonMisesFisher as VonMisesFisher,
    WrappedNormal as WrappedNormal,
    ZeroInflated as ZeroInflated,
)
from vaekit.interfaces.describing.experiment import Experiment as Experiment
from vaekit.interfaces.runs.fitting import fit as fit, planned as planned, resume as resume, train as train
from vaekit.interfaces.runs.prior import fit_prior as fit_prior
from vaekit.interfaces.runs.run import Run as Run, load as load
from vaekit.modalities import ImageVAE as ImageVAE, TableVAE as TableVAE, TextVAE as TextVAE
from vaekit.modalities.table.description import ColumnLikelihoods as ColumnLikelihoods
from vaekit.models import VAE as VAE, Latent as Latent, LatentVariableModel as LatentVariableModel, Trace as Trace
from vaekit.nets import (
    MLP as MLP,
    CausalConv as CausalConv,
    ColumnTransformer as ColumnTransformer,
    Conv as Conv,
    Recurrent as Recurrent,
    Standardize as Standardize,
    Transformer as Transformer,
)
from vaekit.objectives import (
    AAE as AAE,
    CIWAE as CIWAE,
    DIP as DIP,
    ELBO as ELBO,
    IWAE as IWAE,
    MIWAE as MIWAE,
    MMD as MMD,
    MSSSIM as MSSSIM,
    PIWAE as PIWAE,
    RAE as RAE,
    VAEGAN as VAEGAN,
    VQELBO as VQELBO,
    WAE as WAE,
    BetaTC as BetaTC,
    Capacity as Capacity,
    Factor as Factor,
    FocalFrequency as FocalFrequency,
    FreeBits as FreeBits,
    PatchGAN as PatchGAN,
    Perceptual as Perceptual,
    Renyi as Renyi,
)
from vaekit.schedules import (
    Constant as Constant,
    Cosine as Cosine,
    Cyclical as Cyclical,
    Hold as Hold,
    Linear as Linear,
    Logistic as Logistic,
)
from vaekit.trained import TrainedModel as TrainedModel
from vaekit.training import Phase as Phase, Training as Training
from vaekit.value import Value as Value

__version__: str
