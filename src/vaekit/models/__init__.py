"""Models: a prior, a posterior and a likelihood, and the trace of one run through them."""

from vaekit.models.evaluating import evaluating as evaluating
from vaekit.models.groups import Groups as Groups
from vaekit.models.hierarchical_vae import HierarchicalVAE as HierarchicalVAE
from vaekit.models.latent_variable_model import LatentVariableModel as LatentVariableModel
from vaekit.models.resampling import (
    Resampled as Resampled,
    conditional_latents as conditional_latents,
    resample as resample,
)
from vaekit.models.temperatures import Temperature as Temperature, temperatures as temperatures
from vaekit.models.trace import (
    Latent as Latent,
    Trace as Trace,
    log_posterior as log_posterior,
    log_prior as log_prior,
    no_density as no_density,
)
from vaekit.models.vae import VAE as VAE, Evidence as Evidence
