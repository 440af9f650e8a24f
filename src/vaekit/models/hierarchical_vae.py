"""A variational autoencoder with groups of latents, each of which depends on those above it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from vaekit.distributions import draw, draw_prior, full_precision, point
from vaekit.models.latent_variable_model import LatentVariableModel
from vaekit.models.temperatures import Temperature, temperatures
from vaekit.models.trace import Latent, Trace
from vaekit.nets.hierarchical import Group, TopDown
from vaekit.nets.join import Join

__all__ = ["HierarchicalVAE", "LadderPosterior", "LadderPrior"]

_FLOOR = 1e-4  # of standard deviations
_LN2 = math.log(2)


class LadderPrior(nn.Module):
    """p(z) of the top group, and the path down with the priors of the groups below.

    Args:
        top: A module whose `forward(*context)` returns p(z) of the top group.
        path: The path.
        join: Joins a context to the top latents; None without one.
    """

    def __init__(self, top: nn.Module, path: TopDown, join: Join | None = None) -> None:
        super().__init__()
        self.top, self.path, self.join = top, path, join

    def forward(self, *context: Tensor) -> Distribution:
        """Return p(z) of the top group."""
        return self.top(*context)

    def start(self, z: Tensor, *context: Tensor) -> Tensor:
        """Return the map that the path begins with, of flat latents `(N, D)` and contexts `(N, C)`."""
        return self.path.start(z if self.join is None else self.join(z, *context))


class LadderPosterior(nn.Module):
    """q(z | x) of the top group, and what the posteriors of the groups below make of the map of their grid.

    Args:
        up: The way up, from data with their context to one map per grid.
        top: A module from the map of the smallest grid to q of the top group.
        below: A net per group, from the path's map beside that of the way up to mean and raw scale.
        join: Joins a context to data; None without one.
    """

    def __init__(self, up: nn.Module, top: nn.Module, below: nn.ModuleList, join: Join | None = None) -> None:
        super().__init__()
        self.up, self.top, self.below, self.join = up, top, below, join

    def features(self, x: Tensor, *context: Tensor) -> list[Tensor]:
        """Return the map of each grid, from the data inwards."""
        return cast("list[Tensor]", self.up(x if self.join is None else self.join(x, *context)))

    def forward(self, x: Tensor, *context: Tensor) -> Distribution:
        """Return q(z | x) of the top group."""
        return self.top(self.features(x, *context)[-1])


@dataclass(frozen=True)
class Evidence:
    """What encoding leaves behind.

    Args:
        maps: The map of each grid, from the data inwards, `(B, C, h, w)`.
        posterior: q of the top group.
        prior: p of the top group.
        context: What all is conditioned on.
    """

    maps: list[Tensor]
    posterior: Distribution
    prior: Distribution
    context: tuple[Tensor, ...] = ()


Pick = Callable[[int, Distribution, Distribution | None], Tensor]
"""Chooses the latents of a group, given its number, its prior and its posterior."""


@dataclass
class _Descent:
    """One way down: the map at its end, and the groups that it passed."""

    h: Tensor
    latents: list[Latent] = field(default_factory=list)


class HierarchicalVAE(LatentVariableModel):
    r"""A variational autoencoder whose latents lie in groups, :math:`p(z) = \prod_l p(z_l \mid z_{<l})`.

        x -> maps a of all grids;  z of the top group -> path h
        each group:  p(z | h) and q(z | h, a);  a draw joins the path;  at its end p(x | h)

    Training, sampling, reconstruction and given latents walk the same path, and differ in where the latents come from alone.
    Standard deviations are softplus with :math:`\beta = \ln 2`, which is 1 at 0 and has bounded gradients.

    References:
        Soenderby, Raiko, Maaloe, Soenderby and Winther, 2016, "Ladder variational autoencoders"; Child, 2021, "Very deep VAEs
        generalize autoregressive models and can outperform them on images"; Hazami, Mama and Thurairatnam, 2022,
        "Efficient-VDVAE: less is more" (the softplus).

    Args:
        prior: The prior of the top group, and the path.
        posterior: The posterior of the top group, and those below.
        likelihood: A module from the path's last map `(*S, B, C, h, w)` to p(x | z).
    """

    prior: LadderPrior
    posterior: LadderPosterior

    def __init__(self, prior: LadderPrior, posterior: LadderPosterior, likelihood: nn.Module) -> None:
        super().__init__()
        self.prior, self.posterior, self.likelihood = prior, posterior, likelihood

    def infer(self, x: Tensor, *context: Tensor) -> Evidence:
        """Encode once: the maps of all grids, and the densities of the top group."""
        maps = self.posterior.features(x, *context)
        return Evidence(maps, self.posterior.top(maps[-1]), self.prior(*context), context)

    def draw(self, evidence: Evidence, samples: int = 1) -> tuple[Latent, ...]:
        """Draw `samples` latents of each group per datum, from the top one down."""
        return tuple(self._inferred(evidence, samples).latents)

    def trace(self, x: Tensor, evidence: Evidence, samples: int = 1) -> Trace:
        """Draw `samples` latents per datum, and decode what the same way down has led to."""
        descent = self._inferred(evidence, samples)
        return Trace(x, self.likelihood(descent.h), tuple(descent.latents), evidence.context)

    def latents_at(self, evidence: Evidence, *z: Tensor) -> tuple[Latent, ...]:
        """Return q and p of each group at given latents."""
        top = Latent(z[0], evidence.posterior, evidence.prior)
        return tuple(self._descended(top, lambda number, _p, _q: z[number], evidence, evidence.context).latents)

    def posteriors(self, x: Tensor, *context: Tensor) -> tuple[Distribution, ...]:
        """Return q of each group, given the points of the groups above it."""
        evidence = self.infer(x, *context)
        top = Latent(point(evidence.posterior), evidence.posterior, evidence.prior)
        found = self._descended(top, lambda _number, _p, q: point(cast(Distribution, q)), evidence, context)
        return tuple(latent.q for latent in found.latents)

    def prior_sample(self, n: int, *context: Tensor, temperature: Temperature = 1.0) -> tuple[Tensor, ...]:
        """Return `n` draws of each group from the prior, `(n, *event)`, their scales multiplied by the temperature.

        Args:
            n: How many.
            context: What to condition on, one tensor `(n, C)` where the model is conditional.
            temperature: 1 is the prior itself, 0 its most typical value; one number, or one for each group from the top down.
        """
        context = tuple(c.expand(n, *c.shape[1:]) for c in context)
        scales = temperatures(temperature, 1 + len(self.prior.path.groups))

        def drawn(number: int, p: Distribution) -> Tensor:
            return draw_prior(p, n, temperature=scales[number])

        prior = self.prior(*context)
        top = Latent(drawn(0, prior), prior, prior)
        found = self._descended(top, lambda number, p, _q: drawn(number, p), None, context)
        return tuple(latent.z for latent in found.latents)

    @property
    def first_prior(self) -> nn.Module:
        """The prior of the top group."""
        return self.prior.top

    def place_prior(self, prior: nn.Module) -> None:
        """Put another module in the place of the prior of the top group."""
        self.prior.top = prior

    def decode(self, *z: Tensor, context: tuple[Tensor, ...] = ()) -> Distribution:
        """Return p(x | z) for the latents of each group, `(*S, B, *event)`."""
        prior = self.prior(*context)
        top = Latent(z[0], prior, prior)
        return self.likelihood(self._descended(top, lambda number, _p, _q: z[number], None, context).h)

    def _inferred(self, evidence: Evidence, samples: int) -> _Descent:
        with full_precision(evidence.maps[0]):
            z, log_q = draw(evidence.posterior, samples)
        top = Latent(z, evidence.posterior, evidence.prior, log_q)
        return self._descended(top, lambda _number, _p, q: cast(Distribution, q).rsample(), evidence, evidence.context)

    def _descended(self, top: Latent, pick: Pick, evidence: Evidence | None, context: tuple[Tensor, ...]) -> _Descent:
        """Walk down the path; without evidence there are no posteriors, and the priors stand in their place."""
        batch = top.z.shape[: top.z.dim() - len(top.p.event_shape)]
        flat = [c.expand(*batch, *c.shape[1:]).reshape(-1, *c.shape[1:]) for c in context]
        h, latents = self.prior.start(top.z.reshape(math.prod(batch), -1), *flat), [top]
        for number, group in enumerate(cast("list[Group]", self.prior.path.groups)):
            loc, raw, after = group.parameters_of_prior(h)
            p = _gaussian(loc, raw, batch)
            q = None
            if evidence is not None:
                seen = evidence.maps[group.place]
                seen = seen.expand(*batch, *seen.shape[1:]).reshape(len(h), *seen.shape[1:])
                found = self.posterior.below[number](torch.cat([h, seen.to(h.dtype)], 1))
                mean, spread = (part.flatten(1).unflatten(1, group.event) for part in found.chunk(2, 1))
                q = _gaussian(mean, spread, batch)
            z = pick(number + 1, p, q)
            latents.append(Latent(z, p if q is None else q, p))
            h = group(after, z.reshape(math.prod(batch), *group.event))
        return _Descent(h.unflatten(0, tuple(batch)), latents)


def _gaussian(loc: Tensor, raw: Tensor, batch: tuple[int, ...]) -> Independent:
    """Return Gaussians `(*S, B)` of flat means and raw scales `(N, *event)`, in single precision or better."""
    loc, raw = (part.float() if part.element_size() < 4 else part for part in (loc, raw))
    scale = F.softplus(raw, beta=_LN2) + _FLOOR
    dims = loc.dim() - 1
    normal = Normal(loc.unflatten(0, tuple(batch)), scale.unflatten(0, tuple(batch)), validate_args=False)
    return Independent(normal, dims, validate_args=False)
