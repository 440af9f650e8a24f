"""Annealed importance sampling: log p(x) itself, from below on data and from both sides on what the model draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vaekit.errors import NotApplicable
from vaekit.evaluation.chains import Chains, Problem, in_parts, log_mean
from vaekit.evaluation.information import Nats
from vaekit.evaluation.likelihood import Bounds, Estimate, LogJacobian, jacobian_of
from vaekit.models import LatentVariableModel, evaluating

__all__ = ["Annealed", "Bracket", "annealed", "bracket"]


@dataclass(frozen=True)
class Annealed:
    """Stochastic lower bounds on log p(x) by annealed importance sampling.

    Args:
        lower: The bound of every datum in nats, `(N,)`: in expectation at most log p(x), nearer with every temperature.
        ess: Effective sample size of the chains, `(N,)`, between 1 and their number.
        acceptance: Mean probability that a move was accepted, `(N,)`; below 0.3 the chains hardly moved.
        chains: How they were led.
        dimensions: Number of dimensions of one datum.
    """

    lower: Tensor
    ess: Tensor
    acceptance: Tensor
    chains: Chains
    dimensions: int

    @property
    def estimate(self) -> Estimate:
        """The mean over the data."""
        return Estimate.over(self.lower, self.dimensions)

    def gap(self, bounds: Bounds) -> Nats:
        """Return by how much an importance-weighted bound on the same data falls short of this one.

        Both must have been given the same prepared data, since binarisation and dequantisation are drawn anew each time.

        Raises:
            NotApplicable: There is no such bound.
            ValueError: It is one of other data.
        """
        if bounds.iw is None:
            raise NotApplicable(bounds.why)
        if bounds.iw.shape != self.lower.shape:
            raise ValueError(f"bounds on {len(bounds.iw)} data cannot be compared with those on {len(self.lower)}")
        return Nats.over(self.lower - bounds.iw)

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON."""
        means = {"ess": self.ess.mean().item(), "acceptance": self.acceptance.mean().item()}
        return {"n": len(self.lower), **vars(self.estimate), **means, **vars(self.chains)}


@dataclass(frozen=True)
class Bracket:
    """Both sides of log p(x) on data that the model drew.

    Args:
        lower: Stochastic lower bound of every datum in nats, `(N,)`.
        upper: Stochastic upper bound of every datum in nats, `(N,)`.
        dimensions: Number of dimensions of one datum.
    """

    lower: Tensor
    upper: Tensor
    dimensions: int

    @property
    def lower_estimate(self) -> Estimate:
        """The mean of the lower bounds."""
        return Estimate.over(self.lower, self.dimensions)

    @property
    def upper_estimate(self) -> Estimate:
        """The mean of the upper bounds."""
        return Estimate.over(self.upper, self.dimensions)

    @property
    def gap(self) -> Nats:
        """The mean of what lies between: in expectation, no side is off by more."""
        return Nats.over(self.upper - self.lower)


def annealed(
    model: LatentVariableModel,
    x: Tensor,
    *context: Tensor,
    chains: Chains = Chains(),  # noqa: B008 (a frozen value)
    log_jacobian: LogJacobian = 0.0,
    seed: int = 0,
) -> Annealed:
    r"""Return a lower bound on the log-evidence of every datum that does not stand or fall with the encoder.

    Chains are led from q(z | x), or from p(z), to :math:`p(z) p(x \mid z)` by Hamiltonian moves at the densities between;
    their weights are unbiased estimates of the evidence:

    .. math:: \log p(x) \ge E\left[\log \frac{1}{C} \sum_{c=1}^C w_c\right], \qquad E[w_c] = p(x)

    Where q is a flow, chains begin at the Gaussian with its moments, whose density is cheaper. Weights, modes, running
    statistics and the random generator are left as they were. A datum costs `(count + 1) * temperatures * leapfrog` passes
    through the decoder, forwards and backwards.

    References:
        Neal, 2001, "Annealed importance sampling"; Wu, Burda, Salakhutdinov and Grosse, 2017, "On the quantitative analysis
        of decoder-based generative models".

    Args:
        model: A model of real-valued latents.
        x: Data `(N, *event)`, in the support of the likelihood.
        context: What they are conditioned on, tensors `(N, C)`.
        chains: How many, and how they are led.
        log_jacobian: Added to every bound, for data that were rescaled on their way in.
        seed: Seed of the noise.

    Raises:
        NotApplicable: The latents are not real-valued, or q(z | x) has no density to start from.
        ValueError: There are no data.
    """
    with evaluating(model, seed):
        parts = [_forwards(Problem.of(model, chains, *part)) for part in in_parts(chains, x, *context)]
    lower, ess, acceptance = (torch.cat(column) for column in zip(*parts, strict=True))
    return Annealed(lower + jacobian_of(log_jacobian, x), ess, acceptance, chains, x[0].numel())


def bracket(
    model: LatentVariableModel,
    n: int,
    *context: Tensor,
    chains: Chains = Chains(),  # noqa: B008 (a frozen value)
    log_jacobian: LogJacobian = 0.0,
    seed: int = 0,
) -> Bracket:
    r"""Return both sides of log p(x) on `n` data that the model draws: how far annealed importance sampling can be off.

    Of :math:`z^* \sim p(z)`, :math:`x \sim p(x \mid z^*)` the latent is an exact draw from :math:`p(z \mid x)`. From there chains
    run backwards, and their weights are unbiased estimates of 1 / p(x):

    .. math:: \log p(x) \le E\left[-\log \frac{1}{C} \sum_{c=1}^C w'_c\right], \qquad E[w'_c] = 1 / p(x)

    References:
        Grosse, Ghahramani and Adams, 2015, "Sandwiching the marginal likelihood using bidirectional Monte Carlo"; Wu,
        Burda, Salakhutdinov and Grosse, 2017, "On the quantitative analysis of decoder-based generative models".

    Args:
        model: A model of real-valued latents.
        n: How many data.
        context: What to condition on, tensors `(n, C)` where the model is conditional.
        chains: How many in either direction, and how they are led.
        log_jacobian: Added to every bound, for data that were rescaled on their way in.
        seed: Seed of the data and of the noise.

    Raises:
        NotApplicable: As in `annealed`.
        ValueError: As in `annealed`.
    """
    parts = []
    with evaluating(model, seed):
        drawn = model.prior_sample(max(n, 0), *context)
        for part in in_parts(chains, *drawn, *context):
            latents, given = part[: len(drawn)], part[len(drawn) :]
            x = model.decode(*latents, context=given).sample()
            problem = Problem.of(model, chains, x, *given)
            jacobian = jacobian_of(log_jacobian, x)
            lower, *_ = _forwards(problem)
            *_, last = problem.backwards(*latents)
            parts.append((lower + jacobian, -log_mean(last.log_weight).cpu() + jacobian))
    lower, upper = (torch.cat(column) for column in zip(*parts, strict=True))
    return Bracket(lower, upper, x[0].numel())


def _forwards(problem: Problem) -> tuple[Tensor, Tensor, Tensor]:
    stages = list(problem.forwards())
    log_weight = stages[-1].log_weight
    ess = torch.exp(-torch.logsumexp(2 * log_weight.log_softmax(0), 0))
    acceptance = torch.stack([stage.accepted.mean(0) for stage in stages]).mean(0)
    return log_mean(log_weight).cpu(), ess.cpu(), acceptance.cpu()
