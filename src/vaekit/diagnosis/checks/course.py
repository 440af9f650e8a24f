"""The course of training: did it end where it should, without accidents, and at the right pace?"""

from __future__ import annotations

from vaekit.diagnosis.check import Check
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
    slower = (f"lr={training.lr / 5:.3g}", f"warmup={max(2 * training.warmup, examination.accidents.steps // 5)}")
    return (*slower, f"skip={usual.skip:g}") if training.skip < usual.skip else slower


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


CHECKS = (
    Check(
        name="non_finite",
        measure="training steps with a loss or gradient that is not finite, and such tensors in the model",
        value=lambda examination: float(examination.accidents.non_finite),
        fires="above",
        threshold=0.0,
        severity="severe",
        explanation="Numbers grew beyond what the precision holds, or a logarithm met zero. Such steps are skipped, but "
        "they tell that training is at the edge.",
        source='Child, 2021, "Very deep VAEs generalize autoregressive models and can outperform them on images"',
        remedy="Lower the learning rate, compute in single precision, and let scales grow linearly (softplus) rather than exponentially.",
        prescription=_finite_again,
        effect="All steps are finite.",
    ),
    Check(
        name="unstable_training",
        measure="the share of training that was lost to skipped steps, rollbacks and spikes",
        value=_lost,
        fires="above",
        # Healthy runs lose nothing; those whose weights jump about lose a tenth to a half.
        threshold=0.02,
        severity="warning",
        explanation="Gradients burst again and again, and the steps with the largest ones were skipped or taken back. "
        "What the model learned between is partly lost.",
        source='Child, 2021, "Very deep VAEs generalize autoregressive models and can outperform them on images"',
        remedy="Lower the learning rate, and let it rise for longer.",
        prescription=_calmer,
        effect="Fewer steps are lost, and the bound rises steadily.",
    ),
    Check(
        name="unfinished_schedule",
        measure="the length of the objective's schedules over that of training",
        value=_schedule_share,
        fires="above",
        threshold=1.0,
        severity="warning",
        explanation="Training ended before the objective had its final form, so that the model was never trained for what "
        "was asked. With a small weight of the rate it is mostly an autoencoder.",
        source='Bowman, Vilnis, Vinyals, Dai, Jozefowicz and Bengio, 2016, "Generating sentences from a continuous space"',
        remedy="Train for longer, or end the schedules earlier: half of training is a good place.",
        prescription=_shorter_schedules,
        effect="The second half of training is for the objective that was asked for.",
    ),
    Check(
        name="learning_rate_too_high",
        measure="what a few more steps at the peak learning rate cost, in standard deviations of the bound over data",
        value=_harm,
        fires="above",
        # Rates up to 3e-3 cost 0.8 at most; where weights jump about it is 2, or thousands.
        threshold=1.3,
        severity="warning",
        explanation="At its own learning rate the model gets clearly worse: it jumped about until the rate had decayed. Most of training was wasted.",
        source='Smith, 2017, "Cyclical learning rates for training neural networks"',
        remedy="Lower the learning rate.",
        prescription=lambda examination: (f"lr={min(examination.subject.training.lr / 10, USUAL):.3g}",),
        effect="Steps at the peak rate no longer harm, and the bound is higher.",
    ),
    Check(
        name="learning_rate_too_low",
        measure="how many times as much a few more steps gain at a learning rate of 1e-3",
        value=lambda examination: None if (found := examination.trial) is None else found.speedup,
        fires="above",
        # At most about the ratio of the rates, which is 3 at 3e-4 (2.5 in runs of 300 steps); at 3e-5 it is 6 to 26.
        threshold=4.0,
        severity="warning",
        explanation="Steps are so small that a few at a usual learning rate gain several times as much. The model has not come far from its beginning.",
        source='Smith, 2017, "Cyclical learning rates for training neural networks"',
        remedy="Raise the learning rate.",
        prescription=lambda examination: (f"lr={max(3 * examination.subject.training.lr, USUAL):.3g}",),
        effect="The bound rises by far more in as many steps.",
    ),
)
