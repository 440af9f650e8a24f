"""The subject of a diagnosis: a trained model, its data and its training."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from torch import Tensor

from vaekit.distributions import drawing
from vaekit.heads import Prior, Standard
from vaekit.modalities import Description, Traits, View
from vaekit.models import LatentVariableModel, Trace, evaluating
from vaekit.objectives import ELBO, Objective
from vaekit.training import Training

__all__ = ["Sample", "Subject", "batches", "final_weight", "scores"]


@dataclass(frozen=True)
class Sample:
    """Data in random order.

    Args:
        stored: The data as stored, `(N, ...)`.
        context: What they are conditioned on, tensors `(N, C)`.
        labels: Their classes `(N,)`, if known.
    """

    stored: Tensor
    context: tuple[Tensor, ...] = ()
    labels: Tensor | None = None

    def __len__(self) -> int:
        """Return the number of data."""
        return len(self.stored)

    def take(self, rows: Tensor) -> Sample:
        """Return the data at some indices, or where a mask `(N,)` is true."""
        labels = None if self.labels is None else self.labels[rows]
        return Sample(self.stored[rows], tuple(column[rows] for column in self.context), labels)


@dataclass(frozen=True)
class Subject:
    """A trained model with all that is known about it.

    Args:
        model: The model, in evaluation mode, on the CPU.
        view: How stored data enter it.
        test: Data it was not trained on.
        train: Data it was trained on; None where they are not at hand.
        description: The description of the model; None for a free composition.
        objective: The objective of its training.
        training: The settings of its training.
        history: The logged validations, in order; see `RUN/metrics.jsonl`.
        prior: The prior of training, where another one may have been fitted afterwards; None if it is not known.
    """

    model: LatentVariableModel
    view: View
    test: Sample
    train: Sample | None = None
    description: Description | None = None
    objective: Objective = field(default_factory=ELBO)
    training: Training = field(default_factory=Training)
    history: tuple[Mapping[str, Any], ...] = ()
    prior: Prior | None = None

    @property
    def traits(self) -> Traits:
        """The properties of the data."""
        return self.view.traits

    @property
    def steps(self) -> int:
        """Steps taken, by the history; 0 without one."""
        return max((int(row.get("step") or 0) for row in self.history), default=0)

    @property
    def has_second_stage(self) -> bool:
        """Whether a prior was fitted after training, even if it was not better and the first one stayed."""
        return self.training.second_stage != "none"

    @cached_property
    def as_trained(self) -> Subject | None:
        """The model with the prior of training; None where that was replaced and cannot be built again: only N(0, I) can."""
        if not self.has_second_stage:
            return self
        if self.description is None or not isinstance(self.prior, Standard):
            return None
        model = copy.deepcopy(self.model)
        with drawing(0):
            model.place_prior(self.description.replace(prior=self.prior).build().first_prior)
        return replace(self, model=model)

    @property
    def has_light_rate(self) -> bool:
        """Whether the rate weighs less than in the bound on purpose, because a prior is fitted afterwards."""
        return (self.has_second_stage or self.traits.light_rate) and final_weight(self.objective) < 1

    def given(self, sample: Sample, count: int | None = None, seed: int = 0) -> tuple[Tensor, ...]:
        """Return the first `count` data as the model takes them: prepared, `(N, *event)`, and their context."""
        with evaluating(self.model, seed):
            x = self.view.prepare(sample.stored[:count])
        return x, *(c[:count] for c in sample.context)


def batches(given: Iterable[Tensor], size: int) -> Iterator[tuple[Tensor, ...]]:
    """Yield data as a model takes them, `size` at a time."""
    return zip(*(column.split(size) for column in given), strict=True)


def scores(trace: Trace) -> Tensor:
    """Return the score of each datum in nats, `(B,)`: its ELBO, or log p(x | z) if there is no bound."""
    return trace.elbo if trace.no_bound is None else trace.log_likelihood.mean(0)


def final_weight(objective: Objective) -> float:
    """Return the weight of the rate at the end of its schedule; 1 for objectives without a weight."""
    beta = getattr(objective, "beta", 1.0)
    return beta if isinstance(beta, float) else beta.at(beta.end)
