"""Collapse, and a latent space of the wrong size: how much of the data is in the latents, and in how many of them?

A posterior collapses where it is the prior, whatever the datum: the rate is 0. A decoder ignores its latents where the
rate is paid, but the latents of another datum would explain this one as well. In between, some latents work and the
others carry nothing (too many of them), or all work to the full and the data have more directions (too few).
"""

from __future__ import annotations

import math

from vaekit.diagnosis.checks.words import worded
from vaekit.diagnosis.examination import Examination
from vaekit.diagnosis.latent_use import COLLAPSED, USUAL, LatentUse
from vaekit.diagnosis.remedies import late, learned_scale, lighter, longer
from vaekit.errors import shortened

__all__ = ["CHECKS"]

_LATE = 400  # steps, before which a decoder seldom reads its latents
_EXCESS = 1.3  # a quarter more than what would do is no reason to train again
# Nats that a nat of rate saves; below, a table whose columns have few causes leaves latents idle rightly.
_PRESSED = 1.5
_CARRIED = 0.1  # nats that a single latent variable in use carries at least
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
    if use is None or use.groups is None:
        return ""
    dead = [f"z{i}" for i, rate in enumerate(use.groups) if rate < _CARRIED] or [
        f"z{use.groups.index(min(use.groups))}"
    ]
    return f"group{'s' if len(dead) > 1 else ''} {shortened(', '.join(dead))}"


def _decoder_share(examination: Examination) -> float | None:
    use = _use(examination)
    return None if use is None or use.paid is None else use.drop / max(use.paid, COLLAPSED)


def _dead(examination: Examination) -> float | None:
    use = _use(examination)
    if use is None or use.excess is None or use.used is None or use.excess > _EXCESS:
        return None
    price = examination.exchange_rate.beta if examination.exchange_rate and examination.subject.traits.slots else None
    return None if price is not None and price < _PRESSED else 1 - use.used / use.first


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
    """Return what makes latents worth reading; or else more steps, as a decoder learns to read them late."""
    subject = examination.subject
    return (*learned_scale(subject), *lighter(subject)) or longer(subject, 3, _LATE)


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
    return (f"latent={max(2 * use.first, math.ceil(use.dimension))}",)


CHECKS = (
    worded("posterior_collapse", _collapse, below=COLLAPSED, prescription=_wake),
    worded("collapsed_group", _least_group, below=_CARRIED, prescription=_wake, where=_group),
    # An exact decoder loses at least the information, which is most of the rate: healthy runs lose 2 to 15 times it, and
    # one that wastes its rate at beta = 0.01 still a quarter.
    worded("decoder_ignores_latent", _decoder_share, below=0.1, prescription=_listen),
    worded("latent_too_large", _excess, above=_EXCESS, prescription=_fewer),
    worded("dead_dimensions", _dead, above=0.6, far=0.85, prescription=_awake),
    # 1,000 images have 7.5 (8 x 8 digits) to 12 dimensions (MNIST, Fashion-MNIST): two latents are too few, four pass.
    worded("latent_too_small", _shortage, above=3.2, prescription=_more),
)
