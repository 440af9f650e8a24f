"""The rate-distortion curve of a model: what its decoder and prior could do with the best possible encoder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from vaekit.data import as_stored
from vaekit.evaluation.chains import Chains, Problem, in_parts, log_mean
from vaekit.evaluation.likelihood import LogJacobian, bounds, jacobian_of
from vaekit.models import LatentVariableModel, evaluating

__all__ = ["RateDistortion", "rate_distortion"]

_POWER = 4  # of the temperatures: densities near the prior change with the logarithm of beta
_DRAWS = 16  # of the model's own operating point


@dataclass(frozen=True)
class RateDistortion:
    r"""Means over data along the curve, beta by beta.

    At beta = 1, rate + distortion bounds -log p(x) from above; how far `own_rate + own_distortion` lies beyond is what the
    encoder loses. An own point far to the left of beta = 1 is a collapsed one.

    Args:
        beta: :math:`\beta_1 < \dots < \beta_T`, `(T,)`: minus the slope of the curve, dR / dD = -beta.
        rate: Upper bounds of the rate in nats, `(T,)`.
        distortion: -E log p(x | z) in nats, `(T,)`.
        rate_se: Standard errors of the rates over the data, `(T,)`; NaN of a single datum.
        distortion_se: Standard errors of the distortions, `(T,)`.
        own_rate: KL(q || p) of the model's own encoder in nats; None where its posterior has no density.
        own_distortion: Distortion with the model's own encoder in nats.
    """

    beta: Tensor
    rate: Tensor
    distortion: Tensor
    rate_se: Tensor
    distortion_se: Tensor
    own_rate: float | None
    own_distortion: float

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON."""
        return {name: value.tolist() if isinstance(value, Tensor) else value for name, value in vars(self).items()}


def rate_distortion(
    model: LatentVariableModel,
    x: Tensor,
    *context: Tensor,
    chains: Chains = Chains(temperatures=100),  # noqa: B008 (a frozen value)
    most: float = 1.0,
    log_jacobian: LogJacobian = 0.0,
    seed: int = 0,
) -> RateDistortion:
    r"""Return the curve that one annealing run from the prior traces out.

    The best encoder at the slope :math:`-\beta` is :math:`q_\beta(z \mid x) = p(z) p(x \mid z)^\beta / Z_\beta(x)`. Chains that pass
    through it estimate its normaliser from below, and so its rate from above:

    .. math:: D(\beta) = -E_{q_\beta}[\log p(x \mid z)], \qquad
        R(\beta) = KL(q_\beta \| p) = -\log Z_\beta - \beta D(\beta) \le -E \log \hat Z_\beta - \beta D(\beta)

    with the distortion averaged over chains by their weights. The curve is one of achievable pairs: a chain is an encoder.

    References:
        Huang, Makhzani, Cao and Grosse, 2020, "Evaluating lossy compression rates of deep generative models"; Alemi, Poole,
        Fischer, Dillon, Saurous and Murphy, 2018, "Fixing a broken ELBO" (the plane).

    Args:
        model: A model of real-valued latents; its posterior only makes the own operating point.
        x: Data `(N, *event)`, in the support of the likelihood; some tens make a picture.
        context: What they are conditioned on, tensors `(N, C)`.
        chains: How many, and how they are led; from the prior, whatever it says.
        most: The largest beta.
        log_jacobian: Subtracted from distortions, for data that were rescaled on their way in.
        seed: Seed of the noise.

    Raises:
        NotApplicable: The latents are not real-valued.
        ValueError: There are no data.
    """
    chains = replace(chains, from_prior=True)
    betas = most * torch.linspace(0, 1, chains.temperatures + 1, dtype=torch.float64) ** _POWER
    with evaluating(model, seed):
        parts = list(in_parts(chains, x, *context))
        curves = [_curve(Problem.of(model, chains, *part, betas=betas)) for part in parts]
    rate, distortion = (torch.cat(column, 1) for column in zip(*curves, strict=True))
    stored = [as_stored(*part) for part in parts]
    own = bounds(model, stored, prepare=nn.Identity(), samples=_DRAWS, log_jacobian=log_jacobian, seed=seed)
    # The same as the deviation over root N, and not a number of a single datum.
    errors = [(column.var(1, correction=0) / (len(x) - 1)).sqrt() for column in (rate, distortion)]
    return RateDistortion(
        beta=betas[1:],
        rate=rate.mean(1),
        distortion=distortion.mean(1) - jacobian_of(log_jacobian, x).mean(),
        rate_se=errors[0],
        distortion_se=errors[1],
        own_rate=None if own.rate is None else own.rate.mean().item(),
        own_distortion=own.distortion.mean().item(),
    )


def _curve(problem: Problem) -> tuple[Tensor, Tensor]:
    """Return rates and distortions of every datum, each `(T, B)`."""
    rates, distortions = [], []
    for beta, stage in zip(problem.betas[1:].tolist(), problem.forwards(), strict=True):
        shares = stage.log_weight.softmax(0)
        # Along a path from the prior, the ratio of its ends is the likelihood.
        distortion = -(shares * stage.point.log_ratio).sum(0)
        distortions.append(distortion)
        rates.append(-log_mean(stage.log_weight) - beta * distortion)
    return torch.stack(rates).cpu(), torch.stack(distortions).cpu()
