"""Bounds on the log-likelihood, each with its name, its standard error and its effective sample size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vaekit.distributions import point
from vaekit.models import evaluating
from vaekit.training import active_units

__all__ = ["Bounds", "Estimate", "bounds"]


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
        means: Posterior means, `(N, D)`.
        samples: K.
        dimensions: Number of dimensions of one datum.
    """

    elbo: Tensor
    iw: Tensor
    ess: Tensor
    distortion: Tensor
    rate: Tensor
    rate_per_dimension: Tensor | None
    means: Tensor
    samples: int
    dimensions: int

    def estimate(self, name: str) -> Estimate:
        """Return the mean of `elbo` or `iw` over the data."""
        values = getattr(self, name).double()
        nats = values.mean().item()
        se = values.std().item() / math.sqrt(len(values)) if len(values) > 1 else math.nan
        return Estimate(nats, se, -nats / (self.dimensions * math.log(2)))

    @property
    def active_units(self) -> int:
        """Latent dimensions whose posterior mean has a variance above 0.01 over the data."""
        return active_units(self.means)

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON; log-likelihoods, so larger is better."""
        elbo, iw = vars(self.estimate("elbo")), vars(self.estimate("iw"))
        return {
            "n": len(self.elbo),
            "bounds": {"elbo": elbo, "iw": {"samples": self.samples, **iw, "ess": self.ess.double().mean().item()}},
            "rate": self.rate.double().mean().item(),
            "distortion": self.distortion.double().mean().item(),
            "active_units": self.active_units,
            "dimensions": self.dimensions,
        }


def bounds(
    model: nn.Module,
    batches: Iterable[Tensor],
    *,
    prepare: Callable[[Tensor], Tensor] = torch.Tensor.float,
    samples: int = 100,
    rows: int = 2000,
    log_jacobian: float = 0.0,
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
        log_jacobian: Added to every bound, for data that were rescaled on their way in.
        seed: Seed of the noise.
    """
    if samples < 1 or rows < 1:
        raise ValueError(f"samples and rows must be at least 1, got {samples} and {rows}")
    with evaluating(model, seed):
        parts = [_batch_bounds(model, prepare(batch), samples, rows) for batch in batches if len(batch)]
    if not parts:
        raise ValueError("there are no data to evaluate")
    joined = {name: torch.cat([part[name] for part in parts]) for name in parts[0] if name != "kl_terms"}
    terms = [part["kl_terms"] for part in parts if "kl_terms" in part]
    return Bounds(
        elbo=joined["elbo"] + log_jacobian,
        iw=joined["iw"] + log_jacobian,
        ess=joined["ess"],
        distortion=joined["distortion"] - log_jacobian,
        rate=joined["rate"],
        rate_per_dimension=torch.cat(terms).mean(0) if terms else None,
        means=joined["means"],
        samples=samples,
        dimensions=int(parts[0]["dimensions"][0]),
    )


def _batch_bounds(model: Any, x: Tensor, samples: int, rows: int) -> dict[str, Tensor]:
    evidence = model.infer(x)
    chunk = max(1, rows // len(x))
    log_weights, log_likelihoods, rates = [], [], []
    for start in range(0, samples, chunk):
        count = min(chunk, samples - start)
        trace = model.trace(x, evidence, samples=count)
        log_weights.append(trace.log_weight)
        log_likelihoods.append(trace.log_likelihood)
        rates.append(trace.kl.expand(count, -1))
    log_weight, rate = torch.cat(log_weights).double(), torch.cat(rates).double().mean(0)
    distortion = -torch.cat(log_likelihoods).double().mean(0)
    share = log_weight.log_softmax(0)
    result = {
        "elbo": -distortion - rate,
        "iw": torch.logsumexp(log_weight, 0) - math.log(samples),
        "ess": torch.exp(-torch.logsumexp(2 * share, 0)),
        "distortion": distortion,
        "rate": rate,
        "means": torch.cat([point(latent.q).flatten(1) for latent in trace.latents], 1),
        "dimensions": torch.tensor([x[0].numel()]),
    }
    terms = [latent.kl_terms for latent in trace.latents]
    if all(term is not None for term in terms):
        result["kl_terms"] = torch.cat([term.mean(0).flatten(1) for term in terms if term is not None], 1)
    return {name: value.cpu() for name, value in result.items()}
