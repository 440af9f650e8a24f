"""The use of the latents: how much of the data is in them, in how many of them, and does the decoder listen?"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vaekit.diagnosis.intrinsic_dimension import intrinsic_dimension
from vaekit.diagnosis.latent_state import LatentState, latent_state
from vaekit.diagnosis.subject import Subject
from vaekit.distributions import Quantized, draw
from vaekit.models import VAE, Latent, evaluating

__all__ = ["COLLAPSED", "USUAL", "LatentUse", "latent_use"]

COLLAPSED = 0.5
"""Nats per datum: healthy short runs carry 1.5 and more with a single latent, collapsed ones below 0.1."""

USUAL = 32
"""Number of latents that is usual whatever the data."""

_CARRIES = 0.1  # nats that a latent variable carries at least where it is in use
_DRAWS = 4
_MOST = 1000  # data that the intrinsic dimension is estimated from: it is biased below with fewer
_FEWEST_VALUES = 4  # distances of binary data take few values and tell nothing of small neighborhoods
_SHARE_OF_INPUTS = 10  # the rule of thumb: one latent per so many inputs


@dataclass(frozen=True)
class LatentUse:
    r"""What the latents carry.

    Args:
        rate: KL(q || p) in nats per datum; None where there is none, or where it is the same for all data (codes).
        drop: :math:`E[\log p(x \mid z)] - E[\log p(x \mid z')]` in nats, z' drawn for another datum. Where p(x | z) is the
            exact inverse of q(z | x) it is the mutual information of x and z plus their lautum information, hence no
            less than the information.
        paid: KL(q || p) in nats per datum, that of codes too; None where there is none.
        information: Nats that each latent variable carries, `(D,)`; None where they are no separate numbers or classes, or have no noise.
        latents: D.
        inputs: Number of dimensions of a datum.
        dimension: Intrinsic dimension of the data; None where they are too few to tell.

    References:
        Palomar and Verdu, 2008, "Lautum information".
    """

    rate: float | None
    drop: float
    paid: float | None
    information: Tensor | None
    latents: int
    inputs: int
    dimension: float | None

    @property
    def encoded(self) -> float:
        """What the latents carry in nats per datum: the rate, or the drop where there is none."""
        return self.drop if self.rate is None else self.rate

    @property
    def used(self) -> int | None:
        """Number of latent variables that carry something."""
        return None if self.information is None else int((self.information > _CARRIES).sum())

    @property
    def is_collapsed(self) -> bool:
        """Whether nothing is encoded, so that no other finding on latents has a meaning."""
        return self.encoded < COLLAPSED

    @property
    def excess(self) -> float | None:
        """Latents over what would do: twice those in use, and no fewer than is usual."""
        usual = max(USUAL, self.inputs // _SHARE_OF_INPUTS)
        return None if self.used is None else self.latents / max(2 * self.used, usual)


def latent_use(subject: Subject, count: int) -> LatentUse | None:
    """Measure the use of the latents on the first `count` test data; None below two data or where weights are not finite."""
    model = subject.model
    with evaluating(model):
        state = latent_state(subject, count)
        if state is None:
            return None
        z, log_q = draw(state.q, _DRAWS)
        latent = Latent(z, state.q, state.p, log_q)
        paid = None if getattr(state.q, "no_density", None) is not None else latent.kl.mean().item()
        return LatentUse(
            rate=None if isinstance(latent.q, Quantized) else paid,
            drop=_drop(model, state, z),
            paid=paid,
            information=_information(state, latent.kl_terms if paid is not None else None),
            latents=z[0, 0].numel() // latent.width,
            inputs=state.x[0].numel(),
            dimension=_dimension(subject),
        )


def _drop(model: VAE, state: LatentState, z: Tensor) -> float:
    """Return how much likelihood is lost by the latents of other data; the context stays a datum's own."""
    # Data come in an order that says nothing about them: a shift by 1, 2, .. is a draw without fixed points.
    shifts = (1 + k % (len(state.x) - 1) for k in range(len(z)))
    # One draw at a time: many data and a convolutional decoder fill a memory.
    pairs = ((own, own.roll(shift, 1)) for own, shift in zip(z.split(1), shifts, strict=True))
    drops = [_likelihood(model, state, own) - _likelihood(model, state, foreign) for own, foreign in pairs]
    return torch.stack(drops).mean().item()


def _likelihood(model: VAE, state: LatentState, z: Tensor) -> Tensor:
    return model.decode(z, context=state.context).log_prob(state.x).mean()


def _information(state: LatentState, terms: Tensor | None) -> Tensor | None:
    r"""Return what each latent variable tells of the datum, `(D,)`: :math:`\frac12 \log(1 + \mathrm{Var}(m_j) / E[s_j^2])`.

    That is the information of a Gaussian channel with the posterior's means m as signal and its deviations s as noise,
    which neither knows nor needs the prior. Of classes it is the rate; without noise there is none.
    """
    if state.has_noise:
        noise = state.q.variance.flatten(1).mean(0)
        signal = state.q.mean.flatten(1).var(0, correction=0)
        return 0.5 * torch.log1p(signal / noise.clamp_min(torch.finfo(noise.dtype).tiny))
    if terms is not None and len(state.q.event_shape) == 2:
        return terms.mean((0, 1)).flatten()
    return None


def _dimension(subject: Subject) -> float | None:
    if not subject.data_are_numbers:
        return None
    sample = subject.test if subject.train is None else subject.train
    # As stored: a binarization that is drawn anew would be noise in every direction.
    stored = sample.stored[:_MOST].flatten(1)
    return None if len(stored.unique()) < _FEWEST_VALUES else intrinsic_dimension(stored)
