"""Bounds on the log-likelihood, each with its name, its standard error and its effective sample size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from vaekit.data import Stored, unpacked
from vaekit.errors import NotApplicable, whole
from vaekit.evaluation.information import Nats
from vaekit.models import Groups, LatentVariableModel, Trace, evaluating
from vaekit.training import active_per_group

__all__ = ["Bounds", "Estimate", "LogJacobian", "bounds", "jacobian_of"]

_DRAWS = 1_000_000  # the most of a bound

LogJacobian: TypeAlias = float | Callable[[Tensor], Tensor]
"""What turns a density of prepared data into one of the data: nats alike for all, or a function of prepared data `(B,)`."""


@dataclass(frozen=True)
class Estimate:
    """A mean over data with its standard error.

    Args:
        nats: The mean, in nats per datum.
        se: Its standard error over the data.
        bits_per_dim: The code length it stands for: -nats / (dimensions log 2).
    """

    nats: float
    se: float
    bits_per_dim: float

    @classmethod
    def over(cls, values: Tensor, dimensions: float) -> Estimate:
        """Return the mean of values `(N,)` of data with so many dimensions."""
        mean = Nats.over(values)
        return cls(mean.nats, mean.se, -mean.nats / (dimensions * math.log(2)))


@dataclass(frozen=True)
class Bounds:
    """Lower bounds on log p(x) and what goes with them, one value per datum unless said otherwise.

    Args:
        elbo: The evidence lower bound in nats, `(N,)`; the rate in closed form where there is one.
        iw: The importance-weighted bound with `samples` draws in nats, `(N,)`: never below the ELBO in expectation.
        ess: Effective sample size of the importance weights, `(N,)`, between 1 and `samples`.
        distortion: -E log p(x | z) in nats, `(N,)`.
        rate: KL(q || p) in nats, `(N,)`.
        rate_per_dimension: Mean KL of each latent dimension in nats, `(D,)`; None where the posterior does not factorise.
        means: Posterior means, `(N, D)`, those of all groups of latents side by side.
        samples: K.
        sizes: Number of dimensions of each datum, `(N,)`: of an image all alike, of a text its tokens.
        groups: Which columns of `means` belong to which group of latents, and their names.
        rates: KL(q || p) of each group in nats, `(N, groups)`.
        why: Why there is no bound, hence neither elbo, iw, ess nor rate, where the posterior has no density.
    """

    elbo: Tensor | None
    iw: Tensor | None
    ess: Tensor | None
    distortion: Tensor
    rate: Tensor | None
    rate_per_dimension: Tensor | None
    means: Tensor
    samples: int
    sizes: Tensor
    groups: Groups
    rates: Tensor | None = None
    why: str = ""

    def estimate(self, name: str) -> Estimate:
        """Return the mean of `elbo` or `iw` over the data.

        Raises:
            NotApplicable: There is no such bound; the message says why.
        """
        if self.elbo is None:
            raise NotApplicable(self.why)
        return Estimate.over(getattr(self, name), self.dimensions)

    @property
    def dimensions(self) -> float:
        """Mean number of dimensions of a datum."""
        mean = self.sizes.double().mean().item()
        return int(mean) if int(mean) == mean else mean

    @property
    def active_units(self) -> int:
        """Latent dimensions whose posterior mean has a variance above 0.01 over the data."""
        return sum(self.active_per_group)

    @property
    def active_per_group(self) -> tuple[int, ...]:
        """The active units of each group of latents."""
        return active_per_group(self.means, self.groups)

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON; log-likelihoods, so larger is better."""
        bounds: dict[str, Any] = {"elbo": None, "iw": None, "why": self.why}
        if self.ess is not None:
            elbo, iw = vars(self.estimate("elbo")), vars(self.estimate("iw"))
            bounds = {"elbo": elbo, "iw": {"samples": self.samples, **iw, "ess": self.ess.double().mean().item()}}
        return self._groups() | {
            "n": len(self.distortion),
            "bounds": bounds,
            "rate": None if self.rate is None else self.rate.double().mean().item(),
            "distortion": self.distortion.double().mean().item(),
            "active_units": self.active_units,
            "dimensions": self.dimensions,
        }

    def _groups(self) -> dict[str, Any]:
        if len(self.groups.sizes) == 1:
            return {}
        rates = [None] * len(self.groups.sizes) if self.rates is None else self.rates.double().mean(0).tolist()
        counts = zip(rates, self.active_per_group, self.groups.variables, strict=True)
        return {"groups": [{"rate": rate, "active_units": active, "latents": size} for rate, active, size in counts]}


