r"""Intercepts of categorical variables, moved until each has its training marginal under the prior.

A prior that is fitted to latents is never quite their distribution, and the first thing that suffers is the share of each
category. One number per category mends that: its intercept b in the decoder's last layer, so that

.. math:: E_{p(z)}\left[P(x = k \mid z; b)\right] = \hat P(x = k),

which says nothing new about any dependence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.distributions import Categoricals, Columns
from vaekit.errors import NotApplicable
from vaekit.heads import Conditional
from vaekit.models import LatentVariableModel

__all__ = ["match_marginals"]

_DRAWS = 20_000  # latents that the expectation is taken over
_CHUNK = 4096
_TURNS = 20
_STEP = 1.0  # nats that an intercept moves at most in one turn
_CLOSE = 1e-4  # mean distance to a marginal at which it is reached


@torch.no_grad()
def match_marginals(
    model: LatentVariableModel, x: Tensor, masks: Mapping[int, int] | None = None
) -> tuple[float, float]:
    """Move the intercepts of the categorical variables of a model of tables, in place.

    References:
        King and Zeng, 2001, "Logistic regression in rare events data" (the correction of the intercept alone).

    Args:
        model: A model in evaluation mode, without a context.
        x: Training rows `(N, D)`, NaN where a cell is not observed.
        masks: Of a variable that may be missing, the variable that says so (1 is missing): only where it is observed does
            the marginal of the first count.

    Raises:
        NotApplicable: The likelihood is not one of columns, or has no heads whose intercepts could be moved.

    Returns:
        The mean total variation between marginals before and after; zeros where there is no categorical variable.
    """
    parts = _parts(model, *model.prior_sample(2))
    place = next((i for i, (_, part) in enumerate(parts) if isinstance(part, Categoricals)), None)
    if place is None:
        return 0.0, 0.0
    slots, levels = parts[place][0].tolist(), cast(Categoricals, parts[place][1]).levels
    wanted = torch.cat([_shares(x[:, slot], count) for slot, count in zip(slots, levels, strict=True)])
    drawn = zip(*(z.split(_CHUNK) for z in model.prior_sample(_DRAWS)), strict=True)
    logits = torch.cat([cast(Categoricals, _parts(model, *z)[place][1]).logits for z in drawn])
    bias, distances = torch.zeros_like(wanted), []
    for _ in range(_TURNS):
        found = _expected(logits + bias, slots, levels, masks or {})
        distances.append(0.5 * (found - wanted).abs().sum().item() / len(levels))
        if distances[-1] < _CLOSE:
            break
        bias += (wanted.log() - found.clamp_min(1e-12).log()).clamp(-_STEP, _STEP)
    _intercept(model, place).add_(bias)
    return distances[0], distances[-1]


def _parts(model: LatentVariableModel, *z: Tensor) -> tuple[tuple[Tensor, Distribution], ...]:
    likelihood = model.decode(*z)
    if not isinstance(likelihood, Columns):
        raise NotApplicable(
            f"marginals are those of a likelihood of columns, and this one is {type(likelihood).__name__}"
        )
    return likelihood.parts


def _shares(codes: Tensor, count: int) -> Tensor:
    """Return the share of each category among observed cells; one that never occurs counts as half a cell."""
    found = codes[codes.isfinite()].long().bincount(minlength=count).double() + 0.5
    return (found / found.sum()).float()


def _expected(logits: Tensor, slots: list[int], levels: tuple[int, ...], masks: Mapping[int, int]) -> Tensor:
    """Return the expected shares of all categories, side by side, each variable over the rows where it is observed."""
    parts = {slot: part.softmax(1) for slot, part in zip(slots, logits.split(list(levels), 1), strict=True)}
    found = []
    for slot in slots:
        if masks.get(slot) in parts:
            seen = parts[masks[slot]][:, :1]
            found.append((parts[slot] * seen).sum(0) / seen.sum().clamp_min(1e-12))
        else:
            found.append(parts[slot].mean(0))
    return torch.cat(found)


def _intercept(model: LatentVariableModel, place: int) -> nn.Parameter:
    """Return the bias of the head of a group of variables."""
    if not isinstance(model.likelihood, Conditional):
        raise NotApplicable("the intercepts are those of a likelihood of the class Conditional, which this one is not")
    layer = model.likelihood.heads[f"{place}_logits"]
    linear = layer[-1] if isinstance(layer, nn.Sequential) else layer
    return cast(nn.Linear, linear).bias
