"""The course of training: did it end where it should, without accidents, and at the right pace?"""

from __future__ import annotations

from vaekit.diagnosis.checks.words import worded
from vaekit.diagnosis.examination import Examination
from vaekit.diagnosis.trial import USUAL
from vaekit.heads import Exp
from vaekit.training import Training

__all__ = ["CHECKS"]


def _lost(examination: Examination) -> float | None:
    found = examination.accidents
    return found.lost if found.validations else None


def _schedule_share(examination: Examination) -> float | None:
    """Return the length of the objective's schedules over that of training; None without either."""
    subject = examination.subject
    end, steps = subject.objective.schedule_end, subject.steps
    return end / steps if end and steps else None


def _harm(examination: Examination) -> float | None:
    found = examination.trial
    # Where a light rate lets p(x | z) become sharp on purpose, a healthy step at the peak costs as much as a bad one.
    return None if found is None or examination.subject.has_light_rate else found.harm


def _finite_again(examination: Examination) -> tuple[str, ...]:
    subject = examination.subject
    scale = getattr(getattr(subject.description, "posterior", None), "scale", None)
    safe = ("posterior.scale=softplus",) if isinstance(scale, Exp) else ()
    return (f"lr={subject.training.lr / 10:.3g}", "precision=fp32", *safe)


def _calmer(examination: Examination) -> tuple[str, ...]:
    """Return the keys of a slower start; steps that only a narrow `skip` makes bad are let through."""
    training, usual = examination.subject.training, Training()
    longest = examination.accidents.steps // 5  # a warm-up is a fifth of the run at most
    warmup = (f"warmup={longest}",) if training.warmup < longest else ()
    skip = (f"skip={usual.skip:g}",) if training.skip < usual.skip else ()
    return (f"lr={training.lr / 3:.3g}", *warmup, *skip)


def _shorter_schedules(examination: Examination) -> tuple[str, ...]:
    """Return the keys that end, at half of training, each schedule that would outlast it."""
    objective, steps = examination.subject.objective, examination.subject.steps
    capacity = getattr(objective, "capacity", None)
    ends = {
        "objective.beta.steps": getattr(getattr(objective, "beta", None), "end", 0),
        "objective.capacity.nats.steps": capacity.nats.end if capacity and capacity.gamma else 0,
        "objective.start": getattr(objective, "start", 0),
    }
    return tuple(f"{key}={max(1, steps // 2)}" for key, end in ends.items() if end > steps)


def _lower(examination: Examination) -> tuple[str, ...]:
    lr = examination.subject.training.lr
    return (f"lr={USUAL if lr > 3 * USUAL else lr / 3:.3g}",)


def _higher(examination: Examination) -> tuple[str, ...]:
    return (f"lr={max(3 * examination.subject.training.lr, USUAL):.3g}",)


CHECKS = (
    worded("non_finite", "accidents.non_finite", above=0.0, prescription=_finite_again),
    # Healthy runs lose nothing; runs whose weights jump about lose a tenth to a half.
    worded("unstable_training", _lost, above=0.02, prescription=_calmer),
    worded("unfinished_schedule", _schedule_share, above=1.0, prescription=_shorter_schedules),
    # Rates up to 3e-3 cost 0.8 at most; where weights jump about the cost is 2, or thousands.
    worded("learning_rate_too_high", _harm, above=1.3, prescription=_lower),
    # At most about the ratio of the rates, which is 3 at 3e-4 (2.5 in runs of 300 steps); at 3e-5 it is 6 to 26.
    worded("learning_rate_too_low", "trial.speedup", above=4.0, prescription=_higher),
)
