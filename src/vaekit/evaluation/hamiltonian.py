r"""Hamiltonian Monte Carlo between two densities: the moves of annealed importance sampling.

A `Path` joins a density :math:`f_0` that is easy to draw from to one that is wanted, :math:`f_1`, through the geometric means
:math:`f_\beta = f_0^{1 - \beta} f_1^\beta`. `annealing` leads chains along it, forwards or backwards, and weighs them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

__all__ = ["LogDensity", "Path", "Point", "Stage", "adapted_steps", "annealing", "move"]

LogDensity: TypeAlias = Callable[[Tensor], Tensor]
"""From points `(S, B, *event)` to log-densities in nats `(S, B)`, not necessarily normalised."""

_ACCEPTANCE = 0.65  # where leapfrog gets furthest for its cost (Neal, 2011)
_RATE = 0.2  # of the steps' adaptation; one rejection shortens them by 12 %
_FAR = 1e6  # no chain gets there: a diverged move is held here, where densities are still finite, and then rejected


@dataclass(frozen=True)
class Point:
    """Where chains are, with the log-densities at both ends of a path and their gradients.

    Args:
        z: `(S, B, *event)`.
        values: log f at both ends in nats, `(2, S, B)`, in double precision where there is one.
        gradients: Their gradients, `(2, S, B, *event)`.
    """

    z: Tensor
    values: Tensor
    gradients: Tensor

    @property
    def log_ratio(self) -> Tensor:
        r""":math:`\log f_1(z) - \log f_0(z)` in nats, `(S, B)`."""
        return self.values[1] - self.values[0]

    def log_density(self, beta: float) -> Tensor:
        r""":math:`\log f_\beta(z)` in nats, `(S, B)`."""
        return self.values[0].lerp(self.values[1], beta)

    def gradient(self, beta: float) -> Tensor:
        r""":math:`\nabla \log f_\beta(z)`, `(S, B, *event)`."""
        return self.gradients[0].lerp(self.gradients[1], beta)


@dataclass(frozen=True)
class Path:
    r"""The densities :math:`f_\beta = f_0^{1 - \beta} f_1^\beta`.

    Args:
        start: :math:`\log f_0`.
        end: :math:`\log f_1`.
        widths: Standard deviations to expect at either end, `(2, B, *event)`: the units in which chains move. Wrong ones
            make moves slow, not wrong.
    """

    start: LogDensity
    end: LogDensity
    widths: Tensor

    def at(self, z: Tensor) -> Point:
        """Return the point at z, `(S, B, *event)`: one pass forwards and backwards."""
        with torch.enable_grad():
            z = z.detach().nan_to_num(_FAR).clamp(-_FAR, _FAR).requires_grad_()
            values = [self.start(z), self.end(z)]
            gradients = [torch.autograd.grad(value.sum(), z)[0] for value in values]
        return Point(z.detach(), _wide(torch.stack(values).detach()), torch.stack(gradients))

    def width(self, beta: float) -> Tensor:
        r"""Return the deviations at :math:`\beta`, `(B, *event)`: precisions add up, as those of Gaussians do."""
        precisions = self.widths.square().reciprocal()
        return precisions[0].lerp(precisions[1], beta).rsqrt()


class Stage(NamedTuple):
    """Chains after one temperature."""

    log_weight: Tensor
    """Of the way so far, `(S, B)`."""
    point: Point
    """Where they are, after the move."""
    accepted: Tensor
    """The probability with which that move was accepted, `(S, B)`."""


def annealing(path: Path, point: Point, betas: Tensor, steps: Tensor, leapfrog: int) -> Iterator[Stage]:
    r"""Lead chains along a path, a stage per temperature.

    .. math:: \log w = \sum_t (\beta_t - \beta_{t-1}) \left(\log f_1(z_{t-1}) - \log f_0(z_{t-1})\right),
        \qquad z_t \sim K_{\beta_t}(\cdot \mid z_{t-1}), \qquad E[w] = \int f_{\beta_T} / \int f_{\beta_0}

    where z_0 is drawn from the first density. Temperatures and steps turned round give the reverse chain.

    References:
        Neal, 2001, "Annealed importance sampling".

    Args:
        path: The densities.
        point: z_0, draws from the density at `betas[0]`.
        betas: :math:`\beta_0, \dots, \beta_T`, monotone.
        steps: Length of the leapfrog steps at each of them, `(T + 1, B)`, fixed beforehand.
        leapfrog: Number of leapfrog steps in one move.
    """
    log_weight = torch.zeros_like(point.log_ratio)
    for (before, beta), step in zip(pairwise(betas.tolist()), steps[1:], strict=True):
        log_weight = log_weight + (beta - before) * point.log_ratio
        point, accepted = move(path, point, beta, step, leapfrog)
        yield Stage(log_weight, point, accepted)


def adapted_steps(path: Path, point: Point, betas: Tensor, leapfrog: int) -> Tensor:
    """Return the length of the leapfrog steps for each temperature and datum, `(T + 1, B)`, in units of the widths.

    Scouts walk ahead: their steps grow where moves are accepted more often than 65 %, and shrink where less often, up to
    a quarter of the period of a Gaussian for a whole move, after which one has forgotten where it began. Chains that
    adapted to their own past would no longer leave the densities invariant; those that follow scouts do.

    References:
        Neal, 2011, "MCMC using Hamiltonian dynamics"; Wu, Burda, Salakhutdinov and Grosse, 2017, "On the quantitative
        analysis of decoder-based generative models" (steps adapted per datum and temperature).
    """
    longest = math.pi / 2 / leapfrog
    step = torch.full_like(point.log_ratio[0], longest).to(point.z)
    steps = [step]
    for beta in betas[1:].tolist():
        steps.append(step)
        point, accepted = move(path, point, beta, step, leapfrog)
        step = (step * torch.exp(_RATE * (accepted.mean(0) - _ACCEPTANCE)).to(step)).clamp_max(longest)
    return torch.stack(steps)


def move(path: Path, point: Point, beta: float, step: Tensor, leapfrog: int) -> tuple[Point, Tensor]:
    r"""Return where one Hamiltonian move leads, and with which probability it was accepted, `(S, B)`.

    It leaves :math:`f_\beta` invariant: an error of the integrator costs acceptance, never exactness.

    References:
        Duane, Kennedy, Pendleton and Roweth, 1987, "Hybrid Monte Carlo".
    """
    width = path.width(beta)
    stride = step.view(-1, *[1] * (width.dim() - 1))
    momentum = torch.randn_like(point.z)
    before = point.log_density(beta) - _kinetic(momentum)
    there = point
    momentum = momentum + stride / 2 * width * there.gradient(beta)
    for i in range(leapfrog):
        there = path.at(there.z + stride * width * momentum)
        last = i == leapfrog - 1
        momentum = momentum + (stride / 2 if last else stride) * width * there.gradient(beta)
    accepted = (there.log_density(beta) - _kinetic(momentum) - before).exp().nan_to_num(0).clamp_max(1)
    return _chosen(torch.rand_like(accepted) < accepted, there, point), accepted


def _kinetic(momentum: Tensor) -> Tensor:
    return _wide(momentum).square().flatten(2).sum(-1) / 2


def _wide(values: Tensor) -> Tensor:
    return values if values.device.type == "mps" else values.double()  # Apple's devices lack double precision


def _chosen(new: Tensor, there: Point, here: Point) -> Point:
    wide = new.view(*new.shape, *[1] * (here.z.dim() - 2))
    return Point(
        torch.where(wide, there.z, here.z),
        torch.where(new, there.values, here.values),
        torch.where(wide, there.gradients, here.gradients),
    )
