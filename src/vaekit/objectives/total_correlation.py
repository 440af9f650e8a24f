"""The rate taken apart: mutual information, total correlation and dimension-wise divergence, each with its weight."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.distributions import Independent
from torch.utils.checkpoint import checkpoint

from vaekit.models import Latent, Trace
from vaekit.objectives.moments import factorizing
from vaekit.objectives.objective import Criterion, Loss, Objective, regularized

__all__ = ["BetaTC", "log_weights"]

_LARGEST = 2**24  # pairwise densities kept for the backward pass; more are computed again, chunk by chunk


class BetaTC(Objective):
    r"""The rate in three parts: :math:`-E[\log p(x \mid z)] + \alpha\, I(x; z) + \beta\, TC(z) + \gamma \sum_j KL_j`.

    .. math:: I = E\left[\log \frac{q(z \mid x)}{q(z)}\right], \quad TC = E\left[\log \frac{q(z)}{\prod_j q(z_j)}\right],
              \quad \sum_j KL_j = E\left[\log \frac{\prod_j q(z_j)}{p(z)}\right]

    The aggregate :math:`q(z)` over all N training data is estimated from the batch. At alpha = beta = gamma = 1 the sum
    is the rate, whatever the estimate.

    References:
        Chen, Li, Grosse and Duvenaud, 2018, "Isolating sources of disentanglement in variational autoencoders".
    """

    kind: Literal["beta_tc"] = "beta_tc"
    alpha: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the mutual information between data and latents."""
    beta: Annotated[float, Field(ge=0)] = 6.0
    """Weight of the total correlation."""
    gamma: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the divergence of each dimension from the prior."""
    weights: Literal["stratified", "minibatch"] = "stratified"
    """Estimate of the aggregate: stratified is unbiased for q(z), minibatch off by a constant of log N nats."""

    @property
    def what_it_is(self) -> str:
        """What unequal weights make of the rate."""
        if self.alpha == self.beta == self.gamma == 1:
            return ""
        return (
            "the parts of the rate have weights of their own: the loss is no bound; the bounds reported are at beta = 1"
        )

    def build(self, _model: nn.Module, size: int) -> Criterion:
        """Return the criterion for a number of training data."""
        return _Decomposition(self, size)


@dataclass(frozen=True)
class _Decomposition:
    objective: BetaTC
    size: int

    def __call__(self, trace: Trace, step: int = 0) -> Loss:
        latent, wanted = factorizing(trace), self.objective
        joint, product = _aggregate(latent, log_weights(latent.z.shape[1], self.size, wanted.weights).to(latent.z))
        log_q, log_p = latent.q.log_prob(latent.z), latent.p.log_prob(latent.z)
        terms = {
            "mutual_information": (wanted.alpha, (log_q - joint).mean()),
            "total_correlation": (wanted.beta, (joint - product).mean()),
            "dimension_kl": (wanted.gamma, (product - log_p).mean()),
        }
        return regularized(trace, 0.0, terms)

    def after_step(self) -> None:
        """Do nothing: there are no statistics."""


def log_weights(batch: int, size: int, weights: Literal["stratified", "minibatch"]) -> Tensor:
    r"""Return :math:`\log W`, `(B, B)`, in :math:`q(z_i) \approx \sum_j W_{ij}\, q(z_i \mid x_j)`.

    minibatch: :math:`1 / (N B)` everywhere. stratified: :math:`1 / N` for the datum that z came from, and what is left
    shared equally among the others, so that every row sums to 1. Chen et al. give one of the others a share of its own;
    the mean of both is the same, and at B = N this one is exact.

    Args:
        batch: B, at least 2.
        size: N, the number of training data.
        weights: Which estimate.

    Examples:
        >>> log_weights(3, 12, "stratified").exp().sum(1)
        tensor([1., 1., 1.], dtype=torch.float64)
    """
    if weights == "minibatch":
        return torch.full((batch, batch), -math.log(size * batch), dtype=torch.float64)
    if batch < 2 or size < batch:
        raise ValueError(f"total correlation needs batches of 2 to {size} data, got {batch}; set batch")
    logs = torch.full((batch, batch), math.log((1 - 1 / size) / (batch - 1)), dtype=torch.float64)
    return logs.fill_diagonal_(-math.log(size))


def _aggregate(latent: Latent, log_weight: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return :math:`\log q(z)` and :math:`\sum_j \log q(z_j)` of the draws, each `(S, B)`."""
    z, q = latent.z, latent.q
    assert isinstance(q, Independent)

    def rows(part: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        terms = q.base_dist.log_prob(part.unsqueeze(2)).flatten(3)  # (S, rows, B, D)
        weighted = weight[..., None] + terms
        return torch.logsumexp(weight + terms.sum(-1), 2), torch.logsumexp(weighted, 2).sum(-1)

    pairs = z.numel() * z.shape[1]
    if pairs <= _LARGEST:
        return rows(z, log_weight)
    count = math.ceil(pairs / _LARGEST)
    chunks = zip(z.chunk(count, 1), log_weight.chunk(count), strict=True)
    joint, product = zip(
        *(checkpoint(rows, *chunk, use_reentrant=False, preserve_rng_state=False) for chunk in chunks), strict=True
    )
    return torch.cat(joint, 1), torch.cat(product, 1)
