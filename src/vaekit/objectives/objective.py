"""The protocol of objectives: a description, and what runs."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import Annotated, NamedTuple, Protocol

import torch
from pydantic import Field
from torch import Tensor, nn

from vaekit.distributions import Quantized
from vaekit.errors import NotApplicable
from vaekit.models import Trace
from vaekit.value import Value

__all__ = ["Criterion", "CriterionModule", "Loss", "Objective", "bound_metrics", "refuse_no_rate", "regularized"]


class Loss(NamedTuple):
    """What an objective returns.

    Args:
        value: The scalar to minimise, with its graph.
        metrics: Detached tensors to log; `elbo` among them is the bound at beta = 1 and larger is better.
    """

    value: Tensor
    metrics: dict[str, Tensor]


class Criterion(Protocol):
    """What runs: weightless objectives are their own criterion."""

    def __call__(self, trace: Trace, step: int = 0) -> Loss:
        """Return the loss of one trace at one step."""
        ...

    def after_step(self) -> None:
        """Update statistics that are no weights, after the optimiser's step."""
        ...


class CriterionModule(nn.Module):
    """A criterion with weights, or one that looks at the model's."""

    def after_step(self) -> None:
        """Do nothing: there are no statistics."""


class Objective(Value, ABC):
    """A frozen description that maps a trace to a loss."""

    samples: Annotated[int, Field(ge=1)] = 1
    """Draws from the posterior per datum."""

    @property
    def schedule_end(self) -> int:
        """The step from which every schedule rests at its final value."""
        return 0

    @property
    def what_it_is(self) -> str:
        """One sentence on what the loss is at the end of its schedules; empty where it is a bound on -log p(x)."""
        return ""

    @property
    def is_bound(self) -> bool:
        """Whether the loss is a bound on -log p(x) from the end of its schedules on."""
        return not self.what_it_is

    def build(self, _model: nn.Module, _size: int) -> Criterion:
        """Return what runs, for a model and a number of training data.

        An objective without weights is that itself and says how to be called; one with weights, or which needs the
        model or the number of data, returns a criterion of its own.
        """
        return self

    def after_step(self) -> None:
        """Do nothing: there are no statistics."""

    def __call__(self, trace: Trace, step: int = 0) -> Loss:
        """Return the loss of one trace at one step, for an objective that is its own criterion."""
        raise TypeError(f"{type(self).__name__} is not its own criterion; call what build(model, size) returns")


def bound_metrics(trace: Trace) -> dict[str, Tensor]:
    """Return the quantities every objective logs, in nats per datum, always at beta = 1.

    `distortion` (-log p(x | z)); `elbo` and `rate` (KL) where q has a density; `rate_per_dimension` where it factorises, all
    groups side by side; `rate_per_group` where there are several.
    """
    metrics = {"distortion": -trace.log_likelihood.detach().mean()}
    if trace.no_bound is not None:
        return metrics
    metrics |= {"elbo": trace.elbo.detach().mean(), "rate": trace.kl.detach().mean()}
    terms = [latent.kl_terms.detach().flatten(2) for latent in trace.latents if latent.kl_terms is not None]
    if len(terms) == len(trace.latents):
        metrics["rate_per_dimension"] = torch.cat([term.mean((0, 1)) for term in terms])
    if len(trace.latents) > 1:
        metrics["rate_per_group"] = torch.stack([latent.kl.detach().mean() for latent in trace.latents])
    return metrics


def refuse_no_rate(trace: Trace) -> None:
    """Raise NotApplicable, with the cure, where a posterior has no density and hence no rate, or one of codes."""
    if trace.no_bound is not None:
        raise NotApplicable(f"{trace.no_bound}; use objective=rae, wae or aae, or posterior=gaussian")
    refuse_codes(trace)


def refuse_codes(trace: Trace) -> None:
    """Raise NotApplicable where a posterior is one of codes, whose encoder must be committed to them."""
    if any(isinstance(latent.q, Quantized) for latent in trace.latents):
        raise NotApplicable("this objective commits no encoder to its codes; use objective=vq, or posterior=gaussian")


def regularized(trace: Trace, beta: float, terms: Mapping[str, tuple[float, Tensor]], **metrics: Tensor) -> Loss:
    r"""Return :math:`-E[\log p(x \mid z)] + \beta\, KL + \sum_i w_i t_i`, each term logged under its name.

    Args:
        trace: The run.
        beta: Weight of the rate; 0 asks for none, so that a posterior without a density will do.
        terms: The weight and the scalar of each term.
        **metrics: More to log.
    """
    refuse_codes(trace)
    value = -trace.log_likelihood.mean()
    if beta:
        refuse_no_rate(trace)
        value = value + beta * trace.kl.mean()
    for weight, term in terms.values():
        value = value + weight * term
    return Loss(value, bound_metrics(trace) | {name: term.detach() for name, (_, term) in terms.items()} | metrics)
