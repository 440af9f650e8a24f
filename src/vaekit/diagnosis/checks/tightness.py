"""Tightness: does the reported bound lie far below the evidence?"""

from __future__ import annotations

from vaekit.diagnosis.checks.words import worded
from vaekit.diagnosis.examination import Examination

__all__ = ["CHECKS"]


def _gap(examination: Examination) -> float | None:
    found = examination.tightness
    return None if found is None else found.gap.nats - 2 * found.gap.se


def _richer(examination: Examination) -> tuple[str, ...]:
    """Return the key of a posterior that can do more than the run's.

    None where one latent leaves nothing to correlate, or a light rate made posteriors narrow on purpose.
    """
    description = examination.subject.description
    if description is None or description.latent < 2 or examination.subject.has_light_rate:
        return ()
    match description.posterior.kind:
        case "gaussian" | "laplace":
            return ("posterior=full",)
        case "full" | "lowrank":
            return ("posterior=iaf",)
        case _:
            return ()


CHECKS = (worded("loose_bound", _gap, above=5.0, prescription=_richer),)
