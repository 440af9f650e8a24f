"""Priors: distributions over latents, conditional on nothing or on a context."""

from vaekit.heads.priors.codes import (
    Autoregressive as Autoregressive,
    UniformCodes as UniformCodes,
)
from vaekit.heads.priors.constant import (
    UniformCategorical as UniformCategorical,
    UniformSphere as UniformSphere,
    WrappedNormal as WrappedNormal,
)
from vaekit.heads.priors.diffusion import Denoised as Denoised, DiffusionPrior as DiffusionPrior
from vaekit.heads.priors.flow import FlowPrior as FlowPrior
from vaekit.heads.priors.mixture import GMM as GMM, LearnedMixture as LearnedMixture
from vaekit.heads.priors.parametric import Diagonal as Diagonal
from vaekit.heads.priors.prior import Prior as Prior, Site as Site
from vaekit.heads.priors.standard import Standard as Standard, StandardNormal as StandardNormal
from vaekit.heads.priors.vamp import PseudoInputs as PseudoInputs, Vamp as Vamp
