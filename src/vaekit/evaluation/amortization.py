r"""What one encoder for all data costs: how much better the posterior of each datum could be.

    log p(x) - L(q) = (log p(x) - L(q*)) + (L(q*) - L(q)) = approximation gap + amortization gap

with q* the best Gaussian with independent dimensions for that one datum. The first is the price of the family, the second
that of the encoder: its size, its training, its data.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.distributions import (
    Distribution,
    Independent,
    LowRankMultivariateNormal,
    MultivariateNormal,
    Normal,
    constraints,
)

from vaekit.distributions import Transported, drawing, stopped
from vaekit.errors import NotApplicable
from vaekit.evaluation.information import Nats
from vaekit.models import Groups, Latent, LatentVariableModel, evaluating

__all__ = ["Amortization", "amortization", "refusal"]

_BATCH = 128  # data refined together
_ROWS = 1000  # decoder rows in one chunk of an estimate
_CHOOSING = 16  # draws by which either posterior is chosen
_RATE = 0.1  # of Adam at the start, in units of the posterior's own deviations


@dataclass(frozen=True)
class Amortization:
    """The gaps of every datum, in nats, `(N,)`.

    Args:
        elbo: L(q), the bound with the encoder's posterior.
        refined: L(q*), the bound with the better one of that posterior and the refined Gaussian.
        evidence: log p(x) as given, or the importance-weighted bound from q*, which is below it.
        steps: Steps of the refinement.
        samples: Draws of the estimates.
    """

    elbo: Tensor
    refined: Tensor
    evidence: Tensor
    steps: int
    samples: int

    @property
    def amortization_gap(self) -> Nats:
        """L(q*) - L(q): what the encoder loses; not below 0 but by noise."""
        return Nats.over(self.refined - self.elbo)

    @property
    def approximation_gap(self) -> Nats:
        """Log p(x) - L(q*): what the family loses."""
        return Nats.over(self.evidence - self.refined)

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON."""
        gaps = {"amortization_gap": vars(self.amortization_gap), "approximation_gap": vars(self.approximation_gap)}
        bounds = {"elbo": vars(Nats.over(self.elbo)), "refined": vars(Nats.over(self.refined))}
        return {"n": len(self.elbo), "steps": self.steps, "samples": self.samples, **gaps, **bounds}


def refusal(q: Distribution) -> str | None:
    """Return why no Gaussian can stand in for a posterior; None where one can: on real vectors, with moments.

    Examples:
        >>> refusal(Independent(Normal(torch.zeros(5, 2), 1.0), 1)) is None
        True
    """
    reason: str | None = getattr(q, "no_density", None)
    if reason is not None:
        return reason
    real = isinstance(q, MultivariateNormal | LowRankMultivariateNormal | Transported) or (
        isinstance(q, Independent) and getattr(q.base_dist, "support", None) is constraints.real
    )
    return None if real else "refinement needs a posterior on real vectors, with a mean and deviations, to start from"


def amortization(
    model: LatentVariableModel,
    x: Tensor,
    *context: Tensor,
    evidence: Tensor | None = None,
    steps: int = 100,
    samples: int = 50,
    seed: int = 0,
) -> Amortization:
    r"""Return what the posterior of every datum gains by a refinement of its own.

    A Gaussian begins at the mean and the deviations of q(z | x) and climbs the bound, by Adam with a pair of antithetic
    draws per step and the gradient without its score term, whose noise vanishes where q is exact. With further noise it is
    decided whether the encoder's own posterior is the better one, as one of a larger family can be; both bounds are then
    estimated with noise that neither has seen, the same for both.

    References:
        Cremer, Li and Duvenaud, 2018, "Inference suboptimality in variational autoencoders"; Roeder, Wu and Duvenaud,
        2017, "Sticking the landing: simple, lower-variance gradient estimators for variational inference".

    Args:
        model: A model; it and the random generator stay as they are. Of several groups of latents all are refined together.
        x: Data `(N, *event)`, in the support of the likelihood.
        context: What they are conditioned on, tensors `(N, C)`.
        evidence: Estimates of log p(x) in nats, `(N,)`; by default importance-weighted bounds from q*.
        steps: Steps of the refinement.
        samples: Draws of the estimates.
        seed: Seed of the noise.

    Raises:
        NotApplicable: The posterior is not one on real vectors.
        ValueError: There are no data.
    """
    if not len(x) or samples < 1:
        raise ValueError(f"the gaps need data and at least one draw of each, got {len(x)} data and {samples} draws")
    batches = zip(*(given.split(_BATCH) for given in (x, *context)), strict=True)
    found = [_gaps(model, part, (steps, samples), seed + 3 * i) for i, part in enumerate(batches)]
    elbo, refined, weighted = (torch.cat(values) for values in zip(*found, strict=True))
    return Amortization(elbo, refined, weighted if evidence is None else evidence.cpu().double(), steps, samples)


