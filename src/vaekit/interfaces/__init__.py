"""What a user touches: `fit`, `train`, `load` and `Run` in Python, the command line, the report.

    describing    keys and experiments;  runs  training, run folders;  media  how each kind of data is shown
    measures      numbers beside the bounds;  report  the page;  cli  the command line

The names are loaded when first used: the command line answers `--help` without importing torch. So no file may be called
like one of them: importing `fit.py` would put the module in the place of the function.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["Experiment", "Run", "fit", "fit_prior", "load", "planned", "resume", "train"]

_HOME_OF = {
    "Experiment": "describing.experiment",
    "Run": "runs.run",
    "load": "runs.run",
    "fit": "runs.fitting",
    "planned": "runs.fitting",
    "train": "runs.fitting",
    "fit_prior": "runs.prior",
    "resume": "runs.fitting",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'vaekit.interfaces' has no attribute {name!r}")
    return getattr(importlib.import_module(f"vaekit.interfaces.{_HOME_OF[name]}"), name)
