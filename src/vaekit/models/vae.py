"""The flat variational autoencoder: three parts, any three parts."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.distributions import draw, draw_prior
from vaekit.models.latent_variable_model import LatentVariableModel
from vaekit.models.temperatures import Temperature, temperatures
from vaekit.models.trace import Latent

__all__ = ["VAE", "Evidence"]


@dataclass(frozen=True)
class Evidence:
    """What encoding leaves behind, from which latents are drawn as often as wished.

    Args:
        posterior: q(z | x), batch shape `(B,)`.
        prior: p(z), a batch shape that broadcasts to `(B,)`.
        context: What both are conditioned on.
    """

    posterior: Distribution
    prior: Distribution
    context: tuple[Tensor, ...] = ()


class VAE(LatentVariableModel):
    r"""A variational autoencoder: :math:`\log p(x) \ge E_{q(z \mid x)}[\log p(x \mid z)] - KL(q(z \mid x) \| p(z))`.

        x -> posterior -> q(z | x) ~> z -> likelihood -> p(x | z)
                            KL against p(z) <- prior

    A conditional model takes a context after the datum, a tensor `(B, C)`, and hands it to all three parts.

    References:
        Kingma and Welling, 2014, "Auto-encoding variational Bayes"; Rezende, Mohamed and Wierstra, 2014, "Stochastic
        backpropagation and approximate inference in deep generative models".

    Args:
        prior: A module whose `forward(*context)` returns :math:`p(z)`.
        posterior: A module whose `forward(x, *context)` returns :math:`q(z \mid x)`.
        likelihood: A module whose `forward(z, *context)` returns :math:`p(x \mid z)`.
    """

    def __init__(self, prior: nn.Module, posterior: nn.Module, likelihood: nn.Module) -> None:
        super().__init__()
        self.prior, self.posterior, self.likelihood = prior, posterior, likelihood

    def encode(self, x: Tensor, *context: Tensor) -> Distribution:
        """Return q(z | x) for data `(B, *event)`; draw from it, or take `point` of it for an embedding."""
        return self.posterior(x, *context)

    def decode(self, *z: Tensor, context: tuple[Tensor, ...] = ()) -> Distribution:
        """Return p(x | z) for latents `(*S, B, *event)`."""
        return self.likelihood(*z, *context)

    def infer(self, x: Tensor, *context: Tensor) -> Evidence:
        """Encode once: q(z | x), and the prior to compare it with."""
        return Evidence(self.posterior(x, *context), self.prior(*context), context)

    def draw(self, evidence: Evidence, samples: int = 1) -> tuple[Latent, ...]:
        """Draw `samples` latents per datum from q(z | x)."""
        z, log_q = draw(evidence.posterior, samples)
        return (Latent(z, evidence.posterior, evidence.prior, log_q),)

    def latents_at(self, evidence: Evidence, *z: Tensor) -> tuple[Latent, ...]:
        """Return q and p of the only group at given latents."""
        return (Latent(z[0], evidence.posterior, evidence.prior),)

    def posteriors(self, x: Tensor, *context: Tensor) -> tuple[Distribution, ...]:
        """Return q(z | x), the only group's."""
        return (self.posterior(x, *context),)

    @property
    def first_prior(self) -> nn.Module:
        """The prior, the only group's."""
        return self.prior

    def place_prior(self, prior: nn.Module) -> None:
        """Put another module in the place of the prior."""
        self.prior = prior

    def prior_sample(self, n: int, *context: Tensor, temperature: Temperature = 1.0) -> tuple[Tensor, ...]:
        """Return `n` draws from the prior, `(n, *event)`, its scale multiplied by the temperature.

        Args:
            n: How many.
            context: What to condition on, one tensor `(n, C)` where the model is conditional.
            temperature: 1 is the prior itself, 0 its most typical value.
        """
        prior = self.prior(*(c.expand(n, *c.shape[1:]) for c in context))
        return (draw_prior(prior, n, temperature=temperatures(temperature, 1)[0]),)
