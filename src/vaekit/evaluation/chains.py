"""Chains from q(z | x) or p(z) to p(z) p(x | z): the evidence of data as the end of a path."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, constraints

from vaekit.distributions import (
    CodeVectors,
    Quantized,
    Spherical,
    StraightThrough,
    UniformSphere,
    WrappedNormal,
    full_precision,
)
from vaekit.errors import NotApplicable
from vaekit.evaluation.hamiltonian import Path, Stage, adapted_steps, annealing
from vaekit.models import Evidence, LatentVariableModel, Trace

__all__ = ["Chains", "Problem", "in_parts", "log_mean"]

_ROWS = 1000  # chains moved together
_STEEPNESS = 4.0  # of the sigmoid that spaces the temperatures (Wu et al., 2017)
_CURVED = (CodeVectors, Quantized, Spherical, StraightThrough, UniformSphere, WrappedNormal)


@dataclass(frozen=True)
class Chains:
    """How chains are led.

    Args:
        count: C, chains per datum.
        temperatures: Number of steps from the start to the goal.
        leapfrog: Steps of the integrator in one move.
        from_prior: Begin at p(z) instead of q(z | x): without the encoder, and in need of more temperatures.

    Raises:
        ValueError: A number is below 1.

    Examples:
        >>> Chains(temperatures=2).betas.tolist()
        [0.0, 0.5, 1.0]
    """

    count: int = 4
    temperatures: int = 40
    leapfrog: int = 3
    from_prior: bool = False

    def __post_init__(self) -> None:
        """Refuse numbers below 1."""
        if min(self.count, self.temperatures, self.leapfrog) < 1:
            raise ValueError(f"count, temperatures and leapfrog must be at least 1, got {self}")

    @property
    def betas(self) -> Tensor:
        r""":math:`0 = \beta_0 < \dots < \beta_T = 1`, dense at both ends, `(T + 1,)`."""
        ramp = torch.linspace(-_STEEPNESS, _STEEPNESS, self.temperatures + 1, dtype=torch.float64).sigmoid()
        return (ramp - ramp[0]) / (ramp[-1] - ramp[0])


@dataclass(frozen=True)
class Problem:
    """The evidence of some data as the end of a path.

    Args:
        first: Where the path begins, batch shape `()` or `(B,)`.
        path: From there to p(z) p(x | z).
        chains: How it is walked.
        betas: The temperatures, `(T + 1,)`.
        steps: Length of the leapfrog steps, `(T + 1, B)`.
    """

    first: Distribution
    path: Path
    chains: Chains
    betas: Tensor
    steps: Tensor

    @classmethod
    def of(
        cls, model: LatentVariableModel, chains: Chains, x: Tensor, *context: Tensor, betas: Tensor | None = None
    ) -> Problem:
        """Set up the path, and send one scout per datum along it.

        Raises:
            NotApplicable: Chains cannot move there.
        """
        evidence = model.infer(x, *context)
        if not isinstance(evidence, Evidence):
            raise NotApplicable("chains are led through one group of latents, and this model has several; use bounds")
        for distribution in (evidence.posterior, evidence.prior):
            _refuse_unreal(distribution)
        first = evidence.prior if chains.from_prior else _tractable(evidence.posterior)

        def start(z: Tensor) -> Tensor:
            with full_precision(z):
                return first.log_prob(z)

        def joint(z: Tensor) -> Tensor:
            with full_precision(z):
                prior = evidence.prior.log_prob(z)
            return Trace(x, model.decode(z, context=context), ()).log_likelihood + prior

        shape = (len(x), *evidence.prior.event_shape)
        widths = torch.stack([_width(d, shape, x) for d in (first, evidence.posterior)])
        path = Path(start, joint, widths)
        betas = chains.betas if betas is None else betas
        scouts = path.at(_drawn(first, 1, len(x)))
        return cls(first, path, chains, betas, adapted_steps(path, scouts, betas, chains.leapfrog))

    def forwards(self) -> Iterator[Stage]:
        """Lead chains from the start."""
        z = _drawn(self.first, self.chains.count, self.steps.shape[1])
        return annealing(self.path, self.path.at(z), self.betas, self.steps, self.chains.leapfrog)

    def backwards(self, z: Tensor) -> Iterator[Stage]:
        """Lead chains from draws at the end, one per datum, `(B, *event)`, to the start."""
        point = self.path.at(z.expand(self.chains.count, *z.shape))
        return annealing(self.path, point, self.betas.flip(0), self.steps.flip(0), self.chains.leapfrog)


def in_parts(chains: Chains, *columns: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield columns of equal length in parts whose chains are moved together.

    Raises:
        ValueError: There are no data.
    """
    if not len(columns[0]):
        raise ValueError("there are no data to evaluate")
    return zip(*(column.split(max(1, _ROWS // chains.count)) for column in columns), strict=True)


def log_mean(log_weight: Tensor) -> Tensor:
    """Return the logarithm of the mean weight of the chains, `(B,)`."""
    return torch.logsumexp(log_weight, 0) - math.log(len(log_weight))


def _tractable(q: Distribution) -> Distribution:
    """Return q, or the Gaussian with its moments where the density of foreign points takes the inverse of a flow."""
    reason = getattr(q, "no_density", None)
    if reason is not None:
        raise NotApplicable(reason)
    if not hasattr(q, "rsample_and_log_prob"):
        return q
    return Independent(Normal(q.mean, q.stddev, validate_args=False), len(q.event_shape), validate_args=False)


def _drawn(first: Distribution, chains: int, size: int) -> Tensor:
    return first.sample((chains,)) if first.batch_shape else first.sample((chains, size))


def _refuse_unreal(distribution: Distribution) -> None:
    if isinstance(distribution, _CURVED) or not _real(distribution):
        raise NotApplicable(
            "annealing leads chains through real vectors, but these latents are directions, points of a ball, one-hot "
            "vectors or codes; use bounds"
        )


def _real(distribution: Distribution) -> bool:
    try:
        support: Any = distribution.support
    except NotImplementedError:  # flows and mixtures state none: it is all vectors
        return True
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    return support is constraints.real


def _width(distribution: Distribution, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Return the standard deviations `(B, *event)`; 1 where there are none, or none to move by."""
    try:
        width = distribution.stddev.to(like).expand(shape)
    except NotImplementedError:
        width = like.new_ones(shape)
    return torch.where(width > 0, width, 1.0)
