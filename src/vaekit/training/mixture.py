"""Expectation maximisation: Gaussian mixtures with full covariances, fitted to the latents of a trained model."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vaekit.distributions.full_gaussian_mixture import natural, quadratic
from vaekit.heads import LearnedMixture
from vaekit.training.budget import NEVER, Deadline
from vaekit.training.prior import Encoded, clusters, scored_draws

__all__ = ["place_by_em"]

_ROWS = 30_000  # draws that an iteration looks at where data are few: several per datum
_REPEATS = 20  # but no more than these of each
_MOST = 100_000  # draws where data are many
_JUDGED = 10_000  # held-out draws
_AT_ONCE = 4096  # draws whose monomials are held at once
_ITERATIONS = 80
_PATIENCE = 4
_GAIN = 1e-3  # nats of the held-out score that count as progress
_DRAWS_BEGUN = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 16.0, 64.0)  # per dimension, from the covariance that components share
_INDEPENDENT = (0.0, 0.1, 1.0)  # part of that covariance that is the latents' own variances, not the one pooled
_FLOOR = 1e-5  # of the variances within a component, in units of those of all latents
_NARROWEST = 1e-2  # deviation of a latent, in units of the widest one's, below which it is stretched no further
_SMALLEST = 1e-3  # the same, where no latent has any


@dataclass(frozen=True)
class _Mixture:
    weights: Tensor  # (K,)
    means: Tensor  # (K, D)
    covariances: Tensor  # (K, D, D)

    def natural(self) -> Tensor:
        """Return the weights of the monomials in each component's log-density and log-share, `(K, M)`."""
        unit = torch.eye(self.means.shape[1], dtype=self.means.dtype)
        with _one_thread():
            whitening = torch.linalg.solve_triangular(torch.linalg.cholesky(self.covariances), unit, upper=False)
        theta = natural(self.means, whitening)
        theta[:, -1] += self.weights.log()
        return theta


@dataclass(frozen=True)
class _Shrinkage:
    draws: float
    independent: float


