"""Latents that are vectors of a codebook: the posterior that picks the nearest ones, and priors over the picks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Size, Tensor
from torch.distributions import Categorical, Distribution, Independent, constraints, register_kl

from vaekit.distributions.point import point
from vaekit.distributions.precision import full_precision
from vaekit.distributions.temperature import temper

__all__ = ["CodeVectors", "Quantized", "nearest_code", "uniform_codes"]

_SCORES = 2**24  # held at a time: 64 MB


def nearest_code(vectors: Tensor, codebook: Tensor) -> Tensor:
    r"""Return :math:`\arg\min_k \|v - e_k\|^2` for every vector.

    Args:
        vectors: :math:`v`, `(..., W)`.
        codebook: :math:`e`, `(K, W)`.

    Returns:
        Indices, `(...)`.

    Examples:
        >>> nearest_code(torch.tensor([[0.9], [0.1]]), torch.tensor([[0.0], [1.0]]))
        tensor([1, 0])
    """
    # Reduced precision would confuse neighbors.
    with torch.no_grad(), full_precision(vectors):
        codebook = codebook.to(vectors)
        half = codebook.square().sum(-1) / 2
        parts = vectors.flatten(0, -2).split(max(1, _SCORES // len(codebook)))
        return torch.cat([(part @ codebook.T - half).argmax(-1) for part in parts]).view(vectors.shape[:-1])


class Quantized(Distribution):
    r"""All mass on one sequence of codes: a point of a DISCRETE latent, whose probability is 1 and whose entropy is 0.

    So the bound is honest: :math:`\log p(x) \ge \log p(x \mid z) + \log p(z)`. The draw is exactly the codes' vectors,
    and passes its gradient straight through to the encoded vectors.

    References:
        van den Oord, Vinyals and Kavukcuoglu, 2017, "Neural discrete representation learning".

    Args:
        encoded: What the encoder returned, `(*batch, L, W)`.
        codes: Index of the code of each vector, `(*batch, L)`.
        value: The codes' vectors, `(*batch, L, W)`.
    """

    arg_constraints = {"encoded": constraints.real}  # noqa: RUF012 (the contract of torch.distributions)
    support = constraints.independent(constraints.real, 2)
    has_rsample = True

    def __init__(self, encoded: Tensor, codes: Tensor, value: Tensor) -> None:
        self.encoded, self.codes, self.value = encoded, codes, value.detach()
        super().__init__(encoded.shape[:-2], encoded.shape[-2:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The codes' vectors, with the straight-through gradient."""
        # The difference is exactly zero, so the value stays that of a code.
        return self.value + (self.encoded - self.encoded.detach())

    @property
    def stddev(self) -> Tensor:
        """Zero."""
        return torch.zeros_like(self.value)

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return the codes' vectors, as often as asked."""
        return self.mean.expand(*sample_shape, *self.value.shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return 0 for the codes' own vectors, and minus infinity for any other."""
        same = (value == self.value).all(-1).all(-1)
        return torch.zeros_like(same, dtype=self.value.dtype).masked_fill(~same, -torch.inf)


class CodeVectors(Distribution):
    """A distribution over indices of codes, seen as one over the codes' vectors.

    Args:
        indices: A distribution over sequences of indices, with event shape `(L,)` and a `mode`.
        codebook: The vectors, `(K, W)`.

    Examples:
        >>> prior = uniform_codes(torch.randn(8, 2), 3)
        >>> prior.log_prob(prior.sample((5,))).shape
        torch.Size([5])
    """

    arg_constraints = {}  # noqa: RUF012 (the contract of torch.distributions)
    support = constraints.independent(constraints.real, 2)

    def __init__(self, indices: Distribution, codebook: Tensor) -> None:
        self.indices, self.codebook = indices, codebook
        super().__init__(indices.batch_shape, indices.event_shape + codebook.shape[1:], validate_args=False)

    @property
    def mode(self) -> Tensor:
        """The vectors of the most probable codes."""
        return self.codebook[self.indices.mode]

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return vectors of the codebook."""
        return self.codebook[self.indices.sample(sample_shape)]

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-probability in nats of the codes nearest to vectors `(*S, B, L, W)`."""
        return self.indices.log_prob(nearest_code(value, self.codebook))


def uniform_codes(codebook: Tensor, length: int) -> CodeVectors:
    """Return the distribution under which every one of K codes is as probable as any other, at each of L places."""
    logits = codebook.new_zeros(length, len(codebook))
    return CodeVectors(Independent(Categorical(logits=logits, validate_args=False), 1, validate_args=False), codebook)


@register_kl(Quantized, CodeVectors)
def _(q: Quantized, p: CodeVectors) -> Tensor:
    return -p.indices.log_prob(q.codes)


@point.register
def _(distribution: CodeVectors) -> Tensor:
    return distribution.mode


@temper.register
def _(distribution: CodeVectors, temperature: float) -> CodeVectors:
    return CodeVectors(temper(distribution.indices, temperature), distribution.codebook)


@temper.register
def _(distribution: Categorical, temperature: float) -> Categorical:
    return Categorical(logits=distribution.logits / temperature, validate_args=False)
