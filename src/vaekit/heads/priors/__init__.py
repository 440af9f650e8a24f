"""Priors: distributions over latents, conditional on nothing or on a context."""

from vaekit.heads.priors.codes import Autoregressive, CodePrior, UniformCodes
from vaekit.heads.priors.constant import Constant, UniformCategorical, UniformSphere, WrappedNormal
from vaekit.heads.priors.diffusion import Denoised, DiffusionPrior
from vaekit.heads.priors.flow import FlowDensity, FlowPrior
from vaekit.heads.priors.mixture import GMM, LearnedMixture
from vaekit.heads.priors.parametric import Diagonal, Parametric
from vaekit.heads.priors.prior import Prior, Site
from vaekit.heads.priors.standard import Standard, StandardNormal
from vaekit.heads.priors.vamp import PseudoInputs, Vamp

__all__ = [
    "GMM",
    "Autoregressive",
    "CodePrior",
    "Constant",
    "Denoised",
    "Diagonal",
    "DiffusionPrior",
    "FlowDensity",
    "FlowPrior",
    "LearnedMixture",
    "Parametric",
    "Prior",
    "PseudoInputs",
    "Site",
    "Standard",
    "StandardNormal",
    "UniformCategorical",
    "UniformCodes",
    "UniformSphere",
    "Vamp",
    "WrappedNormal",
]