class _Latents:
    """Draws from posteriors in double precision and in units of their spread, anew at each turn."""

    def __init__(self, encoded: Encoded, seed: int) -> None:
        self.encoded, self.seed = encoded, torch.Generator().manual_seed(seed)
        z = encoded.batch(torch.arange(len(encoded)), self.seed)[0].flatten(1).double()
        self.middle, spread = z.mean(0), z.std(0, correction=0)
        # A latent that hardly moves is not blown up until its rounding looks like data.
        self.unit = spread.clamp_min(max(_NARROWEST * spread.max().item(), _SMALLEST))

    def monomials(self, z: Tensor) -> Tensor:
        """Return the monomials of latents `(N, *event)` in these units, `(N, M)`."""
        return quadratic((z.flatten(1).double() - self.middle) / self.unit)

    def statistics(self, responsibilities: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Return the sums of the monomials that fall to each component, `(K, M)`.

        Args:
            responsibilities: From the rows `(B,)` that were drawn from and their monomials `(B, M)` to shares `(B, K)`.
        """
        parts = ((rows, self.monomials(self.encoded.batch(rows, self.seed)[0])) for rows in self._rows())
        return sum((responsibilities(rows, part).T @ part for rows, part in parts), torch.zeros(()))

    def restored(self, mixture: _Mixture) -> _Mixture:
        """Return a mixture of these units as one of the latents themselves."""
        covariances = mixture.covariances * self.unit.unsqueeze(-1) * self.unit
        return _Mixture(mixture.weights, mixture.means * self.unit + self.middle, covariances)

    def _rows(self) -> Iterator[Tensor]:
        repeats = min(-(-_ROWS // len(self.encoded)), _REPEATS)
        order = torch.randperm(len(self.encoded), generator=self.seed).repeat(repeats)[:_MOST]
        yield from order.split(_AT_ONCE)


def place_by_em(
    prior: LearnedMixture, train: Encoded, held_out: Encoded, seed: int = 0, deadline: Deadline = NEVER
) -> None:
    r"""Fit a mixture with full covariances by expectation maximisation, on draws from the posteriors.

    Each iteration draws anew, so that the mixture is one of the aggregate posterior and not of some points. Covariances are
    maximum a posteriori ones: each component begins with some draws from the covariance pooled over all of them, how many
    the held-out score decides. It also decides when to stop, and which iteration is kept.

    References:
        Dempster, Laird and Rubin, 1977, "Maximum likelihood from incomplete data via the EM algorithm"; Fraley and Raftery,
        2007, "Bayesian regularization for normal mixture estimation and model-based clustering" (the covariances).

    Args:
        prior: The module, with full covariances; its start is found by k-means. A context's influence is left as it is.
        train: Posteriors of training data.
        held_out: Posteriors of validation data.
        seed: Of k-means and of the draws.
        deadline: When the last iteration ends.

    Raises:
        ValueError: There are fewer data than components.
    """
    components = len(prior.logits)
    latents, labels = _Latents(train, seed), clusters(train, components, seed)
    judged = latents.monomials(scored_draws(held_out)[0][:_JUDGED])
    hard = torch.eye(components, dtype=torch.float64)
    begun = latents.statistics(lambda rows, _: hard[labels[rows]])
    kept = latents.restored(_iterated(latents, begun, judged, deadline))
    prior.place(kept.means.unflatten(1, prior.event), kept.covariances, kept.weights)


def _iterated(latents: _Latents, statistics: Tensor, judged: Tensor, deadline: Deadline) -> _Mixture:
    """Return the best mixture on the way from sums of monomials, by the score on held-out ones."""
    shrinkage, seconds = _chosen(statistics, judged), 0.0
    kept, best, since = None, -math.inf, 0
    for _ in range(_ITERATIONS):
        began = time.perf_counter()
        mixture = _maximized(statistics, shrinkage)
        theta = mixture.natural()
        score = _log_density(theta, judged)
        since = 0 if score > best + _GAIN else since + 1
        kept, best = (mixture, score) if score > best or kept is None else (kept, best)
        if since >= _PATIENCE or deadline.left <= seconds:
            break
        statistics = latents.statistics(functools.partial(_shares, theta))
        seconds = time.perf_counter() - began
    assert kept is not None
    return kept


def _chosen(statistics: Tensor, judged: Tensor) -> _Shrinkage:
    """Return how much of what covariance components begin with, by the score on held-out monomials."""

    def score(choice: _Shrinkage) -> float:
        return _log_density(_maximized(statistics, choice).natural(), judged)

    middle = sorted(_INDEPENDENT)[len(_INDEPENDENT) // 2]
    first = max((_Shrinkage(draws, middle) for draws in _DRAWS_BEGUN), key=score)
    return max((replace(first, independent=part) for part in _INDEPENDENT), key=score)


def _maximized(statistics: Tensor, shrinkage: _Shrinkage) -> _Mixture:
    """Return the mixture that sums of monomials `(K, M)` are best explained by."""
    count, size = statistics[:, -1], _size(statistics.shape[1])
    first, second = statistics[:, -1 - size : -1], _symmetric(statistics[:, : -1 - size], size)
    total, components = count.sum(), len(statistics)
    # One draw from the whole, spread over all components, keeps an empty one where data are.
    means = (first + first.sum(0) / (total * components)) / (count + 1 / components).unsqueeze(1)
    cross = means.unsqueeze(-1) * first.unsqueeze(-2)
    around = second - cross - cross.mT + count[:, None, None] * means.unsqueeze(-1) * means.unsqueeze(-2)
    variances = second.diagonal(dim1=-2, dim2=-1).sum(0) / total - (first.sum(0) / total).square()
    shared = torch.lerp(around.sum(0) / total, variances.clamp_min(0).diag(), shrinkage.independent)
    begun = shrinkage.draws * size
    covariances = (around + begun * shared) / (count + begun)[:, None, None]
    covariances.diagonal(dim1=-2, dim2=-1).add_(_FLOOR)
    return _Mixture((count + 1) / (total + components), means, covariances)


def _size(monomials: int) -> int:
    """Return D of M = (D + 1) (D + 2) / 2."""
    return (math.isqrt(8 * monomials + 1) - 3) // 2


def _symmetric(lower: Tensor, size: int) -> Tensor:
    """Return matrices `(K, D, D)` of their lower triangles `(K, D (D + 1) / 2)`."""
    rows, columns = torch.tril_indices(size, size)
    full = lower.new_empty(len(lower), size, size)
    full[:, rows, columns] = lower
    full[:, columns, rows] = lower
    return full


def _shares(theta: Tensor, _rows: Tensor, monomials: Tensor) -> Tensor:
    return (monomials @ theta.T).softmax(1)


def _log_density(theta: Tensor, monomials: Tensor) -> float:
    return (monomials @ theta.T).logsumexp(1).mean().item()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch compute on one thread of the CPU, and on as many as before afterwards.

    Batched solvers meet at a barrier for each small matrix, where threads on a busy machine wait for one another.
    """
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(count)
