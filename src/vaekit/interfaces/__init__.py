"""What a user touches: `fit`, `fit_prior`, `load` and `Run` in Python, the command line, the report.

The names are loaded when first used: the command line answers `--help` without importing torch. So no file may be called
like one of them: importing `fit.py` would put the module in the place of the function.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["Run", "fit", "fit_prior", "impute", "load", "resume", "sample_given"]

_HOME_OF = {
    "Run": "run",
    "load": "run",
    "fit": "fitting",
    "fit_prior": "prior",
    "impute": "imputing",
    "resume": "fitting",
    "sample_given": "given",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'vaekit.interfaces' has no attribute {name!r}")
    return getattr(importlib.import_module(f"vaekit.interfaces.{_HOME_OF[name]}"), name)
