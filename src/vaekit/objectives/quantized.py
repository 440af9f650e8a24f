"""The objective of vector-quantised autoencoders."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from vaekit.distributions import CodeVectors, Quantized
from vaekit.errors import NotApplicable
from vaekit.models import Trace
from vaekit.objectives.objective import Loss, Objective, bound_metrics

__all__ = ["VQELBO"]


class VQELBO(Objective):
    r"""The negative bound and a commitment of the encoder: plus :math:`c\, \|v - \mathrm{sg}(e)\|^2`.

    A code has probability 1 under the posterior, so the bound is :math:`\log p(x \mid z) + \log p(z)`. Its second part is
    constant under the uniform prior; a learned prior learns by it, and nothing else: codes pass no gradient. The codebook
    follows by moving averages and has no term. What is added pulls the encoder's vectors to their codes.

    References:
        van den Oord, Vinyals and Kavukcuoglu, 2017, "Neural discrete representation learning".
    """

    kind: Literal["vq"] = "vq"
    commitment: Annotated[float, Field(ge=0)] = 0.25
    """Weight of the squared distance between encoded vectors and their codes."""

    what_it_is: ClassVar[str] = (
        "vq adds the commitment of the encoder to the loss, which is no bound; the bounds reported leave it out"
    )

    def __call__(self, trace: Trace, step: int = 0) -> Loss:
        """Return the loss of one trace.

        Raises:
            NotApplicable: The posterior has no codebook.
        """
        terms, metrics = [], {}
        for latent in trace.latents:
            if not isinstance(latent.q, Quantized) or not isinstance(latent.p, CodeVectors):
                raise NotApplicable(
                    "objective=vq needs a posterior with a codebook; use posterior=vq, or objective=elbo"
                )
            terms.append((latent.q.encoded - latent.q.value).square().flatten(1).sum(1).mean())
            metrics = _use(latent.q.codes, len(latent.p.codebook))
        distance = torch.stack(terms).sum()
        value = self.commitment * distance - trace.elbo.mean()
        return Loss(value, bound_metrics(trace) | metrics | {"commitment": distance.detach()})


def _use(codes: Tensor, size: int) -> dict[str, Tensor]:
    """Return the perplexity of the codes in use, between 1 and K, and the share of all codes that are in use."""
    share = torch.bincount(codes.flatten(), minlength=size) / codes.numel()
    entropy = -torch.special.xlogy(share, share).sum()
    return {"perplexity": entropy.exp(), "codes_used": (share > 0).float().mean()}
