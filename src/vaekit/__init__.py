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

Names are loaded when first used, so that `import vaekit` costs nothing. `__init__.pyi` lists them, with their homes.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.2.0"

_LINES = __spec__.loader.get_data(f"{__path__[0]}/__init__.pyi").decode().splitlines()
_HOMES = {name: home for home, name in (line.split()[1:4:2] for line in _LINES if line.startswith("from "))}

__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'vaekit' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List the public names."""
    return list(__all__)
