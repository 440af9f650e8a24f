"""Evaluation: how good is a trained model? Numbers with their names, errors and units; the model is left as it was."""

from vaekit.evaluation.likelihood import Bounds, Estimate, bounds

__all__ = ["Bounds", "Estimate", "bounds"]
