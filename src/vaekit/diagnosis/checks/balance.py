"""Balance: is a side too small, or not trained? No key of a run is about one side alone, so none is prescribed."""

from __future__ import annotations

from vaekit.diagnosis.checks.words import worded

__all__ = ["CHECKS"]

CHECKS = (
    # One architecture for both sides stays below 3.
    worded("parameter_imbalance", "balance.parameters", above=5.0),
    worded("gradient_imbalance", "balance.gradients", below=1e-3),
)
