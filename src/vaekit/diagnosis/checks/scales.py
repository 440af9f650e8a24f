r"""Scales: are the deviations of q(z | x) and p(x | z) where data put them, or somewhere that nobody meant?

A fixed deviation turns the squared error into a log-likelihood of a made-up weight, :math:`1 / 2 \sigma^2`. A learned one
can run against the bounds of its parameterization, explode, or collapse: a density on data of a few levels, a distance
:math:`\Delta` apart, has no largest value, and grows without end as :math:`\sigma \to 0`. A deviation below

.. math:: \sigma^* = \Delta / \sqrt{2 \pi}

gives a Gaussian a density above :math:`1 / \Delta` at its mean, and so its level more than all of the probability.

References:
    Theis, van den Oord and Bethge, 2016, "A note on the evaluation of generative models"; Mattei and Frellsen, 2018,
    "Leveraging the exact likelihood of deep latent variable models"; Rybkin, Daniilidis and Levine, 2021, "Simple and
    effective VAE training with calibrated decoders".
"""

from __future__ import annotations

import math

from vaekit.diagnosis.check import Check
from vaekit.diagnosis.deviations import parameterization
from vaekit.diagnosis.examination import Examination
from vaekit.heads import LEVELED, Exp, Optimal, Shared, Softplus

__all__ = ["CHECKS"]

_WIDER = 10.0  # nats of log-variance by which bounds are moved


_GAUSSIAN = ("likelihood=gaussian", "likelihood.scale=optimal")


def _own_scale(examination: Examination) -> tuple[str, ...]:
    """Return the keys of a likelihood with a scale in the place of a constant."""
    family = examination.subject.traits.family
    if family is None:
        return ()
    return ("likelihood.scale=exp",) if isinstance(family, LEVELED) else _GAUSSIAN


def _spread_levels(examination: Examination) -> tuple[str, ...]:
    """Return the keys by which a density can no longer grow without end."""
    traits = examination.subject.traits
    if traits.family is None:
        return ()
    return _GAUSSIAN if traits.levels is None or traits.dequantized else ("dequantize=true",)


def _room(examination: Examination) -> tuple[str, ...]:
    """Return the keys that move the bounds away from the deviations which lie at them."""
    found, model = examination.scales, examination.subject.model
    if examination.subject.description is None:
        return ()
    posterior, likelihood = found.at_bound_posterior or 0.0, found.at_bound_likelihood or 0.0
    part, module = ("posterior", model.posterior) if posterior >= likelihood else ("likelihood", model.likelihood)
    wider: tuple[str, ...] = ()
    match parameterization(module):
        case Exp(bounds=(low, high)) | Shared(bounds=(low, high)) | Optimal(bounds=(low, high)):
            wider = (f"{part}.scale.bounds=[{low - _WIDER:g},{high + _WIDER:g}]",)
        case Softplus():
            wider = (f"{part}.scale.floor=0",)
    levels = part == "likelihood" and (found.above_probability or 0.0) > 0
    return (*wider, *_spread_levels(examination)) if levels else wider


def _calmer(examination: Examination) -> tuple[str, ...]:
    """Return the keys of scales that grow linearly, and of a slower training."""
    found, subject = examination.scales, examination.subject
    if subject.description is None:
        return ()
    slower = f"lr={subject.training.lr / 3:.2g}"
    is_decoder = (found.likelihood_log_variance or -math.inf) > (found.posterior_log_variance or -math.inf)
    part = "likelihood" if is_decoder else "posterior"
    family = subject.traits.family if is_decoder else subject.description.posterior
    return (f"{part}.scale=softplus", slower) if hasattr(family, "scale") else (slower,)


_DENSITY = 'Theis, van den Oord and Bethge, 2016, "A note on the evaluation of generative models"'
_SIGMA = 'Rybkin, Daniilidis and Levine, 2021, "Simple and effective VAE training with calibrated decoders"'
_UNBOUNDED = 'Mattei and Frellsen, 2018, "Leveraging the exact likelihood of deep latent variable models"'

