"""Codes of data: their posterior means, or some of these with the most typical values of the prior for the others."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from numbers import Integral, Real
from typing import TypeAlias

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaekit.distributions import point
from vaekit.errors import NotApplicable, shortened
from vaekit.models import Groups, LatentVariableModel
from vaekit.trained.latents import Encoding

__all__ = ["Keep", "encoding", "kept_masks", "variable_rates"]

Keep: TypeAlias = int | float
"""The number of groups, from the top, or below 1 the share of all latent variables, those with the largest mean rate."""


def encoding(
    model: LatentVariableModel, batches: Iterable[tuple[Tensor, ...]], keep: Sequence[Tensor] | None = None
) -> Encoding:
    """Return the codes of batches of data with their contexts.

    Args:
        model: The model.
        batches: Inputs of the model.
        keep: Which variables of each group come from the data, see `kept_masks`; None for all.
    """
    parts = [list(zip(*_encoded(model, keep, *part), strict=True)) for part in batches]
    means, deviations = (
        tuple(torch.cat(group) for group in zip(*each, strict=True)) for each in zip(*parts, strict=True)
    )
    return Encoding(means, deviations, None if keep is None else torch.cat([mask.flatten() for mask in keep]))


def _encoded(
    model: LatentVariableModel, keep: Sequence[Tensor] | None, x: Tensor, *context: Tensor
) -> list[tuple[Tensor, Tensor]]:
    """Return the mean and the deviation of each group, `(B, *event)`."""
    if keep is None:
        return [(point(q), _deviation(q)) for q in model.posteriors(x, *context)]
    found = []
    for latent, mask in zip(model.typical(x, keep, *context), keep, strict=True):
        of_q = _deviation(latent.q) if mask.any() else latent.z
        of_p = of_q if mask.all() else _deviation(latent.p)
        found.append((latent.z, torch.where(mask, of_q, of_p).expand_as(latent.z)))
    return found


def _deviation(q: Distribution) -> Tensor:
    """Return the standard deviations of a distribution; NaN if it has none in closed form."""
    try:
        return q.stddev
    except NotImplementedError:
        return torch.full_like(point(q), math.nan)


def kept_masks(keep: Keep, groups: Groups, rates: Callable[[], Tensor]) -> tuple[Tensor, ...]:
    """Return which variables of each group are kept, truth values of the shape of its draws.

    Args:
        keep: A number of groups or a share of the variables.
        groups: The groups.
        rates: Returns the mean rate of each variable, `(D,)`; it is asked only where `keep` is a share.

    Raises:
        ValueError: `keep` is neither.
    """
    most, number = len(groups.sizes), isinstance(keep, Real) and not isinstance(keep, bool)
    if number and isinstance(keep, Integral) and 1 <= keep <= most:
        return tuple(torch.full(event, i < keep) for i, event in enumerate(groups.events))
    if number and 0 < keep < 1:
        found = rates()
        first = found.argsort(descending=True, stable=True)[: max(1, round(keep * len(found)))]
        return groups.split(torch.zeros(len(found), dtype=torch.bool).index_fill(0, first, True))
    wanted = f"keep is a number of groups of latents, 1 to {most}, or a share of the variables between 0 and 1"
    raise ValueError(f"{wanted}, got {shortened(repr(keep))}")


def variable_rates(model: LatentVariableModel, x: Tensor, *context: Tensor) -> Tensor:
    """Return the mean rate of each latent variable over data, all groups side by side, `(D,)` in nats.

    Raises:
        NotApplicable: There is no rate, or the only group has none of its variables by themselves.
    """
    trace = model(x, *context)
    if trace.no_bound is not None:
        raise NotApplicable(f"keep as a share goes by the rates, and {trace.no_bound}; give a number of groups")
    terms = [latent.kl_terms for latent in trace.latents]
    if len(terms) == 1 and terms[0] is None:
        raise NotApplicable(
            "keep as a share goes by the rate of each variable, and posterior or prior do not factorize"
        )
    found = []
    for latent, each in zip(trace.latents, terms, strict=True):
        # Where a group has a rate as a whole, its variables have equal parts of it; so have the columns of one variable.
        rates = (latent.kl.mean() if each is None else each.mean((0, 1)))[..., None]
        size = latent.q.event_shape.numel()
        found.append((rates / (size // rates.numel())).expand(*rates.shape[:-1], size // rates.numel()).flatten())
    return torch.cat(found)
