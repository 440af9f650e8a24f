"""Evaluation: how good is a trained model? Numbers with their names, errors and units; the model is left as it was."""

from vaekit.evaluation.likelihood import Bounds, Estimate, bounds
from vaekit.evaluation.samples import PosteriorPoints, SampleQuality, frechet_distance, sample_quality

__all__ = [
    "Bounds",
    "Estimate",
    "PosteriorPoints",
    "SampleQuality",
    "bounds",
    "frechet_distance",
    "sample_quality",
]
