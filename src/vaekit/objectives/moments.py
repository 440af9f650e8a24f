"""The aggregate posterior held to uncorrelated dimensions of unit variance."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.distributions import Distribution, Independent

from vaekit.errors import NotApplicable
from vaekit.models import Latent, Trace
from vaekit.objectives.objective import Loss, Objective, regularized

__all__ = ["DIP", "factorizing"]


class DIP(Objective):
    r"""DIP-VAE: the negative ELBO :math:`+ \lambda_{od} \sum_{i \ne j} C_{ij}^2 + \lambda_d \sum_i (C_{ii} - 1)^2`.

    C is a covariance over the batch: of the posterior means (version i), or of the latents themselves, which adds the
    mean covariance of the posteriors (version ii).

    References:
        Kumar, Sattigeri and Balakrishnan, 2018, "Variational inference of disentangled latent concepts from unlabeled
        observations".
    """

    kind: Literal["dip"] = "dip"
    version: Literal["i", "ii"] = "ii"
    """Covariance of the means (i) or of the latents (ii)."""
    off_diagonal: Annotated[float, Field(ge=0)] = 10.0
    """Weight of the covariances between dimensions."""
    diagonal: Annotated[float, Field(ge=0)] = 10.0
    """Weight of each variance's distance from 1; for version i ten times off_diagonal is usual."""

    @property
    def what_it_is(self) -> str:
        """What the weights make of the bound."""
        if self.off_diagonal == self.diagonal == 0:
            return ""
        return "the covariance of the latents is penalized: the loss is no bound; the bounds reported are at beta = 1"

    def __call__(self, trace: Trace, step: int = 0) -> Loss:
        """Return the loss of one trace.

        Raises:
            NotApplicable: The posterior does not factorize.
        """
        covariance = _covariance(factorizing(trace).q, within=self.version == "ii")
        variance = covariance.diagonal()
        terms = {
            "off_diagonal": (self.off_diagonal, (covariance - variance.diag()).square().sum()),
            "diagonal": (self.diagonal, (variance - 1).square().sum()),
        }
        return regularized(trace, 1.0, terms)


def factorizing(trace: Trace) -> Latent:
    """Return the latent of a trace.

    Raises:
        NotApplicable: There are several groups, or the dimensions of one depend on each other given x.
    """
    (latent, *more) = trace.latents
    q = latent.q
    if more or not isinstance(q, Independent) or q.base_dist.event_shape:
        raise NotApplicable(
            "this objective needs one group of latents with independent dimensions; use posterior=gaussian"
        )
    return latent


def _covariance(q: Distribution, *, within: bool) -> Tensor:
    means = q.mean.flatten(1)
    with torch.autocast(means.device.type, enabled=False):
        between = torch.cov(means.T, correction=0).reshape(2 * means.shape[1:])  # also where there is one dimension
    return between + q.variance.flatten(1).mean(0).diag() if within else between