def _gaps(
    model: LatentVariableModel, given: tuple[Tensor, ...], budget: tuple[int, int], seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return L(q), L(q*) and the importance-weighted bound from q* of one batch, `(B,)` each."""
    (steps, samples), x = budget, given[0]
    with evaluating(model, seed):
        own = model.infer(*given)
        with drawing(seed):
            around = model.draw(own)
        reason = next((reason for latent in around if (reason := refusal(latent.q)) is not None), None)
        if reason is not None:
            raise NotApplicable(reason)
        groups = Groups.of(around)
        better = _refined(model, x, own, groups, around, steps)

    def encoded(count: int) -> Tensor:
        return model.trace(x, own, count).log_weight

    def refined(count: int) -> Tensor:
        z = better.rsample((count,))
        return model.log_joint(x, own, *groups.split(z)) - better.log_prob(z)

    chunk = max(1, _ROWS // len(x))
    first, second = (_log_weights(model, weigh, _CHOOSING, chunk, seed + 1) for weigh in (encoded, refined))
    before, after = (_log_weights(model, weigh, samples, chunk, seed + 2) for weigh in (encoded, refined))
    # A refinement that came to nothing, or cannot do what the own family can, is not taken.
    gain = second - first
    after = torch.where(gain.mean(0) > -gain.std(0) / math.sqrt(_CHOOSING), after, before)
    return before.mean(0), after.mean(0), after.logsumexp(0) - math.log(samples)


def _refined(
    model: LatentVariableModel, x: Tensor, evidence: Any, groups: Groups, around: tuple[Latent, ...], steps: int
) -> Distribution:
    """Return the best Gaussian of each datum over the latents of all groups side by side, batch shape `(B,)`."""
    # Steps in units of the posterior's own deviations: one learning rate for all dimensions, data and models.
    start, unit = (
        groups.join([getattr(latent.q, name).expand(1, *latent.z.shape[1:])[0] for latent in around])
        for name in ("mean", "stddev")
    )
    unit = unit.clamp_min(1e-6)
    move, grow = (torch.zeros_like(start, requires_grad=True) for _ in range(2))
    optimizer = torch.optim.Adam([move, grow], lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps))
    with torch.enable_grad():
        for _ in range(steps):
            q = _gaussian(start + unit * move, unit * grow.exp())
            noise = torch.randn_like(start)
            z = q.mean + q.stddev * torch.stack([noise, -noise])
            loss = (stopped(q).log_prob(z) - model.log_joint(x, evidence, *groups.split(z))).mean(0).sum()
            move.grad, grow.grad = torch.autograd.grad(loss, (move, grow))
            optimizer.step()
            schedule.step()
    return _gaussian(start + unit * move.detach(), unit * grow.detach().exp())


def _gaussian(mean: Tensor, deviation: Tensor) -> Independent:
    return Independent(Normal(mean, deviation, validate_args=False), 1, validate_args=False)


def _log_weights(
    model: LatentVariableModel, weigh: Callable[[int], Tensor], samples: int, chunk: int, seed: int
) -> Tensor:
    """Return log p(x, z) - log q(z) at draws from a posterior, `(S, B)`; the same noise for every Gaussian."""
    counts = [min(chunk, samples - start) for start in range(0, samples, chunk)]
    with evaluating(model, seed):
        return torch.cat([weigh(count).cpu().double() for count in counts])
