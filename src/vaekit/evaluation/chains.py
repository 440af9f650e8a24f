"""Chains from q(z | x) or p(z) to p(z) p(x | z): the evidence of data as the end of a path."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
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
    drawing,
    full_precision,
)
from vaekit.errors import NotApplicable
from vaekit.evaluation.hamiltonian import Path, Stage, adapted_steps, annealing
from vaekit.models import Groups, Latent, LatentVariableModel, log_posterior, log_prior, no_density

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
    """The evidence of some data as the end of a path, on which latents of all groups stand side by side.

    Args:
        draw: Draws so many chains per datum where the path begins, `(S, B, D)`.
        path: From there to p(z) p(x | z).
        groups: Of the latents.
        chains: How it is walked.
        betas: The temperatures, `(T + 1,)`.
        steps: Length of the leapfrog steps, `(T + 1, B)`.
    """

    draw: Callable[[int], Tensor]
    path: Path
    groups: Groups
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
        with drawing(0):  # where the densities are looked at makes no difference to the chains' own noise
            around = model.draw(evidence)
        _refuse_unreal(around)
        groups, stand_in = Groups.of(around), None if chains.from_prior else _stand_in(around)

        def start(columns: Tensor) -> Tensor:
            if stand_in is not None:
                with full_precision(columns):
                    return stand_in.log_prob(*groups.split(columns))
            latents = model.latents_at(evidence, *groups.split(columns))
            return log_prior(latents) if chains.from_prior else log_posterior(latents)

        def draw(count: int) -> Tensor:
            if chains.from_prior:
                return groups.join(model.prior_draws(count, len(x), *context))
            if stand_in is not None:
                return groups.join([stand_in.sample((count,))])
            return groups.join([latent.z for latent in model.draw(evidence, count)])

        def joint(columns: Tensor) -> Tensor:
            return model.log_joint(x, evidence, *groups.split(columns))

        first = [latent.p if chains.from_prior else stand_in or latent.q for latent in around]
        widths = [_widths(ends, groups, x) for ends in (first, [latent.q for latent in around])]
        path = Path(start, joint, torch.stack(widths))
        betas = chains.betas if betas is None else betas
        steps = adapted_steps(path, path.at(draw(1)), betas, chains.leapfrog)
        return cls(draw, path, groups, chains, betas, steps)

    def forwards(self) -> Iterator[Stage]:
        """Lead chains from the start."""
        z = self.draw(self.chains.count)
        return annealing(self.path, self.path.at(z), self.betas, self.steps, self.chains.leapfrog)

    def backwards(self, *z: Tensor) -> Iterator[Stage]:
        """Lead chains from draws at the end, one per datum, `(B, *event)` of each group, to the start."""
        columns = self.groups.join(z)
        point = self.path.at(columns.expand(self.chains.count, *columns.shape))
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


def _refuse_unreal(around: tuple[Latent, ...]) -> None:
    if any(isinstance(d, _CURVED) or not _real(d) for latent in around for d in (latent.q, latent.p)):
        raise NotApplicable(
            "annealing leads chains through real vectors, but these latents are directions, points of a ball, one-hot "
            "vectors or codes; use bounds"
        )


def _stand_in(around: tuple[Latent, ...]) -> Distribution | None:
    """Return the Gaussian with the moments of a posterior that is a flow, whose density at foreign points takes its inverse.

    None where chains begin at the posterior itself.
    """
    reason = no_density(around)
    if reason is not None:
        raise NotApplicable(reason)
    if not any(hasattr(latent.q, "rsample_and_log_prob") for latent in around):
        return None
    if len(around) > 1:
        raise NotApplicable("chains cannot begin at a hierarchy of flows; let them begin at the prior")
    q = around[0].q
    return Independent(Normal(q.mean, q.stddev, validate_args=False), len(q.event_shape), validate_args=False)


def _real(distribution: Distribution) -> bool:
    try:
        support: Any = distribution.support
    except NotImplementedError:  # flows and mixtures state none: it is all vectors
        return True
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    return support is constraints.real


def _widths(distributions: list[Distribution], groups: Groups, x: Tensor) -> Tensor:
    """Return the standard deviations of all groups side by side, `(B, D)`; 1 where there are none, or none to move by."""
    pairs = zip(distributions, groups.events, strict=True)
    width = groups.join([_width(distribution, x.new_ones(len(x), *event)) for distribution, event in pairs])
    return torch.where(width > 0, width, 1.0)


def _width(distribution: Distribution, ones: Tensor) -> Tensor:
    try:
        return distribution.stddev.to(ones).expand(1, *ones.shape)[0]
    except NotImplementedError:
        return ones
