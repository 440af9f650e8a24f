"""The use of the latents: how much they carry, how many of them carry it, and whether the decoder uses it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vaekit.diagnosis.intrinsic_dimension import intrinsic_dimension
from vaekit.diagnosis.latent_state import LatentState, has_noise, latent_state
from vaekit.diagnosis.subject import Subject
from vaekit.evaluation.decoder_use import likelihood_drop
from vaekit.models import Latent, evaluating

__all__ = ["COLLAPSED", "USUAL", "LatentUse", "latent_use"]

COLLAPSED = 0.5
"""Nats per datum: healthy short runs carry 1.5 and more with a single latent, collapsed ones below 0.1."""

USUAL = 32
"""Number of latents that is usual whatever the data."""

_CARRIES = 0.1  # nats that a latent variable in use carries at least
_DRAWS = 4
_MOST = 1000  # data for the estimate of the intrinsic dimension, which is too low with fewer
_FEWEST_VALUES = 4  # distances of binary data take too few values for small neighborhoods
_SHARE_OF_INPUTS = 10  # the rule of thumb: one latent per so many inputs


@dataclass(frozen=True)
class LatentUse:
    r"""What the latents carry.

    Args:
        groups: KL(q || p) of each group of latents in nats per datum; None where there is none.
        is_coded: Whether latents are codes, whose rate is the same for all data.
        drop: What the latents of another datum cost in log p(x | z), in nats; see `likelihood_drop`.
        information: Nats that each latent variable carries, `(D,)`; None if they are not separate numbers or classes, or
            have no noise.
        latents: D.
        first: How many of them are in the first group, which is all of them where there is one: what `latent` counts.
        inputs: Number of dimensions of a datum.
        dimension: Intrinsic dimension of the data; None if they are too few.
    """

    groups: tuple[float, ...] | None
    is_coded: bool
    drop: float
    information: Tensor | None
    latents: int
    first: int
    inputs: int
    dimension: float | None

    @property
    def paid(self) -> float | None:
        """The rate in nats per datum, also that of codes; None if there is no density."""
        return None if self.groups is None else sum(self.groups)

    @property
    def rate(self) -> float | None:
        """The rate in nats per datum; None if it is the same for all data."""
        return None if self.is_coded else self.paid

    @property
    def encoded(self) -> float:
        """What the latents carry in nats per datum: the rate, or the drop where there is none."""
        return self.drop if self.rate is None else self.rate

    @property
    def used(self) -> int | None:
        """Number of latent variables of the first group that carry something."""
        return None if self.information is None else int((self.information[: self.first] > _CARRIES).sum())

    @property
    def is_collapsed(self) -> bool:
        """Whether nothing is encoded; then no other finding about latents has a meaning."""
        return self.encoded < COLLAPSED

    @property
    def excess(self) -> float | None:
        """Latents of the first group over the number that would do: twice those in use, but no fewer than usual."""
        usual = max(USUAL, self.inputs // _SHARE_OF_INPUTS)
        return None if self.used is None else self.first / max(2 * self.used, usual)


def latent_use(subject: Subject, count: int) -> LatentUse | None:
    """Measure the use of the latents on the first `count` test data; None below two data or where weights are not finite."""
    model = subject.model
    with evaluating(model):
        state = latent_state(subject, count, _DRAWS)
        if state is None:
            return None
        groups = tuple(zip(*state.draws, strict=True))
        paid = tuple(_mean([latent.kl for latent in group]) for group in groups) if state.has_density else None
        sizes = [group[0].z[0, 0].numel() // group[0].width for group in groups]
        return LatentUse(
            groups=paid,
            is_coded=state.is_quantized,
            drop=likelihood_drop(model, state.x, state.context, [[one.z for one in draw] for draw in state.draws]),
            information=_information(state, groups),
            latents=sum(sizes),
            first=sizes[0],
            inputs=state.x[0].numel(),
            dimension=_dimension(subject),
        )


def _mean(terms: list[Tensor]) -> float:
    return torch.stack([term.mean() for term in terms]).mean().item()


def _information(state: LatentState, groups: tuple[tuple[Latent, ...], ...]) -> Tensor | None:
    r"""Return the information in each latent variable, `(D,)`: :math:`\frac12 \log(1 + \mathrm{Var}(m_j) / E[s_j^2])`.

    That is the information of a Gaussian channel with the posterior's means m as signal and its deviations s as noise; it
    does not depend on the prior. For classes it is the rate; without noise there is none.
    """
    found = []
    for q, group in zip(state.q, groups, strict=True):
        terms = [latent.kl_terms for latent in group] if state.has_density and len(q.event_shape) == 2 else []
        if has_noise(q):
            noise = q.variance.flatten(1).mean(0)
            signal = q.mean.flatten(1).var(0, correction=0)
            found.append(0.5 * torch.log1p(signal / noise.clamp_min(torch.finfo(noise.dtype).tiny)))
        elif terms and all(term is not None for term in terms):
            found.append(torch.stack([term.mean((0, 1)) for term in terms if term is not None]).mean(0).flatten())
        else:
            return None
    return torch.cat(found)


def _dimension(subject: Subject) -> float | None:
    if not subject.traits.numeric:
        return None
    sample = subject.test if subject.train is None else subject.train
    # The stored data: binarizing them anew would add noise in every direction.
    stored = sample.stored[:_MOST].flatten(1)
    return None if len(stored.unique()) < _FEWEST_VALUES else intrinsic_dimension(stored)
