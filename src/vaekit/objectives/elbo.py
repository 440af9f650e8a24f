"""The evidence lower bound, its beta and its free bits."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from vaekit.models import Latent, Trace
from vaekit.objectives.objective import Loss, Objective, bound_metrics
from vaekit.objectives.schedules import Constant, Schedule
from vaekit.value import Value

__all__ = ["ELBO", "FreeBits"]


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
            ValueError: The floor is per dimension, but the posterior has no closed-form rate per dimension.
        """
        if self.nats == 0:
            return latent.kl.mean()
        terms = latent.kl_terms if self.per == "dimension" else latent.kl.unsqueeze(-1)
        if terms is None:
            raise ValueError(
                "objective.free_bits.per=dimension needs a posterior and a prior that factorise; "
                "use objective.free_bits.per=group"
            )
        rates = terms.flatten(2)
        rates = rates.mean((0, 1), keepdim=True) if self.mean == "batch" else rates
        return rates.clamp_min(self.nats).sum(-1).mean()


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
    """Weight of the rate: a number, or a schedule (linear, cosine, cyclical) in steps."""
    free_bits: FreeBits = FreeBits()
    """Floor under the rate."""

    @property
    def schedule_end(self) -> int:
        """The step from which beta rests."""
        return self.beta.end

    def __call__(self, trace: Trace, step: int = 0) -> Loss:
        """Return the loss of one trace."""
        rate = torch.stack([self.free_bits(latent) for latent in trace.latents]).sum()
        beta = self.beta.at(step)
        return Loss(beta * rate - trace.log_likelihood.mean(), bound_metrics(trace))
