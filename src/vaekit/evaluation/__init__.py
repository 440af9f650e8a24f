"""Evaluation: how good is a trained model? Numbers with their names, errors and units; the model is left as it was."""

from vaekit.evaluation.amortization import amortization as amortization
from vaekit.evaluation.annealed import Annealed as Annealed, annealed as annealed, bracket as bracket
from vaekit.evaluation.cell_likelihood import CellLikelihoods as CellLikelihoods, cell_likelihoods as cell_likelihoods
from vaekit.evaluation.chains import Chains as Chains
from vaekit.evaluation.disentanglement import disentanglement as disentanglement
from vaekit.evaluation.fidelity import fidelity as fidelity
from vaekit.evaluation.information import Nats as Nats, information as information
from vaekit.evaluation.likelihood import Bounds as Bounds, bounds as bounds
from vaekit.evaluation.ngrams import NGrams as NGrams
from vaekit.evaluation.perplexity import perplexity as perplexity
from vaekit.evaluation.probes import Coded as Coded, probes as probes
from vaekit.evaluation.rate_distortion import RateDistortion as RateDistortion, rate_distortion as rate_distortion
from vaekit.evaluation.samples import (
    PosteriorPoints as PosteriorPoints,
    SampleQuality as SampleQuality,
    frechet_distance as frechet_distance,
    sample_quality as sample_quality,
)
from vaekit.evaluation.sharpness import (
    SHARPNESS_IMAGES as SHARPNESS_IMAGES,
    Sharpness as Sharpness,
    sharpness as sharpness,
)
from vaekit.evaluation.text_overlap import (
    bleu as bleu,
    distinct as distinct,
    self_bleu as self_bleu,
    text_overlap as text_overlap,
)
from vaekit.evaluation.text_samples import text_quality as text_quality
