"""The deviations of q(z | x) and p(x | z), compared with those of the data and with their bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from vaekit.diagnosis.calibration import element_support
from vaekit.diagnosis.finite import is_finite
from vaekit.diagnosis.subject import Subject, batches
from vaekit.distributions import Delta, DiscretizedLogistic, Transported, point
from vaekit.heads import Exp, Fixed, Optimal, Shared, Softplus
from vaekit.models import Trace, evaluating

__all__ = ["Scales", "deviations", "level_spacing", "parameterization", "scales"]

_BATCH = 64
_VALUES = 2**20  # values that are used, at most
_DRAWS = 1000  # from the prior, for its variance
_EXTREME = 0.999  # which quantile of the log-variances stands for the largest
_NEAR = math.log(1.01)  # how near to a bound log sigma counts as at it: 1 %
_DEAD = math.log(1.05)  # how near to 1 the deviation of a latent that is not used may be


@dataclass(frozen=True)
class Scales:
    r"""How large the deviations are; a number is None if it has no meaning.

    Args:
        fixed_over_residual: The one deviation of all of p(x | z) over the root mean square residual.
        above_probability: Nats per datum by which p(x | z), a density, exceeds all of the probability of a level at its mean,
            the sum of :math:`\max(0, \log \sigma^* / \sigma)`; 0 where the data have no levels.
        collapsed: Share of learned deviations of p(x | z) below :math:`\sigma^*`, or, where the data have no levels, below
            1/1000 of the data's deviation; pixels that never vary are left out.
        at_bound_posterior: Share of the deviations of q(z | x) at a bound of their parameterization; unused latents, whose
            deviation is 1, are left out.
        at_bound_likelihood: The same of p(x | z), each dimension weighing by its variance.
        posterior_log_variance: 99.9 % quantile of the log-variance of q(z | x) above the prior's, in nats.
        likelihood_log_variance: The same of a learned p(x | z), above the data's.
    """

    fixed_over_residual: float | None = None
    above_probability: float | None = None
    collapsed: float | None = None
    at_bound_posterior: float | None = None
    at_bound_likelihood: float | None = None
    posterior_log_variance: float | None = None
    likelihood_log_variance: float | None = None

    @property
    def at_bound(self) -> float | None:
        """The larger share at a bound, of q(z | x) or p(x | z)."""
        return _larger(self.at_bound_posterior, self.at_bound_likelihood)

    @property
    def log_variance(self) -> float | None:
        """The larger log-variance, of q(z | x) or p(x | z), in nats."""
        return _larger(self.posterior_log_variance, self.likelihood_log_variance)


def scales(subject: Subject, count: int = 256, seed: int = 0) -> Scales:
    """Return how large the deviations are on the first `count` test data, or fewer if the data are large.

    Args:
        subject: A model and its data.
        count: How many data.
        seed: Seed of the draws.
    """
    model = subject.model
    if not is_finite(model):
        return Scales()
    x, *context = subject.given(subject.test, max(1, min(count, _VALUES // subject.test.stored[0].numel() + 1)))
    # Tokens, and cells of a table, are integers: no scale depends on them.
    values = x if x.is_floating_point() else x.float()
    weight = values.var(0, correction=0).flatten()
    with evaluating(model, seed):
        traces = [model(*part) for part in batches((x, *context), _BATCH)]
        spread = _joined([deviations(trace.likelihood) for trace in traces], traces)
        free, own = parameterization(model.posterior), parameterization(model.likelihood)
        latent = _joined_groups(_scale, traces)
        parameter = _joined([_scale(trace.likelihood) for trace in traces], traces)
        prior = torch.cat([z.flatten(1) for z in model.prior_sample(_DRAWS, *map(_repeated, context))], 1)
        posterior = _joined_groups(deviations, traces)
    is_density = not getattr(element_support(traces[0].likelihood), "is_discrete", False)
    narrow = level_spacing(values) / math.sqrt(2 * math.pi)
    learned = spread if spread is not None and spread.min() < spread.max() else None
    constant = spread if learned is None and isinstance(own, Fixed | Optimal | None) else None
    used = None if latent is None else (latent.log().abs() > _DEAD).to(latent.dtype)
    collapsed = lambda sigma: sigma < (narrow or values.std().item() / 1000)  # noqa: E731
    return Scales(
        fixed_over_residual=_over_residual(constant, traces),
        above_probability=_surplus(spread, narrow) if is_density else None,
        collapsed=_share(learned, (weight > 0).to(weight.dtype), collapsed) if is_density else None,
        at_bound_posterior=_share(latent, used, _at_bound(free)),
        at_bound_likelihood=_share(parameter, weight, _at_bound(own)),
        posterior_log_variance=_excess(posterior, prior.var(0)),
        likelihood_log_variance=_excess(learned, values.var()),
    )


def deviations(distribution: Distribution) -> Tensor | None:
    """Return the standard deviation of every element, or None where there is no such number in closed form.

    Examples:
        >>> deviations(DiscretizedLogistic(torch.zeros(1), torch.ones(1), levels=8)) * 3**0.5 / math.pi
        tensor([1.])
    """
    element = _element(distribution)
    if isinstance(element, DiscretizedLogistic):  # of the density whose mass is gathered on levels
        return element.scale * (math.pi / math.sqrt(3))
    if isinstance(element, Transported | Delta):
        return None
    try:
        return element.stddev
    except NotImplementedError:
        return None


def level_spacing(x: Tensor) -> float:
    """Return the distance between neighboring levels of data; 0 where most values occur but once.

    Examples:
        >>> level_spacing(torch.tensor([0.0, 0.5, 1.0]).repeat(10))
        0.5
    """
    values = x.unique()
    if len(values) < 2 or 2 * len(values) > x.numel():
        return 0.0
    return values.diff().median().item()


def parameterization(module: nn.Module) -> object:
    """Return the parameterization of a conditional's scale, also of the Gaussian part of a flow; None if unknown."""
    return getattr(getattr(module, "base", getattr(module, "family", None)), "scale", None)


