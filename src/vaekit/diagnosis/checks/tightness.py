"""Tightness: does the reported bound lie far below the evidence?"""

from __future__ import annotations

from vaekit.diagnosis.check import Check
from vaekit.diagnosis.examination import Examination
from vaekit.diagnosis.tightness import SAMPLES

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


CHECKS = (
    Check(
        name="loose_bound",
        measure=f"nats by which annealed importance sampling lies above IW-{SAMPLES}, less two standard errors",
        value=_gap,
        fires="above",
        threshold=5.0,
        severity="info",
        explanation="The reported bound lies well below log p(x): the encoder's posterior is a poor proposal here. The model is better than its number says.",
        source='Wu, Burda, Salakhutdinov and Grosse, 2017, "On the quantitative analysis of decoder-based generative models"',
        remedy="Report more samples (vaekit evaluate --samples 1000) or the annealed bound (vaekit evaluate --deep); a richer posterior closes the gap itself.",
        prescription=_richer,
        effect="The gap shrinks, and the reported bound comes nearer to the evidence.",
    ),
)
