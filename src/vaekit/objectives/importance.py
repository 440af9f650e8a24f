"""Bounds from importance weights, and the estimators of their gradients."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Annotated, Literal, NamedTuple, TypeAlias

import torch
from pydantic import Field
from torch import Tensor
from torch.distributions import Distribution

from vaekit.distributions import StraightThrough, stopped
from vaekit.errors import NotApplicable
from vaekit.models import Latent, Trace
from vaekit.objectives.objective import Loss, Objective, bound_metrics, refuse_no_rate

__all__ = ["CIWAE", "IWAE", "MIWAE", "PIWAE", "Gradient", "Renyi"]

Gradient: TypeAlias = Literal["plain", "stl", "dreg"]
"""How the posterior learns: through draws and density, or through the draws alone (stl, dreg)."""

_FAINT = 1e-20  # least share of a weight in the model's gradient, from which the posterior's can be scaled back up


class _Bound(NamedTuple):
    r"""A bound and how much of each log-weight's gradient goes where, all but the bound `(S, B)`.

    Args:
        value: The bound in nats, `(B,)`.
        model: Coefficients :math:`a_k` of the gradient to prior and likelihood.
        reparameterized: Coefficients of the gradient to the posterior where its score is written as one through the draws.
        posterior: Coefficients of the gradient to the posterior, with its score; None where it climbs the model's bound.
    """

    value: Tensor
    model: Tensor
    reparameterized: Tensor
    posterior: Tensor | None = None


class _ImportanceWeighted(Objective, ABC):
    """An objective that is a bound of the importance weights; to add one, write its `bound`."""

    samples: Annotated[int, Field(ge=1)] = 5
    """K, the importance samples per datum."""
    gradient: Gradient = "plain"
    """Gradient of the posterior: plain; dreg (less variance, the same mean); stl (no score, biased beyond the ELBO)."""

    def __call__(self, trace: Trace, step: int = 0) -> Loss:
        """Return the loss of one trace."""
        refuse_no_rate(trace)
        return _loss(trace, self.bound(trace.log_weight), self.gradient)

    @abstractmethod
    def bound(self, log_weight: Tensor) -> _Bound:
        """Return the bound of log-weights `(S, B)`."""


class _OverGroups(_ImportanceWeighted, ABC):
    """A bound of samples in groups."""

    samples: Annotated[int, Field(ge=1)] = 6
    """M K, the samples per datum in all."""
    groups: Annotated[int, Field(ge=1)] = 2
    """M, the bounds that are averaged; it divides samples."""


class IWAE(_ImportanceWeighted):
    r"""The importance-weighted bound: :math:`\log \frac{1}{K} \sum_k w_k`, :math:`w_k = \frac{p(x, z_k)}{q(z_k \mid x)}`.

    The VALUE is the log-mean-exp of the weights, hence a bound on the evidence; K = 1 is the ELBO in expectation.

    References:
        Burda, Grosse and Salakhutdinov, 2016, "Importance weighted autoencoders"; Roeder, Wu and Duvenaud, 2017,
        "Sticking the landing" (stl); Tucker, Lawson, Gu and Maddison, 2019, "Doubly reparameterized gradient estimators
        for Monte Carlo objectives" (dreg).
    """

    kind: Literal["iwae"] = "iwae"

    def bound(self, log_weight: Tensor) -> _Bound:
        """Return the bound of log-weights `(S, B)`."""
        return _grouped(log_weight, 1)


class MIWAE(_OverGroups):
    r"""The mean of M importance-weighted bounds, each over its own K samples.

    References:
        Rainforth et al., 2018, "Tighter variational bounds are not necessarily better".
    """

    kind: Literal["miwae"] = "miwae"

    def bound(self, log_weight: Tensor) -> _Bound:
        """Return the bound of log-weights `(S, B)`."""
        return _grouped(log_weight, self.groups)


class PIWAE(_OverGroups):
    r"""The model climbs the bound over all M K samples, the posterior the mean of M bounds over K samples each.

    A tighter bound helps the model, but drowns the posterior's gradient in noise. The value is the model's bound.

    References:
        Rainforth et al., 2018, "Tighter variational bounds are not necessarily better".
    """

    kind: Literal["piwae"] = "piwae"

    def bound(self, log_weight: Tensor) -> _Bound:
        """Return the bound of log-weights `(S, B)`."""
        whole, parts = _grouped(log_weight, 1), _grouped(log_weight, self.groups)
        return whole._replace(reparameterized=parts.reparameterized, posterior=parts.model)


class CIWAE(_ImportanceWeighted):
    r"""A blend of bounds: :math:`\beta\, ELBO + (1 - \beta)\, IWAE_K`.

    References:
        Rainforth et al., 2018, "Tighter variational bounds are not necessarily better".
    """

    kind: Literal["ciwae"] = "ciwae"
    beta: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the ELBO: 0 is IWAE, 1 the ELBO."""

    def bound(self, log_weight: Tensor) -> _Bound:
        """Return the bound of log-weights `(S, B)`."""
        beta = self.beta
        value = beta * log_weight.mean(0) + (1 - beta) * _log_mean_exp(log_weight)
        share, even = torch.softmax(log_weight.detach(), 0), beta / len(log_weight)
        return _Bound(value, even + (1 - beta) * share, even + (1 - beta) * share**2)


