"""The doctor: all checks, over one examination."""

from __future__ import annotations

from collections.abc import Sequence

from vaekit.diagnosis.check import Check
from vaekit.diagnosis.checks import (
    balance,
    blur,
    calibration,
    collapse,
    columns,
    course,
    generalization,
    geometry,
    inference,
    scales,
    tightness,
)
from vaekit.diagnosis.examination import Examination
from vaekit.diagnosis.finding import SEVERITIES, Finding

__all__ = ["CHECKS", "EXPLAINS", "diagnose", "folded", "values"]

_CHAPTERS = (
    *(course, collapse, geometry, generalization, balance, inference),
    *(calibration, scales, columns, blur, tightness),
)

# Every check, in the order in which one would look.
CHECKS: tuple[Check, ...] = tuple(check for chapter in _CHAPTERS for check in chapter.CHECKS)

# The checks of a language model, which has no latents.
_WITHOUT_LATENTS = (*course.CHECKS, *generalization.CHECKS)


# What each finding brings about: where both are found, the first is to be cured, and the others may go with it.
EXPLAINS: dict[str, frozenset[str]] = {
    cause: frozenset(effects.split())
    for cause, effects in {
        "non_finite": "unstable_training exploding_log_variance learning_rate_too_high",
        "learning_rate_too_low": "posterior_collapse decoder_ignores_latent dead_dimensions over_regularized overdispersed "
        "blurry_reconstructions amortization_gap column_misfit latent_too_large",
        "learning_rate_too_high": "unstable_training amortization_gap",
        "unfinished_schedule": "under_regularized prior_holes",
        "gradient_imbalance": "posterior_collapse decoder_ignores_latent amortization_gap blurry_reconstructions",
        "parameter_imbalance": "amortization_gap loose_bound",
        "mse_as_likelihood": "posterior_collapse decoder_ignores_latent dead_dimensions over_regularized overdispersed "
        "blurry_reconstructions latent_too_large",
        "posterior_collapse": "decoder_ignores_latent collapsed_group dead_dimensions over_regularized overdispersed "
        "blurry_reconstructions latent_too_large column_misfit",
        "decoder_ignores_latent": "dead_dimensions blurry_reconstructions",
        "over_regularized": "dead_dimensions overdispersed blurry_reconstructions latent_too_large",
        "under_regularized": "prior_holes",
        "latent_too_small": "blurry_reconstructions",
        "latent_too_large": "dead_dimensions",
        "overfitting": "memorized_samples amortization_gap underdispersed column_misfit",
        "batchnorm_mismatch": "amortization_gap loose_bound",
        "wrong_support": "underdispersed overdispersed",
        "sigma_collapse": "density_on_levels variance_at_clamp underdispersed amortization_gap loose_bound",
        "exploding_log_variance": "variance_at_clamp amortization_gap loose_bound",
        "amortization_gap": "loose_bound",
    }.items()
}


def diagnose(examination: Examination) -> list[Finding]:
    """Return what is wrong with a model, worst first; a finding that another one explains comes right behind it."""
    found = [finding for check in _asked(examination) if (finding := check(examination)) is not None]
    return folded(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity)))


def folded(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings with those that another one explains right behind it, and named so."""
    causes = {
        one.name: cause
        for one in findings
        # The first cause is explained by none of the others, as the table has no circles.
        if (cause := next((other.name for other in findings if _explains(other.name, one.name, findings)), ""))
    }
    return [
        each
        for one in findings
        if one.name not in causes
        for each in (
            one,
            *(f.replace(explained_by=one.name) for f in findings if causes.get(f.name) == one.name),
        )
    ]


def _explains(cause: str, effect: str, findings: Sequence[Finding]) -> bool:
    is_root = not any(cause in EXPLAINS.get(other.name, ()) for other in findings)
    return is_root and effect in _effects(cause, {one.name for one in findings})


def _effects(cause: str, found: set[str]) -> set[str]:
    """Return what a finding explains, directly or through others that were found."""
    direct = EXPLAINS.get(cause, frozenset()) & found
    return set(direct).union(*(_effects(each, found) for each in direct))


def values(examination: Examination) -> dict[str, float | None]:
    """Return the number behind every check, by the name of its finding; None where it does not apply."""
    asked = _asked(examination)
    return {check.name: check.value(examination) if check in asked else None for check in CHECKS}


def _asked(examination: Examination) -> tuple[Check, ...]:
    return CHECKS if examination.subject.traits.latents else _WITHOUT_LATENTS
