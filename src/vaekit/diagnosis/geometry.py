"""Geometry of the latent space: what a nat of rate buys, and whether the prior lies where the data are encoded.

Too strong a pull towards the prior blurs what latents could tell; too weak a one scatters them over places that the prior
never draws from, or leaves holes between them: reconstructions are good, and samples are not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vaekit.diagnosis.check import Check
from vaekit.diagnosis.latent_state import LatentState, latent_state
from vaekit.diagnosis.pressure import IMPORTANCE, at_one, is_light_on_purpose, longer, second_stage
from vaekit.diagnosis.subject import Subject
from vaekit.diagnosis.two_samples import told_apart
from vaekit.distributions import Quantized, draw, draw_prior
from vaekit.heads import PseudoInputs
from vaekit.models import VAE, evaluating
from vaekit.objectives import AAE, MMD, RAE, VQ, WAE

if TYPE_CHECKING:
    from vaekit.diagnosis.examination import Examination

__all__ = ["CHECKS", "AggregatePosterior", "ExchangeRate", "aggregate_posterior", "exchange_rate"]

_DRAWS = 8
_STEP = 0.1
_FEWEST = 50  # data below which a hundred points in many dimensions tell nothing
_MOST = 256  # draws a side, whatever is at hand: the more, the finer differences are told, and values would not compare
_LEAST_RATE = 0.5  # nats below which there is nothing to exchange

_WITHOUT_RATE = (WAE, AAE, RAE, MMD, VQ)
"""Objectives that hold the aggregate, not each posterior, to the prior: the rate has no weight to compare with."""


@dataclass(frozen=True)
class ExchangeRate:
    """What a nat of rate buys where the noise of the posterior is scaled.

    Args:
        distortion: Its derivative with respect to the scale, in nats per datum.
        rate: The same of the rate; negative, as less noise costs rate.
        nats: The rate itself, in nats per datum.
    """

    distortion: float
    rate: float
    nats: float

    @property
    def beta(self) -> float | None:
        """Nats of distortion that one nat of rate saves; None where hardly any rate is paid."""
        if not (self.nats >= _LEAST_RATE and self.rate < 0 and math.isfinite(self.distortion)):
            return None
        return -self.distortion / self.rate


def exchange_rate(subject: Subject, count: int) -> ExchangeRate | None:
    r"""Measure what a nat of rate buys: the weight beta at which the posterior is best as it is.

    Let the deviations of the posterior from its middle m be scaled, :math:`z_s = m + s (z - m)`, so that
    :math:`\log q_s(z_s) = \log q(z) - D \log s`. With the distortion :math:`\mathcal D(s) = -E[\log p(x \mid z_s)]` and
    the rate :math:`\mathcal R(s) = E[\log q_s(z_s) - \log p(z_s)]`, a posterior that minimizes
    :math:`\mathcal D + \beta \mathcal R` among all of its family is stationary at s = 1 in particular,

    .. math:: \mathcal D'(1) + \beta\, \mathcal R'(1) = 0 \quad\Rightarrow\quad
        \hat\beta = -\frac{\mathcal D'(1)}{\mathcal R'(1)}, \qquad \mathcal R'(1) = -D - E[(z - m)^T \nabla \log p(z)],

    whatever made it so: a weight of the rate, a schedule that never ended, free bits, a penalty. Both slopes are central
    differences at s = 1 +- 0.1 with the same noise; log q(z) is the same in both and cancels.

    References:
        Higgins et al., 2017, "beta-VAE: learning basic visual concepts with a constrained variational framework"; Alemi,
        Poole, Fischer, Dillon, Saurous and Murphy, 2018, "Fixing a broken ELBO" (the slope of the rate-distortion curve).

    Args:
        subject: Whose posteriors.
        count: Of how many test data, with 8 draws each.

    Returns:
        None where latents are no real vectors or have no noise, where the prior is made of the posterior's own weights
        (vamp) and so moves along with it, below two data, or where weights are not finite.
    """
    model = subject.model
    with evaluating(model):
        state = latent_state(subject, count)
        if state is None or not state.has_noise or isinstance(model.prior, PseudoInputs):
            return None
        z, log_q = draw(state.q, _DRAWS)
        log_q = state.q.log_prob(z) if log_q is None else log_q
        nats = (log_q - state.p.log_prob(z)).mean().item()
        (far, far_prior), (near, near_prior) = (_at(model, state, z, 1 + sign * _STEP) for sign in (1, -1))
    volume = z[0, 0].numel() * (math.log1p(_STEP) - math.log1p(-_STEP))
    return ExchangeRate(
        distortion=(near - far) / (2 * _STEP),
        rate=(near_prior - far_prior - volume) / (2 * _STEP),
        nats=nats,
    )


def _at(model: VAE, state: LatentState, z: Tensor, scale: float) -> tuple[float, float]:
    """Return the mean log-likelihood and log-prior of draws whose deviations are scaled."""
    scaled = state.q.mean + scale * (z - state.q.mean)
    # One draw at a time: many data and a convolutional decoder fill a memory.
    likelihoods = [
        model.decode(part, context=state.context).log_prob(state.x).double().mean() for part in scaled.split(1)
    ]
    return torch.stack(likelihoods).mean().item(), state.p.log_prob(scaled).double().mean().item()


@dataclass(frozen=True)
class AggregatePosterior:
    """Draws from the aggregate posterior q(z) of held-out data, and from the prior, with what tells them apart.

    Args:
        posterior: Draws from q(z) on the first two principal axes of theirs, `(N, 2)`, or `(N, 1)` of one latent.
        prior: Draws from p(z) on the same axes.
        accuracy: Probability that a draw from q(z) looks more like one than a draw from p(z) does; 0.5 where they cannot
            be told apart, 1 where always.
    """

    posterior: Tensor
    prior: Tensor
    accuracy: float


def aggregate_posterior(subject: Subject) -> AggregatePosterior | None:
    """Compare q(z), one draw per held-out datum, with the prior; None where there are under 50 data, or no vectors."""
    model = subject.model
    with evaluating(model):
        state = latent_state(subject, _MOST)
        if state is None or len(state.x) < _FEWEST or isinstance(state.q, Quantized):
            return None
        q = state.q.sample().flatten(1).double().cpu()
        p = draw_prior(state.p, len(q)).flatten(1).double().cpu()
    if not (torch.isfinite(q).all() and torch.isfinite(p).all()):
        return None
    axes = torch.linalg.svd(q - q.mean(0), full_matrices=False).Vh[:2].T
    posterior, prior = ((z - q.mean(0)) @ axes for z in (q, p))
    return AggregatePosterior(posterior, prior, told_apart(q, p))


def _beta(examination: Examination) -> float | None:
    subject = examination.subject
    # A prior that was fitted afterwards charges other prices than the one that the posteriors were trained beside.
    if subject.has_second_stage or isinstance(subject.objective, _WITHOUT_RATE):
        return None
    found = examination.exchange_rate
    return None if found is None else found.beta


def _too_dear(examination: Examination) -> float | None:
    # Bounds by importance weights are best with a posterior broader than the bound itself would have.
    return None if isinstance(examination.subject.objective, IMPORTANCE) else _beta(examination)


def _holes(examination: Examination) -> float | None:
    found = examination.aggregate_posterior
    return None if found is None else found.accuracy


def _even(examination: Examination) -> tuple[str, ...]:
    subject = examination.subject
    return at_one(subject) or longer(subject, 2)


def _heavier(examination: Examination) -> tuple[str, ...]:
    """Return the same, or, for a table whose light rate is meant, the second stage that it counts on."""
    subject = examination.subject
    return second_stage(subject) if is_light_on_purpose(subject) else _even(examination)


def _fill(examination: Examination) -> tuple[str, ...]:
    """Return what brings prior and aggregate together: the bound itself, or else a prior that is learned."""
    subject = examination.subject
    state = subject.description
    if state is not None and state.posterior.kind == "delta":
        return ("posterior=gaussian", "objective=elbo")
    if subject.has_second_stage or is_light_on_purpose(subject):
        return second_stage(subject)
    if keys := at_one(subject):
        return keys
    if state is None or state.posterior.support != "real" or state.prior.kind != "standard":
        return longer(subject, 2)
    return ("prior=gmm", "prior.components=20") if subject.table is None else second_stage(subject)


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
        value=_holes,
        fires="above",
        # N(0, I) never fits quite: healthy runs lie between 0.6 and 0.93, those at beta = 0.1 and below from 0.97 on.
        threshold=0.97,
        severity="warning",
        explanation="The prior draws latents where hardly any datum is encoded, and the decoder was never trained there. "
        "Reconstructions may be good, samples are not.",
        source='Rosca, Lakshminarayanan and Mohamed, 2018, "Distribution matching in variational inference"',
        remedy="Let the rate weigh 1, use a prior that is learned (gmm, flow, vamp), or fit one afterwards "
        "(second_stage=gmm).",
        prescription=_fill,
        effect="Samples that look like reconstructions.",
    ),
)
