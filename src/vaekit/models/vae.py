"""The flat variational autoencoder: three parts, any three parts."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.distributions import point, temper
from vaekit.models.trace import Latent, Trace

__all__ = ["VAE", "LatentVariableModel"]


class LatentVariableModel(Protocol):
    """What training, evaluation and diagnosis need of a model."""

    def infer(self, x: Tensor) -> Any:
        """Encode once: what `trace` needs to draw as often as wished."""
        ...

    def trace(self, x: Tensor, evidence: Any, samples: int = 1) -> Trace:
        """Draw latents and decode them."""
        ...

    def prior_sample(self, n: int, temperature: float = 1.0) -> tuple[Tensor, ...]:
        """Draw each group of latents from the prior."""
        ...

    def decode(self, *z: Tensor) -> Distribution:
        """Return p(x | z)."""
        ...


class VAE(nn.Module):
    r"""A variational autoencoder: :math:`\log p(x) \ge E_{q(z \mid x)}[\log p(x \mid z)] - KL(q(z \mid x) \| p(z))`.

        x -> posterior -> q(z | x) ~> z -> likelihood -> p(x | z)
                            KL against p(z) <- prior

    References:
        Kingma and Welling, 2014, "Auto-encoding variational Bayes"; Rezende, Mohamed and Wierstra, 2014, "Stochastic
        backpropagation and approximate inference in deep generative models".

    Args:
        prior: A module whose `forward()` returns :math:`p(z)`.
        posterior: A module whose `forward(x)` returns :math:`q(z \mid x)`.
        likelihood: A module whose `forward(z)` returns :math:`p(x \mid z)`.
    """

    def __init__(self, prior: nn.Module, posterior: nn.Module, likelihood: nn.Module) -> None:
        super().__init__()
        self.prior, self.posterior, self.likelihood = prior, posterior, likelihood

    def encode(self, x: Tensor) -> Distribution:
        """Return q(z | x) for data `(B, *event)`; draw from it, or take `point` of it for an embedding."""
        return self.posterior(x)

    def decode(self, *z: Tensor) -> Distribution:
        """Return p(x | z) for latents `(*S, B, D)`."""
        return self.likelihood(*z)

    def infer(self, x: Tensor) -> Distribution:
        """Encode once: q(z | x)."""
        return self.posterior(x)

    def trace(self, x: Tensor, evidence: Distribution, samples: int = 1) -> Trace:
        """Draw `samples` latents per datum from q(z | x) and decode them.

        Args:
            x: Data `(B, *event)`.
            evidence: What `infer(x)` returned.
            samples: S, the number of draws per datum.
        """
        z = evidence.rsample((samples,))
        return Trace(x, self.likelihood(z), (Latent(z, evidence, self.prior()),))

    def forward(self, x: Tensor, samples: int = 1) -> Trace:
        """Infer, then trace."""
        return self.trace(x, self.infer(x), samples)

    def prior_sample(self, n: int, temperature: float = 1.0) -> tuple[Tensor, ...]:
        """Return `n` draws from the prior, `(n, D)`, its scale multiplied by the temperature."""
        prior = self.prior()
        if temperature == 0:
            return (point(prior).expand(n, *prior.event_shape),)
        return ((prior if temperature == 1 else temper(prior, temperature)).sample((n,)),)

    @torch.no_grad()
    def reconstruct(self, x: Tensor) -> Tensor:
        """Return the deterministic reconstruction: the likelihood's point at the posterior's mean."""
        return point(self.decode(point(self.encode(x))))

    @torch.no_grad()
    def generate(self, n: int, prior_temperature: float = 1.0, likelihood_temperature: float = 1.0) -> Tensor:
        """Return `n` new data.

        Args:
            n: How many.
            prior_temperature: Scale of the prior's draws; below 1 gives more typical, less varied data.
            likelihood_temperature: Scale of the draws from p(x | z); 0 returns its point, e.g. the mean image.
        """
        likelihood = self.decode(*self.prior_sample(n, prior_temperature))
        if likelihood_temperature == 0:
            return point(likelihood)
        return (likelihood if likelihood_temperature == 1 else temper(likelihood, likelihood_temperature)).sample()
