"""Objectives: frozen values that map a trace to a loss. beta-VAE and IWAE are objectives, not models."""

from typing import Annotated, TypeAlias

from pydantic import Field

from vaekit.objectives.elbo import ELBO, Capacity, FreeBits
from vaekit.objectives.image_adversary import VAEGAN, PatchGAN
from vaekit.objectives.importance import CIWAE, IWAE, MIWAE, PIWAE, Renyi
from vaekit.objectives.latent_adversary import AAE, WAE, Factor
from vaekit.objectives.mmd import MMD
from vaekit.objectives.moments import DIP
from vaekit.objectives.objective import Criterion, Loss, Objective, bound_metrics
from vaekit.objectives.perceptual import Perceptual
from vaekit.objectives.pictures import Pictorial
from vaekit.objectives.quantized import VQELBO
from vaekit.objectives.rae import RAE
from vaekit.objectives.spectral import MSSSIM, FocalFrequency
from vaekit.objectives.total_correlation import BetaTC

AnyObjective: TypeAlias = Annotated[
    ELBO
    | IWAE
    | MIWAE
    | PIWAE
    | CIWAE
    | Renyi
    | BetaTC
    | Factor
    | DIP
    | MMD
    | WAE
    | AAE
    | RAE
    | MSSSIM
    | FocalFrequency
    | Perceptual
    | VAEGAN
    | PatchGAN
    | VQELBO,
    Field(discriminator="kind"),
]

__all__ = [
    "AAE",
    "CIWAE",
    "DIP",
    "ELBO",
    "IWAE",
    "MIWAE",
    "MMD",
    "MSSSIM",
    "PIWAE",
    "RAE",
    "VAEGAN",
    "VQELBO",
    "WAE",
    "AnyObjective",
    "BetaTC",
    "Capacity",
    "Criterion",
    "Factor",
    "FocalFrequency",
    "FreeBits",
    "Loss",
    "Objective",
    "PatchGAN",
    "Perceptual",
    "Pictorial",
    "Renyi",
    "bound_metrics",
]
