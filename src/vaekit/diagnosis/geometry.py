"""Geometry of the latent space: what a nat of rate saves, and whether the prior matches the encoded data.

If the pull towards the prior is too strong, latents lose detail. If it is too weak, latents lie where the prior never draws
from, or holes remain between them: reconstructions are good, but samples are not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vaekit.diagnosis.latent_state import LatentState, has_noise, latent_state
from vaekit.diagnosis.subject import Subject
from vaekit.diagnosis.two_samples import told_apart
from vaekit.heads import PseudoInputs
from vaekit.models import LatentVariableModel, evaluating

__all__ = ["AggregatePosterior", "ExchangeRate", "aggregate_posterior", "exchange_rate"]

_DRAWS = 8
_STEP = 0.1
_FEWEST = 50  # data, below which the points in many dimensions are too few
_MOST = 256  # draws of each, always: more draws show finer differences, and numbers of different runs would not compare
_LEAST_RATE = 0.5  # nats below which there is nothing to exchange


@dataclass(frozen=True)
class ExchangeRate:
    """What a nat of rate saves in distortion, measured by scaling the noise of the posterior.

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
    r"""Measure what a nat of rate saves: the weight beta for which the posterior is optimal.

    Let the deviations of the posterior from its middle m be scaled, :math:`z_s = m + s (z - m)`, so that
    :math:`\log q_s(z_s) = \log q(z) - D \log s`. With the distortion :math:`\mathcal D(s) = -E[\log p(x \mid z_s)]` and
    the rate :math:`\mathcal R(s) = E[\log q_s(z_s) - \log p(z_s)]`, a posterior that minimizes
    :math:`\mathcal D + \beta \mathcal R` among all of its family is stationary at s = 1 in particular,

    .. math:: \mathcal D'(1) + \beta\, \mathcal R'(1) = 0 \quad\Rightarrow\quad
        \hat\beta = -\frac{\mathcal D'(1)}{\mathcal R'(1)}, \qquad \mathcal R'(1) = -D - E[(z - m)^T \nabla \log p(z)],

    whatever the cause: a weight of the rate, a schedule that never ended, free bits, a penalty. Both slopes are central
    differences at s = 1 +- 0.1 with the same noise; log q(z) is the same in both and cancels. With many groups of latents
    the noise of the lowest one is scaled, so that the groups above it and its prior stay as they are.

    References:
        Higgins et al., 2017, "beta-VAE: learning basic visual concepts with a constrained variational framework"; Alemi,
        Poole, Fischer, Dillon, Saurous and Murphy, 2018, "Fixing a broken ELBO" (the slope of the rate-distortion curve).

    Args:
        subject: A model and its data.
        count: How many test data to use, with 8 draws each.

    Returns:
        None if the latents are no real vectors or have no noise, if the prior is made of the posterior's own weights (vamp)
        and so moves with it, if the prior of training is gone, if there are fewer than two data, or if weights are not finite.
    """
    # A prior that was fitted afterwards charges other prices than the one that the posteriors were trained beside.
    if (trained := subject.as_trained) is None:
        return None
    subject, model = trained, trained.model
    with evaluating(model):
        state = latent_state(subject, count, _DRAWS)
        if state is None or not has_noise(state.q[-1]) or isinstance(model.prior, PseudoInputs):
            return None
        nats = -torch.stack([draw[-1].log_ratio for draw in state.draws]).mean().item()
        (far, far_prior), (near, near_prior) = (_at(model, state, 1 + sign * _STEP) for sign in (1, -1))
    volume = state.draws[0][-1].z[0, 0].numel() * (math.log1p(_STEP) - math.log1p(-_STEP))
    return ExchangeRate((near - far) / (2 * _STEP), (near_prior - far_prior - volume) / (2 * _STEP), nats)


def _at(model: LatentVariableModel, state: LatentState, scale: float) -> tuple[float, float]:
    """Return the mean log-likelihood and log-prior of draws whose deviations are scaled."""
    likelihoods, priors = [], []
    for *above, latent in state.draws:
        scaled = latent.q.mean + scale * (latent.z - latent.q.mean)
        likelihoods.append(state.log_likelihood(model, *(group.z for group in above), scaled).double().mean())
        priors.append(latent.p.log_prob(scaled).double().mean())
    return torch.stack(likelihoods).mean().item(), torch.stack(priors).mean().item()


@dataclass(frozen=True)
class AggregatePosterior:
    """Draws from the aggregate posterior q(z) of held-out data, draws from the prior, and how well they are distinguished.

    Args:
        posterior: Draws from q(z) on their first two principal axes, `(N, 2)`, or `(N, 1)` of one latent.
        prior: Draws from p(z) on the same axes.
        accuracy: Probability of telling a draw from q(z) and a draw from p(z) apart: 0.5 by chance, 1 always.
    """

    posterior: Tensor
    prior: Tensor
    accuracy: float


def aggregate_posterior(subject: Subject) -> AggregatePosterior | None:
    """Compare q(z) of all groups, one draw per held-out datum, with the prior; None for codes, and below 50 data."""
    model = subject.model
    with evaluating(model):
        state = latent_state(subject, _MOST)
        if state is None or len(state.x) < _FEWEST or state.is_quantized:
            return None
        encoded = [latent.z[0] for latent in state.draws[0]]
        drawn = model.prior_sample(len(state.x), *state.context)
        q, p = (torch.cat([z.flatten(1) for z in groups], 1).double().cpu() for groups in (encoded, drawn))
    if not (torch.isfinite(q).all() and torch.isfinite(p).all()):
        return None
    axes = torch.linalg.svd(q - q.mean(0), full_matrices=False).Vh[:2].T
    posterior, prior = ((z - q.mean(0)) @ axes for z in (q, p))
    return AggregatePosterior(posterior, prior, told_apart(q, p))
