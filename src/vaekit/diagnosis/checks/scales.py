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

from vaekit.diagnosis.checks.words import worded
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
    found, model, description = examination.scales, examination.subject.model, examination.subject.description
    if description is None:
        return ()
    posterior, likelihood = found.at_bound_posterior or 0.0, found.at_bound_likelihood or 0.0
    part, module = ("posterior", model.posterior) if posterior >= likelihood else ("likelihood", model.likelihood)
    family = description.posterior if part == "posterior" else examination.subject.traits.family
    wider: tuple[str, ...] = ()
    if not hasattr(family, "scale"):  # the one of a flow's base is no key
        return ()
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


CHECKS = (
    worded("sigma_collapse", "scales.collapsed", above=0.01, far=0.05, prescription=_spread_levels),
    # Seven times the prior's deviation; healthy runs stay below 3.
    worded("exploding_log_variance", "scales.log_variance", above=4.0, prescription=_calmer),
    # At 2 the log-likelihood per dimension is already log 2 - 3/8 = 0.3 nats below its optimum.
    worded("mse_as_likelihood", "scales.fixed_over_residual", above=2.0, prescription=_own_scale),
    # Exactly 0 where deviations are above 0.4 of the spacing, as shared ones always are.
    worded("density_on_levels", "scales.above_probability", above=0.05, prescription=_spread_levels),
    worded("variance_at_clamp", "scales.at_bound", above=0.1, far=0.5, prescription=_room),
)
