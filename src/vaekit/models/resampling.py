r"""Latents of data of which only a part is known: importance resampling, by which missing cells are drawn.

.. math:: z_k \sim a\, q(z \mid x_o) + (1 - a)\, p(z), \qquad w_k \propto \frac{p(x_o \mid z_k)\, p(z_k)}{a\, q(z_k \mid x_o) + (1 - a)\, p(z_k)}

Part of the proposals come from the prior, so that no weight exceeds :math:`p(x_o \mid z) / (1 - a)`: an encoder that has never
seen so little of a datum cannot spoil the answer, only cost draws.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vaekit.models.latent_variable_model import LatentVariableModel
from vaekit.models.trace import log_posterior, log_prior

__all__ = ["Resampled", "conditional_latents", "resample"]

_FROM_PRIOR = 0.25  # share of the proposals
_CHUNK = 16_384  # decoder rows at a time


class Resampled(NamedTuple):
    """Draws from p(z | x_o) by importance resampling.

    Args:
        z: Latents of each group, `(M, B, *event)`.
        ess: Effective sample size of the weights, `(B,)`, between 1 and the number of proposals.
    """

    z: tuple[Tensor, ...]
    ess: Tensor


def resample(
    model: LatentVariableModel, x: Tensor, *context: Tensor, proposals: int = 100, draws: int = 100
) -> Resampled:
    r"""Return `draws` latents per datum from :math:`p(z \mid x_o)`, where :math:`x_o` are the cells that are not NaN.

    References:
        Rubin, 1987, "The calculation of posterior distributions by data augmentation: comment" (importance resampling);
        Mattei and Frellsen, 2019, "MIWAE: deep generative modelling and imputation of incomplete data sets"; Owen and Zhou,
        2000, "Safe and effective importance sampling" (the defensive mixture).

    Args:
        model: A model in evaluation mode whose likelihood leaves NaN out.
        x: Data `(B, *event)`.
        context: What they are conditioned on, tensors `(B, C)`.
        proposals: K, how many weights are compared per datum.
        draws: M.
    """
    z, log_weight = _proposed(model, x, context, proposals)
    share = log_weight.softmax(0)
    chosen = _systematic(share.T, draws).T  # (M, B)
    rows = torch.arange(len(x), device=x.device)
    return Resampled(tuple(part[chosen, rows] for part in z), 1 / share.square().sum(0))


def conditional_latents(
    model: LatentVariableModel, x: Tensor, count: int, *context: Tensor, proposals: int = 20_000
) -> Resampled:
    r"""Return `count` latents of ONE partly known datum: draws from :math:`p(z \mid x_o)` out of one large pool.

    Args:
        model: A model in evaluation mode whose likelihood leaves NaN out.
        x: The datum `(1, *event)`, NaN where it is to be drawn.
        count: How many.
        context: What it is conditioned on, tensors `(1, C)`.
        proposals: Size of the pool.
    """
    return resample(model, x, *context, proposals=max(proposals, count), draws=count)


def _proposed(
    model: LatentVariableModel, x: Tensor, context: tuple[Tensor, ...], count: int
) -> tuple[tuple[Tensor, ...], Tensor]:
    """Return proposals `(K, B, *event)` of each group and their log-weights `(K, B)`."""
    evidence, from_prior = model.infer(x, *context), max(1, round(count * _FROM_PRIOR))
    encoded = (latent.z for latent in model.draw(evidence, count - from_prior))
    pairs = zip(encoded, model.prior_draws(from_prior, len(x), *context), strict=True)
    z = tuple(torch.cat(pair) for pair in pairs)
    latents = model.latents_at(evidence, *z)
    log_p = log_prior(latents)
    share = math.log((count - from_prior) / count), math.log(from_prior / count)
    mixture = torch.logaddexp(log_posterior(latents) + share[0], log_p + share[1])
    parts = zip(*(part.split(max(1, _CHUNK // len(x))) for part in z), strict=True)
    known = torch.cat([model.decode(*part, context=context).log_prob(x) for part in parts])
    return z, known + log_p - mixture


def _systematic(share: Tensor, count: int) -> Tensor:
    """Return `count` indices per row of shares `(B, K)` with the least noise: one uniform number per row, then equal steps.

    References:
        Kitagawa, 1996, "Monte Carlo filter and smoother for non-Gaussian nonlinear state space models".
    """
    place = (torch.rand(len(share), 1, device=share.device) + torch.arange(count, device=share.device)) / count
    found = torch.searchsorted(share.double().cumsum(1), place.double()).clamp_max(share.shape[1] - 1)
    # In random order: the first draws must not all be the first proposals.
    return found.gather(1, torch.rand(len(share), count, device=share.device).argsort(1))
