"""Priors: distributions over latents, conditional on nothing or on a context."""

from vaekit.heads.priors.codes import (
    Autoregressive as Autoregressive,
    CodePrior as CodePrior,
    UniformCodes as UniformCodes,
)
from vaekit.heads.priors.constant import (
    Constant as Constant,
    UniformCategorical as UniformCategorical,
    UniformSphere as UniformSphere,
    WrappedNormal as WrappedNormal,
)
from vaekit.heads.priors.diffusion import Denoised as Denoised, DiffusionPrior as DiffusionPrior
from vaekit.heads.priors.flow import FlowDensity as FlowDensity, FlowPrior as FlowPrior
from vaekit.heads.priors.mixture import GMM as GMM, LearnedMixture as LearnedMixture
from vaekit.heads.priors.parametric import Diagonal as Diagonal, Parametric as Parametric
from vaekit.heads.priors.prior import Prior as Prior, Site as Site
from vaekit.heads.priors.standard import Standard as Standard, StandardNormal as StandardNormal
from vaekit.heads.priors.vamp import PseudoInputs as PseudoInputs, Vamp as Vamp
