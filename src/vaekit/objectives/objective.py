"""The protocol of objectives: a description, and what runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, NamedTuple, Protocol

from pydantic import Field
from torch import Tensor, nn

from vaekit.models import Trace
from vaekit.value import Value

__all__ = ["Criterion", "Loss", "Objective", "bound_metrics"]


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


class Objective(Value, ABC):
    """A frozen description that maps a trace to a loss."""

    samples: Annotated[int, Field(ge=1)] = 1
    """Draws from the posterior per datum."""

    @property
    def schedule_end(self) -> int:
        """The step from which every schedule rests at its final value."""
        return 0

    def build(self, _model: nn.Module, _size: int) -> Criterion:
        """Return what runs, for a model and a number of training data; an objective without weights is that itself."""
        return self

    def after_step(self) -> None:
        """Do nothing: there are no statistics."""

    @abstractmethod
    def __call__(self, trace: Trace, step: int = 0) -> Loss:
        """Return the loss of one trace at one step."""


def bound_metrics(trace: Trace) -> dict[str, Tensor]:
    """Return the quantities every objective logs, in nats per datum, always at beta = 1.

    `distortion` (-log p(x | z)); `elbo` and `rate` (KL) where q has a density; `rate_per_dimension` where it factorises.
    """
    metrics = {"distortion": -trace.log_likelihood.detach().mean()}
    if trace.no_bound is not None:
        return metrics
    metrics |= {"elbo": trace.elbo.detach().mean(), "rate": trace.kl.detach().mean()}
    terms = [latent.kl_terms for latent in trace.latents]
    if len(terms) == 1 and terms[0] is not None:
        metrics["rate_per_dimension"] = terms[0].detach().mean((0, 1)).flatten()
    return metrics