class Renyi(_ImportanceWeighted):
    r"""The bound of Renyi's divergence: :math:`\frac{1}{1 - \alpha} \log \frac{1}{K} \sum_k w_k^{1 - \alpha}`.

    References:
        Li and Turner, 2016, "Renyi divergence variational inference".
    """

    kind: Literal["renyi"] = "renyi"
    alpha: float = 0.5
    """Order: 0 is IWAE, 1 the ELBO; below 0 and above 1 the value is no longer a bound from below."""

    @property
    def what_it_is(self) -> str:
        """What an order outside [0, 1] is."""
        if 0 <= self.alpha <= 1:
            return ""
        return (
            f"alpha = {self.alpha:g} lies outside [0, 1]: the loss is no bound; the bounds reported are the usual ones"
        )

    def bound(self, log_weight: Tensor) -> _Bound:
        """Return the bound of log-weights `(S, B)`."""
        power = 1 - self.alpha
        if abs(power) < 1e-6:  # the limit: the ELBO
            return _grouped(log_weight, len(log_weight))
        share = torch.softmax(power * log_weight.detach(), 0)
        return _Bound(_log_mean_exp(power * log_weight) / power, share, self.alpha * share + power * share**2)


def _grouped(log_weight: Tensor, groups: int) -> _Bound:
    """Return the mean of the bounds over each group of samples; one sample per group is the ELBO."""
    if len(log_weight) % groups:
        raise ValueError(f"objective.groups={groups} must divide objective.samples={len(log_weight)}")
    split = log_weight.unflatten(0, (groups, -1))
    share = torch.softmax(split.detach(), 1)
    whole = share.flatten(0, 1) / groups
    return _Bound(_log_mean_exp(split, 1).mean(0), whole, share.square().flatten(0, 1) / groups)


def _log_mean_exp(values: Tensor, dim: int = 0) -> Tensor:
    return torch.logsumexp(values, dim) - math.log(values.shape[dim])


def _loss(trace: Trace, bound: _Bound, gradient: Gradient) -> Loss:
    value = -bound.value.mean()
    if gradient != "plain" or bound.posterior is not None:
        surrogate = -_surrogate(trace, bound, gradient)
        value = value.detach() + surrogate - surrogate.detach()
    return Loss(value, {**bound_metrics(trace), "iw_bound": _log_mean_exp(trace.log_weight.detach()).mean()})


def _surrogate(trace: Trace, bound: _Bound, gradient: Gradient) -> Tensor:
    r"""Return a scalar whose gradient is the estimator: coefficients :math:`a` for the model, :math:`b` for the posterior.

    .. math:: \sum_k a_k \log p(x, z_k) - b_k \log q(z_k \mid x) \quad\text{or}\quad
              \sum_k a_k (\log p(x, z_k) - \log \bar q(z_k \mid x))

    plain is the first, the others the second, where the bar holds the parameters of q still. What reaches the draws from
    :math:`a` is multiplied by :math:`b / a` on its way back, so that one pass through the likelihood serves both.
    """
    if len(trace.latents) > 1:
        raise NotApplicable("this gradient is for one group of latents; use objective=iwae objective.gradient=plain")
    (latent,) = trace.latents
    _refuse_compiled(latent.z)
    wanted = (
        bound.reparameterized if gradient == "dreg" else bound.model if bound.posterior is None else bound.posterior
    )
    # A weight too faint for the model may be all that its group has to tell the posterior.
    model = torch.maximum(bound.model, _FAINT * wanted)
    terms = model * (trace.log_likelihood + latent.p.log_prob(latent.z))
    if gradient == "plain":
        terms = terms - wanted * _live_log_q(latent, _ratio(model, wanted))
    else:
        terms = terms - model * _still(latent.q).log_prob(latent.z)
    surrogate = terms.sum(0).mean()
    _rescale(surrogate, latent.z, _ratio(wanted, model))
    return surrogate


def _refuse_compiled(z: Tensor) -> None:
    # A compiled graph drops in silence what is done to gradients on their way back.
    if torch.compiler.is_compiling() or type(z.grad_fn).__name__ == "CompiledFunctionBackward":
        raise ValueError("this gradient cannot be compiled; use compile=false")


def _live_log_q(latent: Latent, factor: Tensor) -> Tensor:
    """Return log q(z | x), whose gradient through the draws will not be rescaled, since `factor` undoes it."""
    if latent.log_q is not None:  # it came with the draws and does not go through them
        return latent.log_q
    z = latent.z.view_as(latent.z)
    if z.requires_grad:
        z.register_hook(lambda gradient: gradient * _broadcast(factor, z))
    return latent.q.log_prob(z)


def _rescale(loss: Tensor, z: Tensor, factor: Tensor) -> None:
    """Let the backward pass from `loss`, and no other, multiply by `factor` what goes through z."""

    def begin(_: Tensor) -> None:
        def once(gradient: Tensor) -> Tensor:
            handle.remove()
            return gradient * _broadcast(factor, z)

        handle = z.register_hook(once)

    if z.requires_grad:
        loss.register_hook(begin)


def _still(q: Distribution) -> Distribution:
    if isinstance(getattr(q, "base_dist", q), StraightThrough):
        raise NotApplicable(
            "this gradient needs exact draws with a gradient, and those of posterior=gumbel are straight-through; use "
            "posterior=gaussian, or objective.gradient=plain"
        )
    try:
        return stopped(q)
    except NotImplementedError as error:
        raise NotApplicable(str(error)) from None


def _ratio(above: Tensor, below: Tensor) -> Tensor:
    return torch.where(below > 0, above / below, 0.0)


def _broadcast(factor: Tensor, z: Tensor) -> Tensor:
    return factor.reshape(*factor.shape, *(1,) * (z.dim() - factor.dim())).to(z.dtype)