CHECKS: tuple[Check, ...] = (
    Check(
        name="sigma_collapse",
        measure="share of the learned deviations of p(x | z) that are below the resolution of the data",
        value=lambda examination: examination.scales.collapsed,
        fires="above",
        threshold=0.01,
        severity="severe",
        explanation="The decoder's deviation shrinks towards zero on values that repeat exactly, where a density has no largest "
        "value. The bound grows without end and says nothing about the model.",
        source=_UNBOUNDED,
        remedy="Spread the levels with dequantize=true, take likelihood=discretized_logistic, give the scale a minimum with "
        "likelihood.scale=softplus and likelihood.scale.floor, or share one deviation.",
        prescription=_spread_levels,
        effect="The bound falls to a number that can be compared with others; samples and reconstructions improve.",
    ),
    Check(
        name="exploding_log_variance",
        measure="99.9 % quantile of the log-variance of q(z | x) above the prior's, or of p(x | z) above the data's, in nats",
        value=lambda examination: examination.scales.log_variance,
        fires="above",
        threshold=4.0,  # seven times the prior's deviation; healthy runs stay below 3
        severity="severe",
        explanation="Some deviations are far larger than what they are deviations of, so that draws are noise of an enormous size. "
        "Training is about to diverge, or has.",
        source='Hazami, Mama and Thurairatnam, 2022, "Efficient-VDVAE: less is more"',
        remedy="Let the scale grow linearly with scale=softplus, lower the learning rate, or narrow the bounds of the scale.",
        prescription=_calmer,
        effect="The largest log-variance comes down to about the prior's, and the bound rises.",
    ),
    Check(
        name="mse_as_likelihood",
        measure="fixed deviation of p(x | z) over the root mean square residual",
        value=lambda examination: examination.scales.fixed_over_residual,
        fires="above",
        threshold=2.0,  # at 2 the log-likelihood per dimension is already log 2 - 3/8 = 0.3 nats below its optimum
        severity="warning",
        explanation="The squared error is used as a log-likelihood of a deviation that the residuals do not have, which is the "
        "same as a large beta. Details are then not worth their rate, and the bound is far below what it could be.",
        source=_SIGMA,
        remedy="Learn the deviation: likelihood.scale=optimal sets it to the residual's at every step.",
        prescription=_own_scale,
        effect="The ratio comes to about 1, the bound rises by about log(ratio) per dimension, reconstructions sharpen.",
    ),
    Check(
        name="density_on_levels",
        measure="nats per datum by which the density p(x | z) exceeds all of the probability of the data's levels",
        value=lambda examination: examination.scales.above_probability,
        fires="above",
        threshold=0.05,  # exactly 0 where deviations are above 0.4 of the spacing, as shared ones always are
        severity="warning",
        explanation="The data take few distinct values, and p(x | z) is a density so narrow that it exceeds any probability of a "
        "level. Its bound cannot be compared with others, and part of it is gained by guessing levels exactly.",
        source=_DENSITY,
        remedy="Spread the levels with dequantize=true, or take a probability per level: likelihood=discretized_logistic.",
        prescription=_spread_levels,
        effect="The bound falls, and is one on the probability of the levels, in bits per dimension too.",
    ),
    Check(
        name="variance_at_clamp",
        measure="share of the deviations of q(z | x) or p(x | z) that lie at a bound of their parameterization",
        value=lambda examination: examination.scales.at_bound,
        fires="above",
        threshold=0.1,
        severity="warning",
        explanation="Many deviations lie at the smallest or largest value that their parameterization allows. They are no longer "
        "learned there: the clamp passes no gradient.",
        source=_SIGMA,
        remedy="Widen the bounds, or lower the floor; where constant pixels are the reason, share one deviation.",
        prescription=_room,
        effect="Deviations are learned again, and the bound rises.",
    ),
)
"""What can be wrong with the deviations of q(z | x) and p(x | z)."""
