"""Geometry of the latent space: is the rate too dear or too cheap, and does the prior lie where data are encoded?"""

from __future__ import annotations

from vaekit.diagnosis.check import Check
from vaekit.diagnosis.examination import Examination
from vaekit.diagnosis.remedies import at_one, longer, second_stage
from vaekit.objectives import AAE, CIWAE, IWAE, MIWAE, MMD, PIWAE, RAE, VQELBO, WAE, Renyi

__all__ = ["CHECKS"]

_WITHOUT_RATE = (WAE, AAE, RAE, MMD, VQELBO)
"""Objectives that hold the aggregate, not each posterior, to the prior: the rate has no weight to compare with."""

_IMPORTANCE = (IWAE, MIWAE, PIWAE, CIWAE, Renyi)
"""Bounds by importance weights: they have no weight of the rate, and a broader posterior is optimal for them."""


def _beta(examination: Examination) -> float | None:
    subject = examination.subject
    # A prior that was fitted afterwards charges other prices than the one that the posteriors were trained beside.
    if subject.has_second_stage or isinstance(subject.objective, _WITHOUT_RATE):
        return None
    found = examination.exchange_rate
    return None if found is None else found.beta


def _too_dear(examination: Examination) -> float | None:
    # Bounds by importance weights are best with a posterior broader than the bound itself would have.
    return None if isinstance(examination.subject.objective, _IMPORTANCE) else _beta(examination)


def _even(examination: Examination) -> tuple[str, ...]:
    subject = examination.subject
    return at_one(subject) or longer(subject, 2)


def _heavier(examination: Examination) -> tuple[str, ...]:
    """Return the same, or, for a table whose light rate is meant, the second stage that it counts on."""
    subject = examination.subject
    return second_stage(subject) if subject.has_light_rate else _even(examination)


def _fill(examination: Examination) -> tuple[str, ...]:
    """Return what brings prior and aggregate together: the bound itself, or else a prior that is learned."""
    subject = examination.subject
    state = subject.description
    if state is not None and state.posterior.kind == "delta":
        return ("posterior=gaussian", "objective=elbo")
    if subject.has_second_stage or subject.has_light_rate:
        return second_stage(subject)
    if keys := at_one(subject):
        return keys
    if state is None or state.posterior.support != "real" or state.prior.kind != "standard":
        return longer(subject, 2)
    return ("prior=gmm", "prior.components=20") if not subject.traits.slots else second_stage(subject)


_BURGESS = (
    'Burgess, Higgins, Pal, Matthey, Watters, Desjardins and Lerchner, 2018, "Understanding disentangling in beta-VAE"'
)
_EXCHANGE = "nats of distortion that one nat of rate saves (1 at the optimum of the bound)"

CHECKS: tuple[Check, ...] = (
    Check(
        name="over_regularized",
        measure=_EXCHANGE,
        value=_too_dear,
        fires="above",
        # Runs at beta = 1 measure 0.94 to 1.15 after 400 steps, those at 3 measure 3.2.
        threshold=2.0,
        severity="warning",
        explanation="A nat more of rate would save several nats of distortion: the latents are held back by the prior. "
        "Reconstructions lack what the decoder could show.",
        source=_BURGESS,
        remedy="Let the rate weigh 1 at the end, as in the bound, without a capacity or a penalty on top.",
        prescription=_even,
        effect="A higher rate, sharper reconstructions and a higher bound; the exchange rate falls towards 1.",
    ),
    Check(
        name="under_regularized",
        measure=_EXCHANGE,
        value=_beta,
        fires="below",
        threshold=0.5,
        severity="warning",
        explanation="The last nat of rate saved far less than a nat of distortion: latents code details that are not worth "
        "it. Places between them are never decoded in training, so samples are bad.",
        source='Alemi, Poole, Fischer, Dillon, Saurous and Murphy, 2018, "Fixing a broken ELBO"',
        remedy="Let the rate weigh 1 at the end, as in the bound; end its schedule well before training ends, and drop free "
        "bits above the rate that comes by itself. Where a light rate is meant, fit a prior afterwards.",
        prescription=_heavier,
        effect="A lower rate and a higher bound; the exchange rate rises towards 1.",
    ),
    Check(
        name="prior_holes",
        measure="how surely draws from the prior are told from encoded data (0.5 not at all, 1 always)",
        value=lambda examination: None if (found := examination.aggregate_posterior) is None else found.accuracy,
        fires="above",
        # N(0, I) never fits quite: healthy runs lie between 0.6 and 0.93, those at beta = 0.1 and below from 0.97 on.
        threshold=0.97,
        severity="warning",
        explanation="The prior draws latents where hardly any datum is encoded, and the decoder was never trained there. "
        "Reconstructions may be good, samples are not.",
        source='Rosca, Lakshminarayanan and Mohamed, 2018, "Distribution matching in variational inference"',
        remedy="Let the rate weigh 1, use a prior that is learned (gmm, flow, vamp), or fit one afterwards (second_stage=gmm).",
        prescription=_fill,
        effect="Samples that look like reconstructions.",
    ),
)
