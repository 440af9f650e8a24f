"""Tightness: how far below log p(x) does the reported bound lie?

The importance-weighted bound draws from the encoder's posterior. Annealed importance sampling moves from there to the true
posterior, so it is the tighter of two lower bounds on log p(x). If it lies far above, the reported bound says as much about
the encoder as about the model.
"""

from __future__ import annotations

from dataclasses import dataclass

from vaekit.data import as_stored
from vaekit.diagnosis.finite import is_finite
from vaekit.diagnosis.subject import Subject, batches
from vaekit.errors import NotApplicable
from vaekit.evaluation import Annealed, Chains, Nats, annealed, bounds

__all__ = ["Tightness", "tightness"]

_CHAINS = Chains(count=2, temperatures=30, leapfrog=2)
_SAMPLES = 50  # draws per datum of the importance-weighted bound


@dataclass(frozen=True)
class Tightness:
    """Two lower bounds on the same data.

    Args:
        annealed: By annealed importance sampling.
        gap: How far it lies above the importance-weighted bound, in nats per datum, with its standard error.
    """

    annealed: Annealed
    gap: Nats


def tightness(subject: Subject, count: int) -> Tightness | None:
    """Return both bounds on the first `count` test data.

    None if latents are not real vectors, or weights are not finite.
    """
    model, jacobian = subject.model, subject.view.log_jacobian
    if not is_finite(model) or len(subject.test) < 2:
        return None
    x, *context = subject.given(subject.test, count)
    try:
        tighter = annealed(model, x, *context, chains=_CHAINS, log_jacobian=jacobian)
    except NotApplicable:
        return None
    stored = [as_stored(*part) for part in batches((x, *context), 100)]
    usual = bounds(model, stored, prepare=lambda x: x, samples=_SAMPLES, log_jacobian=jacobian)
    return Tightness(tighter, tighter.gap(usual))
