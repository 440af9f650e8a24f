"""The evidence lower bound, its beta, its free bits, its capacity and its balance of groups."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from vaekit.errors import NotApplicable
from vaekit.models import Latent, Trace
from vaekit.objectives.bag_of_words import BagOfWords
from vaekit.objectives.objective import Criterion, Loss, Objective, bound_metrics, refuse_no_rate
from vaekit.schedules import Constant, Linear, Schedule
from vaekit.value import Value

__all__ = ["ELBO", "Capacity", "FreeBits"]

_LEAST = 0.01  # nats that a group counts for at least, so that one which carries nothing is still weighed


class FreeBits(Value):
    r"""A floor under the rate: :math:`\max(\lambda, KL)`, below which the rate costs nothing.

    References:
        Kingma, Salimans, Jozefowicz, Chen, Sutskever and Welling, 2016, "Improving variational inference with inverse
        autoregressive flow".
    """

    nats: Annotated[float, Field(ge=0)] = 0.0
    """The floor, in nats per dimension or per group."""
    per: Literal["dimension", "group"] = "dimension"
    """What has a floor of its own: each latent dimension, or each group of latents as a whole."""
    mean: Literal["batch", "datum"] = "batch"
    """What is compared with the floor: the mean over the batch, or the rate of each datum."""

    def __call__(self, latent: Latent) -> Tensor:
        """Return the floored rate of one group of latents, a scalar in nats per datum.

        Raises:
            NotApplicable: The floor is per dimension, but the posterior has no closed-form rate per dimension.
        """
        return self._rates(latent).clamp_min(self.nats).sum(-1).mean() if self.nats else latent.kl.mean()

    def unpaid(self, latent: Latent) -> Tensor:
        """Return the part of the rate of one group of latents that costs nothing, a scalar in nats per datum."""
        return self._rates(latent).clamp_max(self.nats).sum(-1).mean() if self.nats else torch.zeros(())

    def _rates(self, latent: Latent) -> Tensor:
        """Return the rates that have a floor each, `(S, B, count)`, or `(1, 1, count)` as means over the batch."""
        terms = latent.kl_terms if self.per == "dimension" else latent.kl.unsqueeze(-1)
        if terms is None:
            raise NotApplicable(
                "objective.free_bits.per=dimension needs a posterior and a prior that factorise; "
                "use objective.free_bits.per=group"
            )
        rates = terms.flatten(2)
        return rates.mean((0, 1), keepdim=True) if self.mean == "batch" else rates


class Capacity(Value):
    r"""A rate to aim at: :math:`\gamma\, |KL - C(t)|` in the place of :math:`\beta\, KL`.

    References:
        Burgess, Higgins, Pal, Matthey, Watters, Desjardins and Lerchner, 2018, "Understanding disentangling in beta-VAE".
    """

    gamma: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the distance between the rate and the capacity; 0 switches the capacity off."""
    nats: Schedule = Linear(stop=25.0, steps=25_000)
    """The capacity C in nats per datum: a number, or a schedule in steps."""


class ELBO(Objective):
    r"""The negative evidence lower bound: :math:`-E_q[\log p(x \mid z)] + \beta\, KL(q(z \mid x) \| p(z))`.

    A sum over dimensions and a mean over the batch, so that beta = 1 is the bound at every image size. Free bits and
    beta change the loss alone; the logged `elbo` is always the bound.

    References:
        Kingma and Welling, 2014, "Auto-encoding variational Bayes"; Higgins et al., 2017, "beta-VAE".

    Examples:
        >>> ELBO(beta=4.0).beta.at(0)
        4.0
    """

    kind: Literal["elbo"] = "elbo"
    beta: Schedule = Constant()
    """Weight of the rate: a number, or a schedule (linear, cosine, cyclical, hold, logistic) in steps."""
    free_bits: FreeBits = FreeBits()
    """Floor under the rate."""
    capacity: Capacity = Capacity()
    """Rate to aim at, in the place of beta."""
    balance: bool = False
    """Weigh each group of latents by its share of the rate while beta is below its end, so that none is shut early."""
    bag_of_words: Annotated[float, Field(ge=0)] = 0.0
    """Weight of telling the words of a text from its latents alone, beside the bound; 0 switches it off."""

    def model_post_init(self, _context: object) -> None:
        """Refuse two weights of the rate at once."""
        if self.capacity.gamma and self.beta != Constant():
            raise ValueError("objective.capacity takes the place of objective.beta; set one of them")

    @property
    def schedule_end(self) -> int:
        """The step from which beta and the capacity rest."""
        return max(self.beta.end, self.capacity.nats.end if self.capacity.gamma else 0)

    @property
    def what_it_is(self) -> str:
        """What holds the loss apart from the bound."""
        end = self.beta.at(self.beta.end)
        if self.capacity.gamma:
            return "a capacity draws the rate to itself: the loss is no bound; the bounds reported are at beta = 1"
        if end != 1:
            return f"beta = {end:g} weighs the rate: the loss is no bound; the bounds reported are at beta = 1"
        if self.free_bits.nats:
            return "free bits put a floor under the rate: the loss is no bound; the bounds reported are without them"
        if self.bag_of_words:
            return (
                "the latents must tell the bag of words too: the loss is no bound; the bounds reported are without it"
            )
        return ""

    def build(self, model: nn.Module, _size: int) -> Criterion:
        """Return the objective itself, or what tells the bag of words beside it.

        Raises:
            NotApplicable: There is a bag of words to tell, and the model is not one of text.
        """
        return BagOfWords(self, self.bag_of_words, model) if self.bag_of_words else self

    def __call__(self, trace: Trace, step: int = 0) -> Loss:
        """Return the loss of one trace.

        Raises:
            NotApplicable: The posterior has no density.
        """
        refuse_no_rate(trace)
        rates = torch.stack([self.free_bits(latent) for latent in trace.latents])
        beta = self.beta.at(step)
        if self.balance and beta < self.beta.at(self.beta.end):
            rates = rates * _shares(trace)
        capacity = self.capacity
        cost = capacity.gamma * (rates.sum() - capacity.nats.at(step)).abs() if capacity.gamma else beta * rates.sum()
        return Loss(cost - trace.log_likelihood.mean(), bound_metrics(trace))


def _shares(trace: Trace) -> Tensor:
    """Return the share of each group in the rate, `(groups,)` with mean 1, without gradient.

    References:
        Vahdat and Kautz, 2020, "NVAE: a deep hierarchical variational autoencoder".
    """
    rates = torch.stack([latent.kl.detach().mean() for latent in trace.latents]).abs() + _LEAST
    return rates / rates.mean()
