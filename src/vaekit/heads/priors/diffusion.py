"""The diffusion prior: N(0, I) carried to the latents by an ordinary differential equation that denoises."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from vaekit.distributions import Transported, single
from vaekit.heads.priors.prior import Prior, Site
from vaekit.heads.priors.standard import standard_normal
from vaekit.nets import VelocityNet
from vaekit.value import Size

__all__ = ["Denoised", "DiffusionPrior", "ProbabilityFlow"]

_AT_ONCE = 1 << 14  # vectors that are carried along at once
_FLOOR = 1e-6  # of the variances that latents are whitened by, in units of the widest one's


class DiffusionPrior(Prior):
    r"""Latents that are mixed with noise, :math:`z_t = \cos(\tfrac{\pi t}{2}) z + \sin(\tfrac{\pi t}{2}) \epsilon`, and back again.

    A net learns the mean velocity of all the paths through a point. Along that velocity N(0, I) at t = 1 becomes the latents at
    t = 0, in few steps, and the divergence on the way gives the exact density. It begins as the Gaussian of the latents' mean
    and covariance. It is fitted to a trained model, and never together with it: its criterion is no log-density.

    References:
        Albergo and Vanden-Eijnden, 2023, "Building normalizing flows with stochastic interpolants"; Lipman et al., 2023, "Flow
        matching for generative modeling"; Song et al., 2021, "Score-based generative modeling through stochastic
        differential equations" (the density); Zhang et al., 2024, "Mixed-type tabular data synthesis with score-based
        diffusion in latent space" (as a second stage).
    """

    kind: Literal["diffusion"] = "diffusion"
    hidden: Annotated[int, Field(ge=1)] = 256
    """Width of the two layers of the net."""
    steps: Annotated[int, Field(ge=1)] = 12
    """Steps from noise to latents, each of four evaluations of the net."""

    joint = False

    def build(self, site: Site) -> nn.Module:
        """Return the module; it begins as N(0, I)."""
        return Denoised(site.event, self.hidden, site.context, self.steps)


class Denoised(nn.Module):
    """The distribution that a velocity carries N(0, I) to.

    Args:
        event: The shape of one z.
        hidden: Width of the net.
        context: Length of the context vector, which the velocity depends on; 0 for none.
        steps: Of the Runge-Kutta method from noise to latents.
    """

    loc: Tensor
    cholesky: Tensor

    def __init__(self, event: Size, hidden: int, context: int = 0, steps: int = 12) -> None:
        super().__init__()
        self.event, self.steps, self.context = tuple(event), steps, context
        size = math.prod(self.event)
        self.velocity = VelocityNet(size, hidden, context)
        self.register_buffer("loc", torch.zeros(size))
        self.register_buffer("cholesky", torch.eye(size))

    def initialize(self, x: Tensor, *_context: Tensor) -> None:
        """Refuse to be trained together with the rest.

        Raises:
            ValueError: Always, with the cure.
        """
        raise ValueError(
            "prior=diffusion is fitted to a trained model, not trained together with it; use training.second_stage=diffusion "
            "with another prior, or: vaekit fit-prior RUN --kind diffusion"
        )

    @torch.no_grad()
    def place(self, z: Tensor) -> None:
        """Begin as the Gaussian with the mean and covariance of latents `(N, *event)`."""
        z = z.flatten(1).double()
        self.loc.copy_(z.mean(0))
        covariance = (z - z.mean(0)).T @ (z - z.mean(0)) / len(z)
        variances = covariance.diagonal()
        # Latents that hardly move, or of which one follows from others, keep a little width of their own.
        covariance += _FLOOR * torch.diag(variances + variances.max().clamp_min(_FLOOR))
        self.cholesky.copy_(torch.linalg.cholesky(covariance))

    def fitting_loss(self, z: Tensor, *context: Tensor) -> Tensor:
        r"""Return the squared error of the velocity at one random time per latent, `(B,)`.

        Times are :math:`t = u^2`, as densely as the differential equation is solved, of stratified uniform u.
        """
        x = _whitened(single(z).flatten(1), self.loc, self.cholesky)
        u = (torch.randperm(len(x)).to(x) + torch.rand(len(x)).to(x)) / len(x)
        angle = (math.pi / 2 * u.square()).unsqueeze(1)
        noise = torch.randn_like(x)
        target = math.pi / 2 * (angle.cos() * noise - angle.sin() * x)
        mixed = angle.cos() * x + angle.sin() * noise
        found = self.velocity.field(mixed, u.unsqueeze(1), self._condition(context))
        return (found - target).square().sum(1)

    def forward(self, *context: Tensor) -> Transported:
        """Return p(z), or p(z | context) with batch shape (B,)."""
        given = self._condition(context)
        loc = torch.zeros_like(self.loc) if given is None else self.loc.new_zeros(*given.shape[:-1], len(self.loc))
        flow = ProbabilityFlow(self.velocity, self.loc, self.cholesky, given, self.steps)
        return Transported(standard_normal(loc, 1), flow, self.event)

    def _condition(self, context: tuple[Tensor, ...]) -> Tensor | None:
        return context[0] if self.context else None


@dataclass(frozen=True)
class ProbabilityFlow:
    r"""The map from noise to latents: :math:`z = m + C x(0)`, where :math:`dx/dt = v(x, t)` and x(1) is the noise.

    The classical Runge-Kutta method takes equal steps in :math:`\sqrt t`: they are short near the data, where the
    velocity bends. The log-determinant is the integral of the divergence, by the same method.

    Args:
        velocity: v and its divergence, as functions of x, :math:`\sqrt t` and a context.
        loc: m, `(D,)`.
        cholesky: C, lower triangular, `(D, D)`.
        context: `(B, C)`, or None.
        steps: Of the method.
        inverse: Whether this is the map from latents to noise.
    """

    velocity: nn.Module
    loc: Tensor
    cholesky: Tensor
    context: Tensor | None
    steps: int
    inverse: bool = False

    @property
    def inv(self) -> ProbabilityFlow:
        """The inverse map."""
        return replace(self, inverse=not self.inverse)

    def call_and_ladj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the image of vectors `(*S, B, D)` and the log-determinants `(*S, B)`."""
        rows = x.reshape(-1, x.shape[-1])
        contexts: list[Tensor | None] = [None] * len(rows.split(_AT_ONCE))
        if self.context is not None:
            width = self.context.shape[-1]
            contexts = list(self.context.expand(*x.shape[:-1], width).reshape(-1, width).split(_AT_ONCE))
        pairs = [self._carried(part, c) for part, c in zip(rows.split(_AT_ONCE), contexts, strict=True)]
        y, ladj = (torch.cat(parts) for parts in zip(*pairs, strict=True))
        return y.view(x.shape), ladj.view(x.shape[:-1])

    def _carried(self, x: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        log_det = self.cholesky.diagonal().log().sum()
        if self.inverse:
            y, ladj = self._solved(_whitened(x, self.loc, self.cholesky), context, 0.0, 1.0)
            return y, ladj - log_det
        y, ladj = self._solved(x, context, 1.0, 0.0)
        return y @ self.cholesky.T + self.loc, ladj + log_det

    def _solved(self, x: Tensor, context: Tensor | None, start: float, stop: float) -> tuple[Tensor, Tensor]:
        h, ladj = (stop - start) / self.steps, x.new_zeros(len(x))
        for i in range(self.steps):
            u = start + i * h
            k1, d1 = self._slope(x, u, context)
            k2, d2 = self._slope(x + h / 2 * k1, u + h / 2, context)
            k3, d3 = self._slope(x + h / 2 * k2, u + h / 2, context)
            k4, d4 = self._slope(x + h * k3, u + h, context)
            x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            ladj = ladj + h / 6 * (d1 + 2 * d2 + 2 * d3 + d4)
        return x, ladj

    def _slope(self, x: Tensor, u: float, context: Tensor | None) -> tuple[Tensor, Tensor]:
        v, divergence = self.velocity(x, x.new_full((1, 1), u), context)
        return 2 * u * v, 2 * u * divergence  # dt = 2 u du


def _whitened(z: Tensor, loc: Tensor, cholesky: Tensor) -> Tensor:
    return torch.linalg.solve_triangular(cholesky, (z - loc).T, upper=False).T
