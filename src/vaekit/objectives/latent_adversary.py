"""Objectives with a net that looks at latents: FactorVAE, and autoencoders matched to their prior."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from vaekit.distributions import draw_prior
from vaekit.errors import NotApplicable
from vaekit.models import Trace
from vaekit.nets import MLP, Widths
from vaekit.objectives.adversary import Adversary, accuracy
from vaekit.objectives.mmd import Kernel, aggregate_mmd
from vaekit.objectives.objective import Criterion, CriterionModule, Loss, Objective, regularized

__all__ = ["AAE", "WAE", "Factor"]


class Factor(Objective):
    r"""FactorVAE: the negative ELBO :math:`+ \gamma\, TC(z)`, the total correlation being told by a discriminator.

    It learns to tell latents from latents whose dimensions were shuffled over the batch apart; its score is then the
    density ratio :math:`\log q(z) - \sum_j \log q(z_j)`.

    References:
        Kim and Mnih, 2018, "Disentangling by factorising".
    """

    kind: Literal["factor"] = "factor"
    gamma: Annotated[float, Field(ge=0)] = 10.0
    """Weight of the total correlation."""
    hidden: Widths = (256, 256, 256)
    """Units of each layer of the discriminator."""

    @property
    def what_it_is(self) -> str:
        """What gamma makes of the bound."""
        if self.gamma == 0:
            return ""
        return (
            "the total correlation of the latents is added: the loss is no bound; the bounds reported are at beta = 1"
        )

    def build(self, model: nn.Module, _size: int) -> Criterion:
        """Return the criterion with its discriminator."""
        return _Shuffled(self.gamma, _adversary(self.hidden, model))


class WAE(Objective):
    r"""The Wasserstein autoencoder: :math:`-E[\log p(x \mid z)] + \lambda\, D(q(z), p(z))`, without a rate.

    Only the aggregate of all posteriors is held to the prior, so that a posterior without noise (delta) will do.

    References:
        Tolstikhin, Bousquet, Gelly and Schoelkopf, 2018, "Wasserstein auto-encoders".
    """

    kind: Literal["wae"] = "wae"
    penalty: Literal["mmd", "gan"] = "mmd"
    """Distance of the aggregate from the prior: maximum mean discrepancy, or told by a discriminator."""
    weight: Annotated[float, Field(ge=0)] = 100.0
    """The weight lambda of that distance."""
    kernel: Kernel = "imq"
    """Kernel of the discrepancy: imq (heavy tails) or rbf (Gaussian)."""
    hidden: Widths = (256, 256, 256)
    """Units of each layer of the discriminator of penalty=gan."""

    what_it_is: ClassVar[str] = (
        "the loss matches the aggregate of the posteriors to the prior and has no rate: it is no bound"
    )

    def build(self, model: nn.Module, _size: int) -> Criterion:
        """Return the criterion, with its discriminator where there is one."""
        return _Matched(self.weight, _adversary(self.hidden, model), model) if self.penalty == "gan" else self

    def __call__(self, trace: Trace, step: int = 0) -> Loss:
        """Return the loss of one trace under the discrepancy."""
        return regularized(trace, 0.0, {"mmd": (self.weight, aggregate_mmd(trace, self.kernel))})


class AAE(Objective):
    r"""The adversarial autoencoder: a discriminator, not a rate, holds the aggregate of all posteriors to the prior.

    References:
        Makhzani, Shlens, Jaitly, Goodfellow and Frey, 2016, "Adversarial autoencoders".
    """

    kind: Literal["aae"] = "aae"
    weight: Annotated[float, Field(ge=0)] = 10.0
    """Weight of fooling the discriminator against nats of reconstruction."""
    loss: Literal["logistic", "hinge"] = "logistic"
    """Loss of the two players."""
    hidden: Widths = (256, 256, 256)
    """Units of each layer of the discriminator."""

    what_it_is: ClassVar[str] = (
        "a discriminator holds the latents to the prior and there is no rate: the loss is no bound"
    )

    def build(self, model: nn.Module, _size: int) -> Criterion:
        """Return the criterion with its discriminator."""
        return _Matched(self.weight, _adversary(self.hidden, model, self.loss), model)


class _Matched(CriterionModule):
    """Draws from the prior are real, latents are made."""

    def __init__(self, weight: float, adversary: Adversary, model: nn.Module) -> None:
        super().__init__()
        self.weight, self.adversary = weight, adversary
        self._model = (model,)  # in a tuple, a module is not registered a second time

    def forward(self, trace: Trace, step: int = 0) -> Loss:
        made = _draws(trace)
        real, fake = self.adversary(self._prior_draws(trace)), self.adversary(made)
        terms = {"fooling": (self.weight, self.adversary.fool(made)), "critic": (1.0, self.adversary.cost(real, fake))}
        return regularized(trace, 0.0, terms, critic_accuracy=accuracy(real, fake))

    def _prior_draws(self, trace: Trace) -> Tensor:
        """Return as many draws from the prior as there are latents, `(S B, D)`, all groups side by side."""
        samples, batch = trace.latents[0].z.shape[:2]
        if len(trace.latents) == 1:
            return draw_prior(trace.latents[0].p, samples, batch, reparameterized=True).flatten(2).flatten(0, 1)
        # In a trace the lower priors are those given the posterior's draws above them.
        model: Any = self._model[0]
        return torch.cat([z.flatten(2) for z in model.prior_draws(samples, batch, *trace.context)], -1).flatten(0, 1)


class _Shuffled(CriterionModule):
    """Latents are real, shuffled ones are made."""

    def __init__(self, gamma: float, adversary: Adversary) -> None:
        super().__init__()
        self.gamma, self.adversary = gamma, adversary

    def forward(self, trace: Trace, step: int = 0) -> Loss:
        z = _draws(trace)
        order = torch.rand(z.shape, device=z.device).argsort(0)
        real, fake = self.adversary(z), self.adversary(z.gather(0, order))
        terms = {
            "total_correlation": (self.gamma, self.adversary.held(z).mean()),
            "critic": (1.0, self.adversary.cost(real, fake)),
        }
        return regularized(trace, 1.0, terms, critic_accuracy=accuracy(real, fake))


def _draws(trace: Trace) -> Tensor:
    """Return all latents of a trace, `(S B, D)`."""
    return torch.cat([latent.z.flatten(2) for latent in trace.latents], -1).flatten(0, 1)


def _adversary(hidden: Widths, model: nn.Module, loss: Literal["logistic", "hinge"] = "logistic") -> Adversary:
    event = getattr(getattr(model, "posterior", None), "event", None)
    if event is None:
        raise NotApplicable(
            "a discriminator of latents needs their shape: give the posterior module an attribute `event`"
        )
    body = MLP(widths=hidden, norm="none", activation="leaky_relu").encoder(event)
    return Adversary(nn.Sequential(body, nn.Linear(hidden[-1], 1)), loss)