def _element(distribution: Distribution) -> Distribution:
    while isinstance(distribution, Independent):
        distribution = distribution.base_dist
    return distribution


def _gaussian_part(q: Distribution) -> Distribution:
    """Return the base of a flow, whose scale is learned, or the posterior itself."""
    return q.base if isinstance(q, Transported) else q


def _scale(distribution: Distribution) -> Tensor | None:
    """Return the scale as its parameterization gave it, which for levels is in units of half their range."""
    element = _element(distribution)
    scale = getattr(element, "scale", None)
    half = (element.levels - 1) / 2 if isinstance(element, DiscretizedLogistic) else 1.0
    return scale / half if isinstance(scale, Tensor) else None


def _at_bound(parameterization: object) -> Callable[[Tensor], Tensor] | None:
    match parameterization:
        case Exp(bounds=(low, high)) | Shared(bounds=(low, high)) | Optimal(bounds=(low, high)):
            low, high = low / 2, high / 2
        case Softplus(floor=floor, of=of):
            low, high = math.log(max(floor, 1e-6)) / (1 if of == "sigma" else 2), math.inf
        case _:
            return None
    return lambda sigma: (sigma.log() < low + _NEAR) | (sigma.log() > high - _NEAR)


def _over_residual(sigma: Tensor | None, traces: list[Trace]) -> float | None:
    if sigma is None:
        return None
    squares = torch.cat([(point(trace.likelihood)[0] - trace.x).square().flatten(1) for trace in traces])
    residual = squares.mean().sqrt().item()
    return sigma.max().item() / residual if 0 < residual < math.inf else None


def _surplus(sigma: Tensor | None, narrow: float) -> float | None:
    """Return the mean over data of the nats by which densities exceed probabilities."""
    if sigma is None or narrow == 0:
        return None if sigma is None else 0.0
    return (narrow / sigma).log().clamp_min(0).sum(1).mean().item()


def _share(sigma: Tensor | None, weight: Tensor | None, holds: Callable[[Tensor], Tensor] | None) -> float | None:
    """Return the weighted share of deviations `(N, D)` of which something holds."""
    if sigma is None or weight is None or holds is None or weight.numel() not in (sigma.numel(), sigma.shape[1]):
        return None
    weight = weight.expand_as(sigma)
    total = weight.sum().item()
    if not 0 < total < math.inf:
        return None
    return ((holds(sigma) * weight).sum() / total).item()


def _excess(sigma: Tensor | None, variance: Tensor) -> float | None:
    """Return the 99.9 % quantile of the log-variance of deviations `(N, D)` above that of `variance`."""
    if sigma is None or variance.shape not in ((), sigma.shape[1:]) or not (variance > 0).all():
        return None
    excess = (2 * sigma.log() - variance.log()).flatten()
    return excess.kthvalue(max(1, round(_EXTREME * len(excess)))).values.item()


def _joined(parts: list[Tensor | None], traces: list[Trace]) -> Tensor | None:
    """Return positive numbers of every batch as `(N, D)`; None where there are none."""
    found = [part for part in parts if part is not None]
    if len(found) < len(traces) or any(part.numel() % len(t.x) for part, t in zip(found, traces, strict=True)):
        return None
    joined = torch.cat([part.reshape(len(t.x), -1) for part, t in zip(found, traces, strict=True)])
    return joined if joined.numel() and (joined > 0).all() else None


def _joined_groups(of: Callable[[Distribution], Tensor | None], traces: list[Trace]) -> Tensor | None:
    """Return numbers of the posteriors of all groups as `(N, D)`; None where a group has none."""
    groups = zip(*(trace.latents for trace in traces), strict=True)
    found = [_joined([of(_gaussian_part(latent.q)) for latent in group], traces) for group in groups]
    known = [part for part in found if part is not None]
    return torch.cat(known, 1) if len(known) == len(found) else None


def _repeated(context: Tensor) -> Tensor:
    return context.repeat(_DRAWS // len(context) + 1, 1)[:_DRAWS]


def _larger(*numbers: float | None) -> float | None:
    return max((number for number in numbers if number is not None), default=None)
