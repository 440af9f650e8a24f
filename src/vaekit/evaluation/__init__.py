"""Evaluation: how good is a trained model? Numbers with their names, errors and units; the model is left as it was."""

from vaekit.evaluation.amortization import Amortization, amortization
from vaekit.evaluation.annealed import Annealed, Bracket, annealed, bracket
from vaekit.evaluation.cell_likelihood import CellLikelihoods, cell_likelihoods
from vaekit.evaluation.chains import Chains
from vaekit.evaluation.disentanglement import Disentanglement, disentanglement
from vaekit.evaluation.fidelity import Fidelity, fidelity
from vaekit.evaluation.information import Information, Nats, information
from vaekit.evaluation.likelihood import Bounds, Estimate, bounds
from vaekit.evaluation.ngrams import NGrams
from vaekit.evaluation.perplexity import Perplexity, perplexity
from vaekit.evaluation.probes import Accuracy, Coded, Probes, probes
from vaekit.evaluation.rate_distortion import RateDistortion, rate_distortion
from vaekit.evaluation.samples import PosteriorPoints, SampleQuality, frechet_distance, sample_quality
from vaekit.evaluation.text_overlap import TextOverlap, bleu, distinct, self_bleu, text_overlap
from vaekit.evaluation.text_samples import TextMeasures, TextQuality, text_quality

__all__ = [
    "Accuracy",
    "Amortization",
    "Annealed",
    "Bounds",
    "Bracket",
    "CellLikelihoods",
    "Chains",
    "Coded",
    "Disentanglement",
    "Estimate",
    "Fidelity",
    "Information",
    "NGrams",
    "Nats",
    "Perplexity",
    "PosteriorPoints",
    "Probes",
    "RateDistortion",
    "SampleQuality",
    "TextMeasures",
    "TextOverlap",
    "TextQuality",
    "amortization",
    "annealed",
    "bleu",
    "bounds",
    "bracket",
    "cell_likelihoods",
    "disentanglement",
    "distinct",
    "fidelity",
    "frechet_distance",
    "information",
    "perplexity",
    "probes",
    "rate_distortion",
    "sample_quality",
    "self_bleu",
    "text_overlap",
    "text_quality",
]