def bounds(
    model: LatentVariableModel,
    batches: Iterable[Stored],
    *,
    prepare: Callable[[Tensor], Tensor] = torch.Tensor.float,
    samples: int = 100,
    rows: int = 2000,
    log_jacobian: LogJacobian = 0.0,
    sizes: Callable[[Tensor], Tensor] | None = None,
    seed: int = 0,
) -> Bounds:
    r"""Return the ELBO and the importance-weighted bound of every datum.

    .. math:: L_K(x) = E\left[\log \frac{1}{K} \sum_{k=1}^K \frac{p(x, z_k)}{q(z_k \mid x)}\right] \le \log p(x),
        \qquad z_k \sim q(z \mid x)

    Every datum is encoded once; its K latents are decoded in chunks. Single precision, no graph, evaluation mode; the
    weights, the running statistics, the mode and the random generator are left exactly as they were.

    References:
        Burda, Grosse and Salakhutdinov, 2016, "Importance weighted autoencoders".

    Args:
        model: A latent-variable model.
        batches: Stored batches; about 100 data each make good chunks.
        prepare: Maps a stored batch to data in the likelihood's support.
        samples: K, exactly, whatever the chunks.
        rows: Decoder rows in one chunk; 500 to 2000 stay in the cache of a CPU.
        log_jacobian: Added to every bound, for data that were rescaled on their way in: nats, or what returns them `(B,)`
            for prepared data.
        sizes: Returns the number of dimensions of each prepared datum, `(B,)`; by default that of its entries.
        seed: Seed of the noise.
    """
    samples, rows = whole("samples", samples, most=_DRAWS), whole("rows", rows)
    with evaluating(model, seed):
        parts = [
            _batch_bounds(model, prepare(stored), context, (samples, rows), sizes, log_jacobian)
            for stored, context in map(unpacked, batches)
            if len(stored)
        ]
    if not parts:
        raise ValueError("there are no data to evaluate")
    joined = {name: torch.cat([part.values[name] for part in parts]) for name in parts[0].values}
    terms = joined.pop("kl_terms", None)
    missing = dict.fromkeys(("elbo", "iw", "ess", "rate", "rates"))
    return Bounds(
        **{**missing, **joined},  # type: ignore[arg-type]
        rate_per_dimension=None if terms is None else terms.mean(0),
        samples=samples,
        groups=parts[0].groups,
        why=parts[0].why,
    )


@dataclass(frozen=True)
class _Part:
    values: dict[str, Tensor]
    groups: Groups
    why: str


def jacobian_of(log_jacobian: LogJacobian, x: Tensor) -> Tensor:
    """Return the log-Jacobian of each prepared datum in nats, `(B,)`, in double precision."""
    found = log_jacobian(x) if callable(log_jacobian) else torch.full((len(x),), log_jacobian, dtype=torch.float64)
    return found.detach().cpu().double()


def _batch_bounds(
    model: LatentVariableModel,
    x: Tensor,
    context: tuple[Tensor, ...],
    budget: tuple[int, int],
    sizes: Callable[[Tensor], Tensor] | None,
    log_jacobian: LogJacobian,
) -> _Part:
    (samples, rows), evidence = budget, model.infer(x, *context)
    chunk = max(1, rows // len(x))
    log_weights, log_likelihoods, rates, terms = (list[Tensor]() for _ in range(4))
    for start in range(0, samples, chunk):
        count = min(chunk, samples - start)
        trace = model.trace(x, evidence, samples=count)
        log_likelihoods.append(trace.log_likelihood)
        if trace.no_bound is None:
            log_weights.append(trace.log_weight)
            rates.append(torch.stack([latent.kl.expand(count, -1) for latent in trace.latents], -1))
            if all(latent.kl_terms is not None for latent in trace.latents):
                terms.append(count / samples * _terms(trace))
    distortion = -torch.cat(log_likelihoods).cpu().double().mean(0)
    counted = torch.full((len(x),), x[0].numel()) if sizes is None else sizes(x)
    values = {"distortion": distortion, "means": model.codes(trace), "sizes": counted}
    if trace.no_bound is None:
        values |= _weighted(torch.cat(log_weights).cpu().double())
        values["rates"] = torch.cat(rates).cpu().double().mean(0)
        values["rate"] = values["rates"].sum(-1)
        values["elbo"] = -distortion - values["rate"]
        if terms:
            values["kl_terms"] = torch.stack(terms).sum(0)
    values = {name: value.cpu() for name, value in values.items()}
    # The log-Jacobian of rescaled data belongs to log p(x | z).
    jacobian = jacobian_of(log_jacobian, x)
    for name in values.keys() & {"elbo", "iw", "distortion"}:
        values[name] = values[name] - jacobian if name == "distortion" else values[name] + jacobian
    return _Part(values, Groups.of(trace.latents), trace.no_bound or "")


def _terms(trace: Trace) -> Tensor:
    """Return the mean rate of each latent dimension over the draws, `(B, D)`, all groups side by side."""
    return torch.cat([latent.kl_terms.mean(0).flatten(1) for latent in trace.latents if latent.kl_terms is not None], 1)


def _weighted(log_weight: Tensor) -> dict[str, Tensor]:
    """Return the importance-weighted bound and the effective sample size of log-weights `(K, B)`."""
    share = log_weight.log_softmax(0)
    return {
        "iw": torch.logsumexp(log_weight, 0) - math.log(len(log_weight)),
        "ess": torch.exp(-torch.logsumexp(2 * share, 0)),
    }
