"""Evaluation: how good is a trained model? Numbers with their names, errors and units; the model is left as it was."""

from vaekit.evaluation.amortization import Amortization as Amortization, amortization as amortization
from vaekit.evaluation.annealed import (
    Annealed as Annealed,
    Bracket as Bracket,
    annealed as annealed,
    bracket as bracket,
)
from vaekit.evaluation.cell_likelihood import CellLikelihoods as CellLikelihoods, cell_likelihoods as cell_likelihoods
from vaekit.evaluation.chains import Chains as Chains
from vaekit.evaluation.disentanglement import Disentanglement as Disentanglement, disentanglement as disentanglement
from vaekit.evaluation.fidelity import Fidelity as Fidelity, fidelity as fidelity
from vaekit.evaluation.information import Information as Information, Nats as Nats, information as information
from vaekit.evaluation.likelihood import Bounds as Bounds, Estimate as Estimate, bounds as bounds
from vaekit.evaluation.ngrams import NGrams as NGrams
from vaekit.evaluation.perplexity import Perplexity as Perplexity, perplexity as perplexity
from vaekit.evaluation.probes import Accuracy as Accuracy, Coded as Coded, Probes as Probes, probes as probes
from vaekit.evaluation.rate_distortion import RateDistortion as RateDistortion, rate_distortion as rate_distortion
from vaekit.evaluation.samples import (
    PosteriorPoints as PosteriorPoints,
    SampleQuality as SampleQuality,
    frechet_distance as frechet_distance,
    sample_quality as sample_quality,
)
from vaekit.evaluation.text_overlap import (
    TextOverlap as TextOverlap,
    bleu as bleu,
    distinct as distinct,
    self_bleu as self_bleu,
    text_overlap as text_overlap,
)
from vaekit.evaluation.text_samples import (
    TextMeasures as TextMeasures,
    TextQuality as TextQuality,
    text_quality as text_quality,
)
