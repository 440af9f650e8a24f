"""Calibration: is p(x | z) too narrow or too wide, or are the data impossible under it?"""

from __future__ import annotations

from vaekit.diagnosis.checks.words import worded
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


def _at_least(examination: Examination) -> float | None:
    found = examination.calibration
    return None if found.dispersion is None else max(0.0, found.dispersion - 2 * found.error)


def _at_most(examination: Examination) -> float | None:
    found = examination.calibration
    return None if found.dispersion is None else found.dispersion + 2 * found.error


CHECKS = (
    # One value is enough to make log p(x | z) meaningless.
    worded("wrong_support", "calibration.outside", above=0.0, prescription=_supported),
    # A Gaussian whose deviation is 2.5 times too small has 1.9; the ceiling is 3.
    worded("underdispersed", _at_least, above=1.8, far=2.5, prescription=_fitting_scale),
    # A Gaussian whose deviation is twice too large has 0.4; healthy runs have 0.85 to 1.2.
    worded("overdispersed", _at_most, below=0.7, prescription=_fitting_scale),
)
