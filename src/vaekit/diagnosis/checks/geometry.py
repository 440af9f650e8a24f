"""Geometry of the latent space: is the rate too dear or too cheap, and does the prior lie where data are encoded?"""

from __future__ import annotations

from vaekit.diagnosis.checks.words import worded
from vaekit.diagnosis.examination import Examination
from vaekit.diagnosis.remedies import at_one, longer, second_stage
from vaekit.objectives import AAE, CIWAE, ELBO, IWAE, MIWAE, MMD, PIWAE, RAE, VQELBO, WAE, Renyi

__all__ = ["CHECKS"]

# Objectives that hold the aggregate, not each posterior, to the prior: the rate has no weight to compare with.
_WITHOUT_RATE = (WAE, AAE, RAE, MMD, VQELBO)

# Bounds by importance weights: they have no weight of the rate, and a broader posterior is optimal for them.
_IMPORTANCE = (IWAE, MIWAE, PIWAE, CIWAE, Renyi)


def _beta(examination: Examination) -> float | None:
    subject = examination.subject
    if isinstance(subject.objective, _WITHOUT_RATE):
        return None
    found = examination.exchange_rate
    return None if found is None else found.beta


def _too_cheap(examination: Examination) -> float | None:
    """Return the same; None where a rate that costs little is meant: texts with free bits, a light rate with a second stage."""
    subject = examination.subject
    is_floored = isinstance(subject.objective, ELBO) and subject.objective.free_bits.nats > 0
    is_meant = (is_floored and subject.traits.tokens) or (subject.has_light_rate and subject.has_second_stage)
    return None if is_meant else _beta(examination)


def _too_dear(examination: Examination) -> float | None:
    # Bounds by importance weights are best with a posterior broader than the bound itself would have.
    return None if isinstance(examination.subject.objective, _IMPORTANCE) else _beta(examination)


def _even(examination: Examination) -> tuple[str, ...]:
    subject = examination.subject
    return at_one(subject) or longer(subject, 2)


def _heavier(examination: Examination) -> tuple[str, ...]:
    """Return the same, or, for a table whose light rate is meant, the second stage that it counts on."""
    subject = examination.subject
    return second_stage(subject) if subject.has_light_rate else _even(examination)


def _fill(examination: Examination) -> tuple[str, ...]:
    """Return what brings prior and aggregate together: the bound itself, or else a prior that is learned."""
    subject = examination.subject
    state = subject.description
    if state is not None and state.posterior.kind == "delta":
        return ("posterior=gaussian", "objective=elbo")
    if subject.has_second_stage or subject.has_light_rate:
        return second_stage(subject)
    if keys := at_one(subject):
        return keys
    if state is None or state.posterior.support != "real" or state.prior.kind != "standard":
        return longer(subject, 2)
    return second_stage(subject)


CHECKS = (
    # Runs at beta = 1 measure 0.94 to 1.15 after 400 steps, runs at 3 measure 3.2.
    worded("over_regularized", _too_dear, above=2.0, prescription=_even),
    worded("under_regularized", _too_cheap, below=0.5, prescription=_heavier),
    # N(0, I) never fits quite: healthy runs lie between 0.6 and 0.93, runs at beta = 0.1 and below from 0.97 on.
    worded("prior_holes", "aggregate_posterior.accuracy", above=0.97, far=0.995, prescription=_fill),
)
