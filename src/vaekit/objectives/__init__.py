"""Objectives: frozen values that map a trace to a loss. beta-VAE and IWAE are objectives, not models."""

from typing import Annotated, TypeAlias

from pydantic import Field

from vaekit.objectives.elbo import ELBO as ELBO, Capacity as Capacity, FreeBits as FreeBits
from vaekit.objectives.image_adversary import VAEGAN as VAEGAN, PatchGAN as PatchGAN
from vaekit.objectives.importance import CIWAE as CIWAE, IWAE as IWAE, MIWAE as MIWAE, PIWAE as PIWAE, Renyi as Renyi
from vaekit.objectives.latent_adversary import AAE as AAE, WAE as WAE, Factor as Factor
from vaekit.objectives.mmd import MMD as MMD
from vaekit.objectives.moments import DIP as DIP
from vaekit.objectives.objective import (
    Criterion as Criterion,
    Loss as Loss,
    Objective as Objective,
    bound_metrics as bound_metrics,
)
from vaekit.objectives.perceptual import Perceptual as Perceptual
from vaekit.objectives.pictures import Pictorial as Pictorial
from vaekit.objectives.quantized import VQELBO as VQELBO
from vaekit.objectives.rae import RAE as RAE
from vaekit.objectives.spectral import MSSSIM as MSSSIM, FocalFrequency as FocalFrequency
from vaekit.objectives.total_correlation import BetaTC as BetaTC

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
