"""Tightness: how far below the evidence may the reported bound lie?

The importance-weighted bound draws from the encoder's posterior; annealed importance sampling walks from there to the true
one, so it is the tighter of two lower bounds on the same log p(x). Where it lies far above, numbers reported by the other
say as much about the encoder as about the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vaekit.diagnosis.affordable import affordable
from vaekit.diagnosis.check import Check
from vaekit.diagnosis.finite import is_finite
from vaekit.diagnosis.pressure import is_light_on_purpose
from vaekit.diagnosis.subject import Subject
from vaekit.errors import NotApplicable
from vaekit.evaluation import Annealed, Chains, Nats, annealed, bounds

if TYPE_CHECKING:
    from vaekit.diagnosis.examination import Examination

__all__ = ["CHECKS", "Tightness", "tightness"]

_CHAINS = Chains(count=2, temperatures=30, leapfrog=2)
_PASSES = 3 * 3 * 30 * 2  # (chains and the scout) x (forward and backward) x temperatures x leapfrog steps
_SAMPLES = 50


@dataclass(frozen=True)
class Tightness:
    """Two lower bounds on the same data.

    Args:
        annealed: By annealed importance sampling.
        gap: How far it lies above the importance-weighted bound, in nats per datum, with its standard error.
        count: Number of data.
    """

    annealed: Annealed
    gap: Nats
    count: int


def tightness(subject: Subject, count: int | None) -> Tightness | None:
    """Return both bounds on `count` test data, or as many of 256 as can be afforded.

    None where latents are no real vectors, or weights are not finite.
    """
    model, jacobian = subject.model, subject.view.log_jacobian
    if not is_finite(model) or len(subject.test) < 2:
        return None
    wanted = count or affordable(subject, _PASSES, min(256, len(subject.test)))
    x, *context = subject.given(subject.test, wanted)
    try:
        tighter = annealed(model, x, *context, chains=_CHAINS, log_jacobian=jacobian)
    except NotApplicable:
        return None
    parts = zip(*(c.split(100) for c in (x, *context)), strict=True)
    stored = [part if context else part[0] for part in parts]
    usual = bounds(model, stored, prepare=lambda x: x, samples=_SAMPLES, log_jacobian=jacobian)
    return Tightness(tighter, tighter.gap(usual), wanted)


def _gap(examination: Examination) -> float | None:
    found = examination.tightness
    return None if found is None else found.gap.nats - 2 * found.gap.se


def _richer(examination: Examination) -> tuple[str, ...]:
    """Return the key of a posterior that can do more than the run's.

    None where one latent leaves nothing to correlate, or a light rate made posteriors narrow on purpose.
    """
    description = examination.subject.description
    if description is None or description.latent < 2 or is_light_on_purpose(examination.subject):
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
        measure=f"nats by which annealed importance sampling lies above IW-{_SAMPLES}, less two standard errors",
        value=_gap,
        fires="above",
        threshold=5.0,
        severity="info",
        explanation=(
            "The reported bound lies well below log p(x): the encoder's posterior is a poor proposal here. The model is "
            "better than its number says."
        ),
        source='Wu, Burda, Salakhutdinov and Grosse, 2017, "On the quantitative analysis of decoder-based generative models"',
        remedy="Report more samples (vaekit evaluate --samples 1000) or the annealed bound (vaekit evaluate --deep); a richer posterior closes the gap itself.",
        prescription=_richer,
        effect="The gap shrinks, and the reported bound comes nearer to the evidence.",
    ),
)
