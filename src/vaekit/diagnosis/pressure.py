"""What presses on the rate, and the keys that take the pressure away, read off the run's own objective."""

from __future__ import annotations

from vaekit.diagnosis.subject import Subject
from vaekit.heads import Fixed, Gaussian, Shared
from vaekit.objectives import CIWAE, ELBO, IWAE, MIWAE, PIWAE, Objective, Pictorial, Renyi
from vaekit.schedules import Constant, Logistic, Schedule

__all__ = [
    "IMPORTANCE",
    "at_one",
    "final_weight",
    "is_light_on_purpose",
    "late",
    "learned_scale",
    "lighter",
    "longer",
    "run_steps",
    "second_stage",
]

IMPORTANCE = (IWAE, MIWAE, PIWAE, CIWAE, Renyi)
"""Bounds by importance weights: they have no weight of the rate, and a broader posterior is optimal for them."""

_FREE = 0.25  # nats per latent variable: enough to make it move, less than a useful one carries


def run_steps(subject: Subject) -> int:
    """Return the number of steps a run took, or was to take."""
    logged = [int(row["step"]) for row in subject.history if row.get("step")]
    return max(logged, default=subject.training.steps or 1000)


def longer(subject: Subject, factor: int, least: int = 1) -> tuple[str, ...]:
    """Return the key of a training `factor` times as long, of `least` steps at least; a time limit decides where there is one."""
    limit = subject.training.time_limit
    return (
        (f"steps={max(factor * run_steps(subject), least)}",) if limit is None else (f"time_limit={factor * limit:g}",)
    )


def at_one(subject: Subject) -> tuple[str, ...]:
    """Return the keys under which the loss is the bound from early on; none where it is already."""
    objective = subject.objective
    match objective:
        case ELBO():
            keys = ("objective.capacity.gamma=0",) if objective.capacity.gamma else _resting(objective.beta, subject)
            # The latents of texts collapse without their floor.
            has_floor = objective.free_bits.nats and not subject.is_text
            return (*keys, "objective.free_bits.nats=0") if has_floor else keys
        case Pictorial():
            return _resting(objective.beta, subject)
        case IWAE() | MIWAE() | PIWAE() | CIWAE() | Renyi():
            return ()
        case _:
            return (*_with_density(subject), "objective=elbo")


def lighter(subject: Subject) -> tuple[str, ...]:
    """Return the keys that take pressure from the rate: those of `at_one`, unless the rate weighs less than 1 already."""
    return () if final_weight(subject.objective) < 1 else at_one(subject)


def final_weight(objective: Objective) -> float:
    """Return the weight of the rate once schedules rest; 1 where nothing says otherwise."""
    beta = getattr(objective, "beta", 1.0)
    return beta if isinstance(beta, float) else beta.at(beta.end)


def is_light_on_purpose(subject: Subject) -> bool:
    """Say whether the rate weighs less than in the bound because a prior is fitted afterwards, or is to be."""
    counts_on_it = subject.has_second_stage or (subject.table is not None and subject.table.goal == "synthesis")
    return counts_on_it and final_weight(subject.objective) < 1


def second_stage(subject: Subject) -> tuple[str, ...]:
    """Return the key of a prior fitted after training: of one that bears more where that was done already.

    References:
        Dai and Wipf, 2019, "Diagnosing and enhancing VAE models".
    """
    description = subject.description
    if description is None or description.posterior.support != "real" or description.prior.kind == "diffusion":
        return longer(subject, 2)
    return ("second_stage=diffusion",) if subject.has_second_stage else ("second_stage=gmm",)


def _with_density(subject: Subject) -> tuple[str, ...]:
    """Return the keys of a posterior that has a rate, where the run's has none."""
    kind = None if subject.description is None else subject.description.posterior.kind
    return ("posterior=gaussian", "prior=standard") if kind in ("delta", "vq") else ()


def late(subject: Subject, *, free: bool) -> tuple[str, ...]:
    """Return the keys under which the rate is charged for late, and with `free` not below a floor.

    References:
        Bowman, Vilnis, Vinyals, Dai, Jozefowicz and Bengio, 2016, "Generating sentences from a continuous space"; Kingma,
        Salimans, Jozefowicz, Chen, Sutskever and Welling, 2016, "Improving variational inference with inverse
        autoregressive flow" (free bits).
    """
    if subject.is_text:  # a rising weight alone does not keep the latents of texts in use
        return (f"objective.free_bits.nats={_FREE:g}",) if free else ("objective.beta=1",)
    objective, steps = subject.objective, max(1, run_steps(subject) // 2)
    named = () if isinstance(objective, ELBO | Pictorial) else ("objective=elbo",)
    beta = objective.beta if isinstance(objective, ELBO | Pictorial) else Constant()
    # What weighs less than in the bound, as with tables, rises to no more than it weighs.
    stop = (f"objective.beta.stop={beta.value:g}",) if isinstance(beta, Constant) and 0 < beta.value < 1 else ()
    rise = ("objective.beta=linear", *stop) if isinstance(beta, Constant) else _to_one(beta)
    floor = (f"objective.free_bits.nats={_FREE:g}",) if free and not isinstance(objective, Pictorial) else ()
    return (*named, *rise, f"objective.beta.steps={steps}", *floor)


def learned_scale(subject: Subject) -> tuple[str, ...]:
    """Return the key that fits the likelihood's scale to the residuals, where it is fixed or slow to come down."""
    likelihood = None if subject.image is None else subject.image.likelihood
    scale = getattr(likelihood, "scale", None)
    if isinstance(likelihood, Gaussian) and isinstance(scale, Fixed | Shared):
        return ("likelihood.scale=optimal",)
    return ("likelihood.scale=shared",) if isinstance(scale, Fixed) else ()


def _resting(beta: Schedule, subject: Subject) -> tuple[str, ...]:
    if isinstance(beta, Constant):
        return () if beta.value == 1 else ("objective.beta=1",)
    steps = run_steps(subject)
    if beta.stop == 1 and beta.end <= steps // 2:
        return ()
    return (*_to_one(beta), f"objective.beta.steps={max(1, steps // 4)}")


def _to_one(ramp: Schedule) -> tuple[str, str]:
    """Return the keys of a rise to 1; a logistic one, which has no length in steps, becomes a line."""
    kind = "linear" if isinstance(ramp, Logistic) else ramp.kind
    return f"objective.beta={kind}", "objective.beta.stop=1"
