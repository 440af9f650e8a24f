"""Priors: distributions over latents, conditional on nothing or on a context."""

from vaekit.heads.priors.parametric import Diagonal, Parametric
from vaekit.heads.priors.prior import Prior, Site
from vaekit.heads.priors.standard import Standard, StandardNormal

__all__ = ["Diagonal", "Parametric", "Prior", "Site", "Standard", "StandardNormal"]
