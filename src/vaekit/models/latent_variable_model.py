"""What training, evaluation, diagnosis and the verbs need of a model, whether it has one group of latents or many."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.distributions import full_precision, point, temper
from vaekit.models.groups import Groups
from vaekit.models.temperatures import Temperature
from vaekit.models.trace import Latent, Trace, log_prior

__all__ = ["LatentVariableModel"]


class LatentVariableModel(nn.Module, ABC):
    """A model with one or more groups of latents; a hierarchy lists them from the top one down.

    Its weights belong to three parts, which settings and reports name: `prior`, `posterior` and `likelihood`. The prior is
    called with the context alone and returns p(z) of the first group.
    """

    prior: nn.Module
    posterior: nn.Module
    likelihood: nn.Module

    @abstractmethod
    def infer(self, x: Tensor, *context: Tensor) -> Any:
        """Encode data `(B, *event)` once; return what `draw` needs, which keeps the `context` as an attribute."""

    @abstractmethod
    def draw(self, evidence: Any, samples: int = 1) -> tuple[Latent, ...]:
        """Draw `samples` latents per datum from the posterior, `(S, B, *event)` of each group, without decoding them.

        Args:
            evidence: What `infer(x)` returned.
            samples: S, the number of draws per datum.
        """

    @abstractmethod
    def latents_at(self, evidence: Any, *z: Tensor) -> tuple[Latent, ...]:
        """Return q and p of each group at given latents, without decoding them.

        Args:
            evidence: What `infer(x)` returned.
            z: The latents of each group, `(*S, B, *event)`; the densities of a group may depend on those of the groups above.
        """

    @abstractmethod
    def posteriors(self, x: Tensor, *context: Tensor) -> tuple[Distribution, ...]:
        """Return q of each group, batch shape `(B,)`, given the points of the groups above it."""

    @abstractmethod
    def prior_sample(self, n: int, *context: Tensor, temperature: Temperature = 1.0) -> tuple[Tensor, ...]:
        """Return `n` draws of each group from the prior, `(n, *event)`; temperature 0 gives its most typical value.

        Args:
            n: How many.
            context: What to condition on.
            temperature: Scale of the draws: one number, or one for each group from the top down; see `temperatures`.
        """

    @property
    @abstractmethod
    def first_prior(self) -> nn.Module:
        """The module p(z) of the first group."""

    @abstractmethod
    def place_prior(self, prior: nn.Module) -> None:
        """Put a module p(z), fitted to a trained model, in the place of the prior of the first group."""

    @abstractmethod
    def decode(self, *z: Tensor, context: tuple[Tensor, ...] = ()) -> Distribution:
        """Return p(x | z) for the latents of each group, `(*S, B, *event)`."""

    def initialize(self, x: Tensor, *context: Tensor) -> None:
        """Let the parts that start from data (pseudo-inputs, codebooks) look at some, `(N, *event)`, before training."""
        for part in (self.posterior, self.likelihood, self.prior):
            start = getattr(part, "initialize", None)
            if callable(start):
                start(x, *context)

    def trace(self, x: Tensor, evidence: Any, samples: int = 1) -> Trace:
        """Draw `samples` latents per datum and decode them.

        Args:
            x: Data `(B, *event)`.
            evidence: What `infer(x)` returned.
            samples: S, the number of draws per datum.
        """
        with full_precision(x):
            latents = self.draw(evidence, samples)
        likelihood = self.decode(*(latent.z for latent in latents), context=evidence.context)
        return Trace(x, likelihood, latents, evidence.context)

    def forward(self, x: Tensor, *context: Tensor, samples: int = 1) -> Trace:
        """Infer, then trace."""
        return self.trace(x, self.infer(x, *context), samples)

    def points(self, x: Tensor, *context: Tensor) -> tuple[Tensor, ...]:
        """Return the deterministic code of data: the point of q of each group, `(B, *event)`."""
        return tuple(point(q) for q in self.posteriors(x, *context))

    def typical(self, x: Tensor, keep: Sequence[Tensor], *context: Tensor) -> tuple[Latent, ...]:
        """Return each group at the points of q for some variables, and of the prior, given the groups above, for the others.

        Args:
            x: Data `(B, *event)`.
            keep: Which variables of each group come from q, truth values that broadcast to its event.
            context: What to condition on.
        """
        evidence, z, kept = self.infer(x, *context), [*self.points(x, *context)], True
        for group, mask in enumerate(keep):
            if kept and mask.all():
                continue  # q has not changed yet
            kept, latent = False, self.latents_at(evidence, *z)[group]
            z[group] = torch.where(mask, point(latent.q), point(latent.p))
        return self.latents_at(evidence, *z)

    def log_joint(self, x: Tensor, evidence: Any, *z: Tensor) -> Tensor:
        """Return log p(x, z) in nats, `(S, B)`, of data and given latents `(S, B, *event)` of each group."""
        latents = self.latents_at(evidence, *z)
        return Trace(x, self.decode(*z, context=evidence.context), latents).log_likelihood + log_prior(latents)

    def prior_draws(self, samples: int, batch: int, *context: Tensor) -> tuple[Tensor, ...]:
        """Return draws of each group from the prior, `(samples, batch, *event)`, given contexts `(batch, C)`."""
        given = (c.repeat(samples, *[1] * (c.dim() - 1)) for c in context)
        return tuple(z.unflatten(0, (samples, batch)) for z in self.prior_sample(samples * batch, *given))

    def codes(self, trace: Trace) -> Tensor:
        """Return the points of all groups side by side, `(B, D)`, of data that were run through the model."""
        if len(trace.latents) == 1:
            return point(trace.latents[0].q).flatten(1)
        return Groups.of(trace.latents).join(self.points(trace.x, *trace.context))

    @torch.no_grad()
    def reconstruct(self, x: Tensor, *context: Tensor) -> Tensor:
        """Return the deterministic reconstruction: the likelihood's point at the posterior's points."""
        return point(self.decode(*self.points(x, *context), context=context))

    @torch.no_grad()
    def generate(
        self, n: int, *context: Tensor, prior_temperature: Temperature = 1.0, likelihood_temperature: float = 1.0
    ) -> Tensor:
        """Return `n` new data.

        Args:
            n: How many.
            context: What to condition on, one tensor `(n, C)` where the model is conditional.
            prior_temperature: Scale of the prior's draws, see `temperatures`; below 1 gives more typical, less varied data.
            likelihood_temperature: Scale of the draws from p(x | z); 0 returns its point, e.g. the mean image.
        """
        z = self.prior_sample(n, *context, temperature=prior_temperature)
        likelihood = self.decode(*z, context=tuple(c.expand(n, *c.shape[1:]) for c in context))
        if likelihood_temperature == 0:
            return point(likelihood)
        return (likelihood if likelihood_temperature == 1 else temper(likelihood, likelihood_temperature)).sample()
