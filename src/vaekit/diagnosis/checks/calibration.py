"""Calibration: is p(x | z) too narrow or too wide, or are the data impossible under it?"""

from __future__ import annotations

from functools import partial

from vaekit.diagnosis.check import Check
from vaekit.diagnosis.examination import Examination
from vaekit.diagnosis.remedies import fitting_families, longer, smaller
from vaekit.heads import LEVELED, Gaussian, NegativeBinomial, Optimal, Poisson, ZeroInflated

__all__ = ["CHECKS"]

_LOOKED, _LEVELS = 500, 256


def _fitting_scale(examination: Examination) -> tuple[str, ...]:
    """Return the keys of a likelihood whose spread follows the data."""
    traits = examination.subject.traits
    match traits.family:
        case None:
            return _fitting_cells(examination) if traits.slots else ()
        case Poisson() | NegativeBinomial() | ZeroInflated():
            return ("likelihood=negative_binomial",)
        case Gaussian(scale=Optimal()):
            levels = traits.levels is not None and not traits.dequantized
            return ("likelihood=discretized_logistic",) if levels else ("likelihood.scale=exp",)
        case family if isinstance(family, LEVELED):
            return ("likelihood=discretized_logistic", "likelihood.scale=exp")
    return ("likelihood=gaussian", "likelihood.scale=optimal")


def _fitting_cells(examination: Examination) -> tuple[str, ...]:
    """Return the keys of families that suit the variables.

    Where no other family would, p(x | z) is too narrow where it was learned by heart, and too wide where it is still young.
    """
    subject, dispersion = examination.subject, examination.calibration.dispersion
    if dispersion is None:
        return ()
    return fitting_families(subject) or (smaller(subject) if dispersion > 1 else longer(subject, 2))


def _supported(examination: Examination) -> tuple[str, ...]:
    """Return the keys of a likelihood that has these data in its support: those of few values are levels."""
    subject = examination.subject
    traits, stored = subject.traits, subject.test.stored[:_LOOKED]
    has_levels = len(stored.unique()) <= _LEVELS if traits.family is None else traits.levels is not None
    if not has_levels:
        return ("likelihood=gaussian", "likelihood.scale=optimal")
    return ("likelihood=discretized_logistic", *(("dequantize=false",) if traits.dequantized else ()))


_dispersed = partial(
    Check,
    measure="variance of the data's ranks among draws of p(x | z), over that of calibrated ones",
    value=lambda examination: examination.calibration.dispersion,
    severity="warning",
    source='Czado, Gneiting and Held, 2009, "Predictive model assessment for count data"',
    prescription=_fitting_scale,
)

CHECKS: tuple[Check, ...] = (
    Check(
        name="wrong_support",
        measure="share of the values of the data to which p(x | z) gives no probability at all",
        value=lambda examination: examination.calibration.outside,
        fires="above",
        threshold=0.0,  # by definition: one value is enough to make log p(x | z) meaningless
        severity="severe",
        explanation="The data take values that the likelihood cannot produce, so its logarithm is no log-probability and "
        "no bound follows from it. Cross-entropy on grey pixels is the usual case.",
        source='Loaiza-Ganem and Cunningham, 2019, "The continuous Bernoulli: fixing a pervasive error in variational autoencoders"',
        remedy="Take a likelihood of such data: discretized_logistic for integer levels, gaussian for real values, "
        "continuous_bernoulli for real values in [0, 1], or make them binary with likelihood.binarize=dynamic.",
        prescription=_supported,
        effect="Every value has a probability, and the bounds mean what they say.",
    ),
    _dispersed(
        name="underdispersed",
        fires="above",
        threshold=1.8,  # a Gaussian whose deviation is 2.5 times too small has 1.9; the ceiling is 3
        explanation="The data lie outside the spread of p(x | z) far too often: it claims to be surer than it is. "
        "The distortion then outweighs the rate, and draws look cleaner than data.",
        remedy="Let the scale of p(x | z) be learned, or set in closed form, or take a family with heavier tails.",
        effect="The ratio comes to about 1, and the bound rises.",
    ),
    _dispersed(
        name="overdispersed",
        fires="below",
        threshold=0.7,  # a Gaussian whose deviation is twice too large has 0.4; healthy runs 0.85 to 1.2
        explanation="The data lie in the middle of p(x | z) far too often: its noise is larger than the errors of its mean. "
        "The rate then outweighs the distortion, details are not worth encoding, and draws are noisy.",
        remedy="Let the scale of p(x | z) be learned, or set in closed form; a learned one may need more steps.",
        effect="The ratio comes to about 1, the bound rises and more is encoded.",
    ),
)
"""What can be wrong with the spread and the support of p(x | z)."""
