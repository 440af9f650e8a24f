"""Models: a prior, a posterior and a likelihood, and the trace of one run through them."""

from vaekit.models.evaluating import evaluating
from vaekit.models.groups import Groups
from vaekit.models.latent_variable_model import LatentVariableModel
from vaekit.models.resampling import Resampled, conditional_latents, resample
from vaekit.models.trace import Latent, Trace, log_posterior, log_prior, no_density
from vaekit.models.vae import VAE, Evidence

__all__ = [
    "VAE",
    "Evidence",
    "Groups",
    "Latent",
    "LatentVariableModel",
    "Resampled",
    "Trace",
    "conditional_latents",
    "evaluating",
    "log_posterior",
    "log_prior",
    "no_density",
    "resample",
]
