"""Collapse, and a latent space of the wrong size: how much of the data is in the latents, and in how many of them?

A posterior collapses where it is the prior, whatever the datum: the rate is 0. A decoder ignores its latents where the
rate is paid, but the latents of another datum would explain this one as well. In between, some latents work and the
others carry nothing (too many of them), or all work to the full and the data have more directions (too few).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vaekit.diagnosis.check import Check
from vaekit.diagnosis.intrinsic_dimension import intrinsic_dimension
from vaekit.diagnosis.latent_state import LatentState, latent_state
from vaekit.diagnosis.pressure import at_one, late, learned_scale
from vaekit.diagnosis.subject import Subject
from vaekit.distributions import Quantized, draw
from vaekit.models import VAE, Latent, evaluating

if TYPE_CHECKING:
    from vaekit.diagnosis.examination import Examination

__all__ = ["CHECKS", "LatentUse", "latent_use"]

COLLAPSED = 0.5
"""Nats per datum: healthy short runs carry 1.5 and more with a single latent, collapsed ones below 0.1."""

_EXCESS = 1.3  # a quarter more than what would do is no reason to train again
_FULL = 0.5  # nats that the least used latent carries where every latent is needed

CARRIES = 0.1
"""Nats that a latent variable carries at least where it is in use."""

_DRAWS = 4
_MOST = 1000  # data that the intrinsic dimension is estimated from: it is biased below with fewer
_FEWEST_VALUES = 4  # distances of binary data take few values and tell nothing of small neighborhoods
_SHARE_OF_INPUTS = 10  # the rule of thumb: one latent per so many inputs
_USUAL = 32  # latents that are usual whatever the data


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
    def used(self) -> int | None:
        """Number of latent variables that carry something."""
        return None if self.information is None else int((self.information > CARRIES).sum())

    @property
    def is_collapsed(self) -> bool:
        """Whether nothing is encoded, so that no other finding on latents has a meaning."""
        return _encoded(self) < COLLAPSED

    @property
    def excess(self) -> float | None:
        """Latents over what would do: twice those in use, and no fewer than is usual."""
        usual = max(_USUAL, self.inputs // _SHARE_OF_INPUTS)
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
    sample = subject.test if subject.train is None else subject.train
    # As stored: a binarization that is drawn anew would be noise in every direction.
    stored = sample.stored[:_MOST].flatten(1)
    return None if len(stored.unique()) < _FEWEST_VALUES else intrinsic_dimension(stored)


def _encoded(use: LatentUse) -> float:
    return use.drop if use.rate is None else use.rate


def _use(examination: Examination) -> LatentUse | None:
    """Return the use of the latents, where it has one."""
    use = examination.latent_use
    return None if use is None or not math.isfinite(use.drop) or use.is_collapsed else use


def _collapse(examination: Examination) -> float | None:
    use = examination.latent_use
    return None if use is None or not math.isfinite(_encoded(use)) else _encoded(use)


def _decoder_share(examination: Examination) -> float | None:
    use = _use(examination)
    return None if use is None or use.paid is None else use.drop / max(use.paid, COLLAPSED)


def _dead(examination: Examination) -> float | None:
    use = _use(examination)
    if use is None or use.excess is None or use.used is None or use.excess > _EXCESS:
        return None
    return 1 - use.used / use.latents


def _excess(examination: Examination) -> float | None:
    use = _use(examination)
    return None if use is None else use.excess


def _shortage(examination: Examination) -> float | None:
    use = _use(examination)
    if use is None or use.dimension is None or use.information is None or use.information.min() < _FULL:
        return None
    return use.dimension / use.latents


def _wake(examination: Examination) -> tuple[str, ...]:
    """Return what lets latents carry something: the likelihood's scale, the rate's weight, or time before it is charged."""
    subject, use = examination.subject, examination.latent_use
    found = (*learned_scale(subject), *at_one(subject))
    if found or use is None:
        return found
    return _slower(examination) if use.rate is None else late(subject, free=_factorizes(examination))


def _slower(examination: Examination) -> tuple[str, ...]:
    return (f"lr={examination.subject.training.lr / 3:.2g}",)


def _factorizes(examination: Examination) -> bool:
    description = examination.subject.description
    return description is not None and description.posterior.kind == "gaussian" and description.prior.kind == "standard"


def _listen(examination: Examination) -> tuple[str, ...]:
    subject = examination.subject
    return (*learned_scale(subject), *at_one(subject)) or _slower(examination)


def _fewer(examination: Examination) -> tuple[str, ...]:
    use = examination.latent_use
    if examination.subject.description is None or use is None or use.used is None:
        return ()
    # Where many latents share what few could carry, none of them counts as used.
    least = _USUAL // 2 if use.dimension is None else math.ceil(use.dimension)
    return (f"latent={max(2 * use.used, least)}",)


def _more(examination: Examination) -> tuple[str, ...]:
    use = examination.latent_use
    if examination.subject.description is None or use is None or use.dimension is None:
        return ()
    return (f"latent={max(2 * use.latents, math.ceil(use.dimension))}",)


CHECKS: tuple[Check, ...] = (
    Check(
        name="posterior_collapse",
        measure="what the latents carry, in nats per datum",
        value=_collapse,
        fires="below",
        threshold=COLLAPSED,
        severity="severe",
        explanation="The posterior is the same for every datum, so the latents carry nothing and embeddings are noise. "
        "The model is a single distribution for all data.",
        source='Bowman, Vilnis, Vinyals, Dai, Jozefowicz and Bengio, 2016, "Generating sentences from a continuous space"',
        remedy="Let the rate weigh no more than in the bound, let the noise of the likelihood fit the data, and charge for "
        "the rate only once the decoder has learned to listen.",
        prescription=_wake,
        effect="The rate rises to several nats per datum, and reconstructions follow their data.",
    ),
    Check(
        name="decoder_ignores_latent",
        measure="log-likelihood lost by the latents of another datum, per nat of rate",
        value=_decoder_share,
        fires="below",
        # An exact decoder loses at least the information, which is most of the rate: healthy runs lose 2 to 15 times it,
        # and one that wastes its rate at beta = 0.01 still a quarter.
        threshold=0.1,
        severity="severe",
        explanation="Rate is paid for latents, but the decoder explains a datum as well from the latents of another. "
        "Latents and reconstructions have nothing to do with each other.",
        source='Chen, Kingma, Salimans, Duan, Dhariwal, Schulman, Sutskever and Abbeel, 2017, "Variational lossy autoencoder"',
        remedy="Drop what forces a rate (free bits, a capacity), fit the noise of the likelihood to the data, or learn more "
        "slowly.",
        prescription=_listen,
        effect="The likelihood of a datum depends on its own latents.",
    ),
    Check(
        name="latent_too_large",
        measure="latents over what would do (twice those in use, or a tenth of the inputs)",
        value=_excess,
        fires="above",
        threshold=_EXCESS,
        severity="info",
        explanation="Most latents carry nothing, and there are more of them than data of this size ask for. "
        "They cost time and make samples no better.",
        source='Dai and Wipf, 2019, "Diagnosing and enhancing VAE models"',
        remedy="Use about twice as many latents as carry something.",
        prescription=_fewer,
        effect="The same bound from a smaller model.",
    ),
    Check(
        name="dead_dimensions",
        measure="share of the latents that carry less than 0.1 nats",
        value=_dead,
        fires="above",
        threshold=0.6,
        severity="info",
        explanation="Most latents carry nothing, although there are not unusually many of them. "
        "What the others cannot hold is lost.",
        source='Burda, Grosse and Salakhutdinov, 2016, "Importance weighted autoencoders"',
        remedy="Let the rate weigh no more than in the bound; give latents free bits and a warm-up.",
        prescription=_wake,
        effect="More latents carry something.",
    ),
    Check(
        name="latent_too_small",
        measure="intrinsic dimension of the data per latent, every latent being in use",
        value=_shortage,
        fires="above",
        # 1,000 images have 7.5 (8 x 8 digits) to 12 dimensions (MNIST, Fashion-MNIST): two latents are too few, four pass.
        threshold=3.2,
        severity="warning",
        explanation="Every latent is used to the full, and the data vary in more directions than there are latents. "
        "What differs in the other directions is averaged over.",
        source='Levina and Bickel, 2004, "Maximum likelihood estimation of intrinsic dimension"',
        remedy="Use more latents than the data have dimensions.",
        prescription=_more,
        effect="Sharper reconstructions and a higher bound.",
    ),
)
