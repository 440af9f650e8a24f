"""Collapse, and a latent space of the wrong size: how much of the data is in the latents, and in how many of them?

A posterior collapses where it is the prior, whatever the datum: the rate is 0. A decoder ignores its latents where the
rate is paid, but the latents of another datum would explain this one as well. In between, some latents work and the
others carry nothing (too many of them), or all work to the full and the data have more directions (too few).
"""

from __future__ import annotations

import math

from vaekit.diagnosis.check import Check
from vaekit.diagnosis.examination import Examination
from vaekit.diagnosis.latent_use import COLLAPSED, USUAL, LatentUse
from vaekit.diagnosis.remedies import late, learned_scale, lighter

__all__ = ["CHECKS"]

_EXCESS = 1.3  # a quarter more than what would do is no reason to train again
_FULL = 0.5  # nats that the least used latent carries where every latent is needed


def _use(examination: Examination) -> LatentUse | None:
    """Return the use of the latents, where it has one."""
    use = examination.latent_use
    return None if use is None or not math.isfinite(use.drop) or use.is_collapsed else use


def _collapse(examination: Examination) -> float | None:
    use = examination.latent_use
    return None if use is None or not math.isfinite(use.encoded) else use.encoded


def _least_group(examination: Examination) -> float | None:
    """Return the rate of the group that carries least, where others carry something."""
    use = _use(examination)
    return None if use is None or use.groups is None or len(use.groups) < 2 else min(use.groups)


def _group(examination: Examination) -> str:
    use = examination.latent_use
    return "" if use is None or use.groups is None else f"group z{use.groups.index(min(use.groups))}"


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
    found = (*learned_scale(subject), *lighter(subject))
    if found or use is None:
        return found
    return _slower(examination) if use.rate is None else late(subject, free=_factorizes(examination))


def _awake(examination: Examination) -> tuple[str, ...]:
    """Return the same; of a table, whose columns may have little to do with one another, no more latents than do something."""
    use = examination.latent_use
    if not examination.subject.traits.slots or use is None or not use.used:
        return _wake(examination)
    return (f"latent={2 * use.used}",)


def _slower(examination: Examination) -> tuple[str, ...]:
    return (f"lr={examination.subject.training.lr / 3:.2g}",)


def _factorizes(examination: Examination) -> bool:
    description = examination.subject.description
    return description is not None and description.posterior.kind == "gaussian" and description.prior.kind == "standard"


def _listen(examination: Examination) -> tuple[str, ...]:
    subject = examination.subject
    return (*learned_scale(subject), *lighter(subject)) or _slower(examination)


def _fewer(examination: Examination) -> tuple[str, ...]:
    use = examination.latent_use
    if examination.subject.description is None or use is None or use.used is None:
        return ()
    # Where many latents share what few could carry, none of them counts as used.
    least = USUAL // 2 if use.dimension is None else math.ceil(use.dimension)
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
        name="collapsed_group",
        measure="rate of the group of latents that carries least, in nats per datum",
        value=_least_group,
        fires="below",
        threshold=0.1,  # what a single latent variable carries at least where it is in use
        severity="warning",
        explanation="Other groups carry something, but the posterior of this one is its prior, whatever the datum. The model is as good without it.",
        source='Sønderby, Raiko, Maaløe, Sønderby and Winther, 2016, "Ladder variational autoencoders"',
        remedy="Charge for the rate only once the decoder has learned to listen, give each group free bits, or leave the group out.",
        prescription=_wake,
        effect="The group carries something, or the same bound comes from a smaller model.",
        where=_group,
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
        remedy="Drop what forces a rate (free bits, a capacity), fit the noise of the likelihood to the data, or learn more slowly.",
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
        explanation="Most latents carry nothing, and there are more of them than data of this size ask for. They cost time and make samples no better.",
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
        explanation="Most latents carry nothing, although there are not unusually many of them. What the others cannot hold is lost.",
        source='Burda, Grosse and Salakhutdinov, 2016, "Importance weighted autoencoders"',
        remedy="Let the rate weigh no more than in the bound; give latents free bits and a warm-up. Columns of a table that "
        "have little to do with one another need no more latents than are in use.",
        prescription=_awake,
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
