"""vaekit: variational autoencoders for real data.

The map of the house; imports point only downwards:

    interfaces      fit, Run, the command line, the report
    diagnosis       why is a trained model bad, and what to change? findings with their cures
    trained         a trained model: every verb that uses it, save and load
    evaluation      how good is a trained model? bounds, information, gaps, probes, samples
    training        the visible loop, optimisers, checkpoints
    modalities      what kind of data it is: automatic choices with their reasons
    objectives      a trace -> a loss: ELBO, IWAE, adversaries
    models          prior, posterior, likelihood -> VAE; the trace of one run
    heads           raw output -> distribution: families, scales, conditionals, priors
    nets | data     tensors -> tensors, with weights | files -> tensors
    distributions   tensors -> densities
    schedules       numbers that change over training
    value           descriptions that are also code

Names are loaded when first used, so that `import vaekit` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "value": ("Value",),
    "distributions": ("Decoding", "kl_terms", "point", "temper"),
    "nets": ("MLP", "CausalConv", "ColumnTransformer", "Conv", "Recurrent", "Standardize", "Transformer"),
    "heads": (
        "Bernoulli",
        "Beta",
        "Categorical",
        "Columns",
        "Conditional",
        "ContinuousBernoulli",
        "DiscretizedLogistic",
        "DiscretizedLogisticMixture",
        "Exp",
        "Fixed",
        "Gaussian",
        "Laplace",
        "LogisticMixture",
        "NegativeBinomial",
        "Optimal",
        "Ordinal",
        "Poisson",
        "Shared",
        "Softplus",
        "StandardNormal",
        "StudentT",
        "ZeroInflated",
    ),
    "models": ("VAE", "Latent", "Trace"),
    "schedules": ("Constant", "Cosine", "Cyclical", "Hold", "Linear", "Logistic"),
    "objectives": ("ELBO", "IWAE", "FreeBits"),
    "modalities": ("ImageVAE", "TableVAE", "TextVAE"),
    "training": ("Training",),
    "evaluation": (
        "amortization",
        "annealed",
        "bounds",
        "disentanglement",
        "fidelity",
        "information",
        "probes",
        "rate_distortion",
        "sample_quality",
    ),
    "diagnosis": ("Finding",),
    "trained": ("TrainedModel",),
    "interfaces": ("Experiment", "Run", "fit", "fit_prior", "load", "planned", "resume", "train"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME_OF, "__version__"])


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'vaekit' has no attribute {name!r}")
    return getattr(importlib.import_module(f"vaekit.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return list(__all__)
