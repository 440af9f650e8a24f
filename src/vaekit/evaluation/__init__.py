"""Evaluation: how good is a trained model? Numbers with their names, errors and units; the model is left as it was."""

from vaekit.evaluation.amortization import Amortization, amortization
from vaekit.evaluation.annealed import Annealed, Bracket, annealed, bracket
from vaekit.evaluation.chains import Chains
from vaekit.evaluation.disentanglement import Disentanglement, disentanglement
from vaekit.evaluation.fidelity import Fidelity, fidelity
from vaekit.evaluation.information import Information, Nats, information
from vaekit.evaluation.likelihood import Bounds, Estimate, bounds
from vaekit.evaluation.probes import Accuracy, Coded, Probes, probes
from vaekit.evaluation.rate_distortion import RateDistortion, rate_distortion
from vaekit.evaluation.samples import PosteriorPoints, SampleQuality, frechet_distance, sample_quality

__all__ = [
    "Accuracy",
    "Amortization",
    "Annealed",
    "Bounds",
    "Bracket",
    "Chains",
    "Coded",
    "Disentanglement",
    "Estimate",
    "Fidelity",
    "Information",
    "Nats",
    "PosteriorPoints",
    "Probes",
    "RateDistortion",
    "SampleQuality",
    "amortization",
    "annealed",
    "bounds",
    "bracket",
    "disentanglement",
    "fidelity",
    "frechet_distance",
    "information",
    "probes",
    "rate_distortion",
    "sample_quality",
]
