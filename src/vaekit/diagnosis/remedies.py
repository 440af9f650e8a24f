"""Remedies that several chapters share, as keys: a lighter rate, a longer training, a smaller model."""

from __future__ import annotations

from vaekit.diagnosis.subject import Subject, final_weight
from vaekit.heads import Fixed, Gaussian, Shared
from vaekit.objectives import CIWAE, ELBO, IWAE, MIWAE, PIWAE, Pictorial, Renyi
from vaekit.schedules import Constant, Logistic, Schedule

__all__ = ["at_one", "fitting_families", "late", "learned_scale", "lighter", "longer", "second_stage", "smaller"]

_FORGETTING = 0.005
_FREE = 0.25  # nats per latent variable: enough to make it move, less than a useful one carries


def longer(subject: Subject, factor: int, least: int = 1) -> tuple[str, ...]:
    """Return the key of a training `factor` times as long, with at least `least` steps; or of a longer time limit."""
    limit = subject.training.time_limit
    return (f"steps={max(factor * _steps(subject), least)}",) if limit is None else (f"time_limit={factor * limit:g}",)


def smaller(subject: Subject) -> tuple[str, ...]:
    """Return the keys of a model that can store less: fewer latents, dropout, weight decay."""
    description, net = subject.description, subject.traits.net
    # The weights forget what they do not learn again within 1 / (lr decay) steps.
    decay = ("optimizer=adamw", f"weight_decay={_FORGETTING / subject.training.lr:.3g}")
    fewer = () if description is None else (f"latent={max(min(4, description.latent), description.latent // 4)}",)
    return (*fewer, f"net.dropout={max(0.3, net.dropout):g}", *decay) if hasattr(net, "dropout") else (*fewer, *decay)


def at_one(subject: Subject) -> tuple[str, ...]:
    """Return the keys that make the loss the bound itself early in training; none if it is already."""
    objective = subject.objective
    match objective:
        case ELBO():
            keys = ("objective.capacity.gamma=0",) if objective.capacity.gamma else _resting(objective.beta, subject)
            if subject.traits.tokens:  # their latents collapse without a floor
                return (*keys, f"objective.free_bits.nats={_FREE:g}") if keys and not objective.free_bits.nats else keys
            return (*keys, "objective.free_bits.nats=0") if objective.free_bits.nats else keys
        case Pictorial():
            return _resting(objective.beta, subject)
        case IWAE() | MIWAE() | PIWAE() | CIWAE() | Renyi():
            return ()
        case _:
            return (*_with_density(subject), "objective=elbo")


def lighter(subject: Subject) -> tuple[str, ...]:
    """Return the keys of `at_one`, unless the rate weighs less than 1 already."""
    return () if final_weight(subject.objective) < 1 else at_one(subject)


def second_stage(subject: Subject) -> tuple[str, ...]:
    """Return the key of a prior fitted after training; of a more flexible one if that was done already.

    References:
        Dai and Wipf, 2019, "Diagnosing and enhancing VAE models".
    """
    description = subject.description
    if description is None or description.posterior.support != "real" or description.prior.kind == "diffusion":
        return longer(subject, 2)
    return ("second_stage=diffusion",) if subject.has_second_stage else ("second_stage=gmm",)


def _with_density(subject: Subject) -> tuple[str, ...]:
    """Return the keys of a posterior that has a rate, if the run's has none."""
    kind = None if subject.description is None else subject.description.posterior.kind
    return ("posterior=gaussian", "prior=standard") if kind in ("delta", "vq") else ()


def late(subject: Subject, *, free: bool) -> tuple[str, ...]:
    """Return the keys that raise the weight of the rate slowly, and with `free` give each latent free bits.

    References:
        Bowman, Vilnis, Vinyals, Dai, Jozefowicz and Bengio, 2016, "Generating sentences from a continuous space"; Kingma,
        Salimans, Jozefowicz, Chen, Sutskever and Welling, 2016, "Improving variational inference with inverse
        autoregressive flow" (free bits).
    """
    if subject.traits.tokens:  # a rising weight alone does not keep the latents of texts in use
        return (f"objective.free_bits.nats={_more_free(subject):g}",) if free else ("objective.beta=1",)
    objective, steps = subject.objective, max(1, _steps(subject) // 2)
    named = () if isinstance(objective, ELBO | Pictorial) else ("objective=elbo",)
    beta = objective.beta if isinstance(objective, ELBO | Pictorial) else Constant()
    # A weight below 1 is meant, as with tables: it stays the end of the rise.
    stop = (f"objective.beta.stop={beta.value:g}",) if isinstance(beta, Constant) and 0 < beta.value < 1 else ()
    rise = ("objective.beta=linear", *stop) if isinstance(beta, Constant) else _to_one(beta)
    floor = (
        (f"objective.free_bits.nats={_more_free(subject):g}",) if free and not isinstance(objective, Pictorial) else ()
    )
    return (*named, *rise, f"objective.beta.steps={steps}", *floor)


def _more_free(subject: Subject) -> float:
    """Return free bits per latent variable: more than the run has."""
    objective = subject.objective
    return max(_FREE, 2 * objective.free_bits.nats if isinstance(objective, ELBO) else 0.0)


def learned_scale(subject: Subject) -> tuple[str, ...]:
    """Return the key that fits the scale of the likelihood to the residuals, if it is fixed or slow to fall."""
    likelihood = subject.traits.family
    scale = getattr(likelihood, "scale", None)
    if isinstance(likelihood, Gaussian) and isinstance(scale, Fixed | Shared):
        return ("likelihood.scale=optimal",)
    return ("likelihood.scale=shared",) if isinstance(scale, Fixed) else ()


def fitting_families(subject: Subject, *kinds: str) -> tuple[str, ...]:
    """Return the keys of the most flexible families, for the kinds of variables that have a choice.

    Args:
        subject: A model; only a table has such kinds.
        kinds: The kinds of variables, such as `real` and `count`; by default all that occur.
    """
    traits = subject.traits
    wanted = kinds or {slot.kind for slot in traits.slots}
    better = {kind: best for kind, (used, best) in traits.families.items() if kind in wanted and used != best}
    return tuple(f"likelihood.{kind}={best}" for kind, best in better.items())


def _steps(subject: Subject) -> int:
    """Return the number of steps a run took, or was to take."""
    return subject.steps or subject.training.steps or 1000


def _resting(beta: Schedule, subject: Subject) -> tuple[str, ...]:
    if isinstance(beta, Constant):
        return () if beta.value == 1 else ("objective.beta=1",)
    steps = _steps(subject)
    if beta.stop == 1 and beta.end <= steps // 2:
        return ()
    return (*_to_one(beta), f"objective.beta.steps={max(1, steps // 4)}")


def _to_one(ramp: Schedule) -> tuple[str, str]:
    """Return the keys of a rise to 1; a logistic rise, which has no length in steps, becomes linear."""
    kind = "linear" if isinstance(ramp, Logistic) else ramp.kind
    return f"objective.beta={kind}", "objective.beta.stop=1"
