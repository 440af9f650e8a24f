"""What one run of a model leaves behind: all that an objective, an evaluation or a diagnosis may ask."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaekit.distributions import full_precision, kl, kl_terms

__all__ = ["Latent", "Trace", "log_posterior", "log_prior", "no_density"]


@dataclass(frozen=True)
class Latent:
    r"""One group of latents in one run.

    Args:
        z: The draws, `(S, B, *event)`.
        q: The posterior :math:`q(z \mid x)`, batch shape `(B,)` or `(S, B)`.
        p: The prior :math:`p(z)`, a batch shape that broadcasts to `(S, B)`.
        log_q: log q(z | x) in nats, `(S, B)`, where drawing yielded it.
    """

    z: Tensor
    q: Distribution
    p: Distribution
    log_q: Tensor | None = None

    @cached_property
    def kl_terms(self) -> Tensor | None:
        """KL(q || p) per dimension in nats, `(S or 1, B, *event)`; None where q or p does not factorise.

        A categorical variable is one dimension: of `(D, classes)` there are terms `(S or 1, B, D)`.
        """
        with full_precision(self.z):
            terms = kl_terms(self.q, self.p)
        batch = max(len(self.q.batch_shape), len(self.p.batch_shape))
        return terms if terms is None or batch == 2 else terms.unsqueeze(0)

    @property
    def width(self) -> int:
        """Coordinates of one latent variable: the classes of a one-hot vector, the length of a code, 1 of a number."""
        return self.q.event_shape[-1] if len(self.q.event_shape) == 2 else 1

    @cached_property
    def kl(self) -> Tensor:
        """KL(q || p) in nats, `(S or 1, B)`: in closed form, or else the Monte Carlo estimate."""
        if self.kl_terms is not None:
            return self.kl_terms.flatten(2).sum(-1)
        with full_precision(self.z):
            closed = kl(self.q, self.p)
        if closed is None:
            return -self.log_ratio
        return closed if closed.dim() == 2 else closed.unsqueeze(0)

    @cached_property
    def log_ratio(self) -> Tensor:
        """log p(z) - log q(z | x) in nats, `(S, B)`."""
        with full_precision(self.z):
            return self.p.log_prob(self.z) - (self.q.log_prob(self.z) if self.log_q is None else self.log_q)


def no_density(latents: Sequence[Latent]) -> str | None:
    """Return why a posterior has no density; None where all have one."""
    reasons = (getattr(latent.q, "no_density", None) for latent in latents)
    return next((reason for reason in reasons if reason is not None), None)


def log_prior(latents: Sequence[Latent]) -> Tensor:
    """Return log p(z) over all groups in nats, `(S, B)`."""
    with full_precision(latents[0].z):
        return functools.reduce(torch.add, [latent.p.log_prob(latent.z) for latent in latents])


def log_posterior(latents: Sequence[Latent]) -> Tensor:
    """Return log q(z | x) over all groups in nats, `(S, B)`."""
    with full_precision(latents[0].z):
        return functools.reduce(torch.add, [latent.q.log_prob(latent.z) for latent in latents])


@dataclass(frozen=True)
class Trace:
    r"""One run on one batch.

    Args:
        x: The data, `(B, *event)`, in the support of the likelihood.
        likelihood: :math:`p(x \mid z)`, batch shape `(S, B)`.
        latents: One `Latent` per group; a flat VAE has one, a hierarchy many.
        context: What the model was conditioned on, tensors `(B, ...)`.
    """

    x: Tensor
    likelihood: Distribution
    latents: tuple[Latent, ...]
    context: tuple[Tensor, ...] = ()

    @property
    def no_bound(self) -> str | None:
        """Why there is neither a rate nor a bound on the evidence; None where there is."""
        return no_density(self.latents)

    @cached_property
    def log_likelihood(self) -> Tensor:
        """log p(x | z) in nats, `(S, B)`.

        Raises:
            ValueError: x has not the likelihood's event shape, which would otherwise broadcast in silence.
        """
        event = self.likelihood.event_shape
        if self.x.shape[1:] != event:
            raise ValueError(f"the likelihood is one of data {tuple(event)}, got a batch {tuple(self.x.shape)}")
        with full_precision(self.x):
            return self.likelihood.log_prob(self.x)

    @cached_property
    def kl(self) -> Tensor:
        """KL(q(z | x) || p(z)) over all groups in nats, `(S or 1, B)`: the rate."""
        return functools.reduce(torch.add, [latent.kl for latent in self.latents])

    @cached_property
    def elbo(self) -> Tensor:
        """The evidence lower bound in nats, `(B,)`: larger is better, always at beta = 1."""
        return (self.log_likelihood - self.kl).mean(0)

    @cached_property
    def log_weight(self) -> Tensor:
        """log p(x, z) - log q(z | x) in nats, `(S, B)`: the logarithm of the importance weight."""
        return functools.reduce(torch.add, [self.log_likelihood, *(latent.log_ratio for latent in self.latents)])
