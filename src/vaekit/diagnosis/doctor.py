"""The doctor: all checks, over one examination."""

from __future__ import annotations

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

__all__ = ["CHECKS", "diagnose", "values"]

_CHAPTERS = (
    *(course, collapse, geometry, generalization, balance, inference),
    *(calibration, scales, columns, blur, tightness),
)

# Every check, in the order in which one would look.
CHECKS: tuple[Check, ...] = tuple(check for chapter in _CHAPTERS for check in chapter.CHECKS)

# The checks of a language model, which has no latents.
_WITHOUT_LATENTS = (*course.CHECKS, *generalization.CHECKS)


def diagnose(examination: Examination) -> list[Finding]:
    """Return what is wrong with a model, worst first."""
    found = [finding for check in _asked(examination) if (finding := check(examination)) is not None]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def values(examination: Examination) -> dict[str, float | None]:
    """Return the number behind every check, by the name of its finding; None where it does not apply."""
    asked = _asked(examination)
    return {check.name: check.value(examination) if check in asked else None for check in CHECKS}


def _asked(examination: Examination) -> tuple[Check, ...]:
    return CHECKS if examination.subject.traits.latents else _WITHOUT_LATENTS
