"""Quality of samples: do they look like data (fidelity), and is all that the data are among them (diversity)?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from vaekit.errors import NotApplicable
from vaekit.models import LatentVariableModel, evaluating

__all__ = ["Features", "PosteriorPoints", "SampleQuality", "frechet_distance", "sample_quality"]

Features: TypeAlias = Callable[[Tensor], Tensor]
"""Data `(B, *event)` to features `(B, ...)`; its `label` names the space in results."""

_BATCH = 250  # data that features are computed of at a time
_ENTRIES = 2**22  # distances held at a time: 32 MB


@dataclass(frozen=True)
class SampleQuality:
    """How a set of generated data compares with a set of real ones, in a stated space of features.

    Args:
        space: The space; numbers from different spaces are not comparable.
        precision: Share of the samples that lie within the neighborhoods of real data: fidelity.
        recall: Share of the real data that lie within the neighborhoods of samples: diversity.
        density: Mean number of real neighborhoods that a sample lies in, over k: about 1 for ideal samples, and without
            an upper limit. Unlike precision it is not misled by one real outlier.
        coverage: Share of the real data with a sample in their neighborhood. Unlike recall it is not misled by outlying
            samples.
        frechet: Frechet distance of Gaussians fitted to the features. It is no FID, which is that of one trained network.
        real: Number of real data.
        generated: Number of samples; all five depend on both numbers.
        k: Neighbors that make a neighborhood.
    """

    space: str
    precision: float
    recall: float
    density: float
    coverage: float
    frechet: float
    real: int
    generated: int
    k: int

    def summary(self) -> dict[str, Any]:
        """Return plain values, ready for JSON; the distance carries the name of its space."""
        values = asdict(self)
        return values | {"frechet": {"name": f"Frechet distance in {self.space}", "value": self.frechet}}


class PosteriorPoints(nn.Module):
    """A model's own view of data: the point (mean) of q(z | x), `(B, D)`.

    It sees what the model finds worth encoding and is blind to the rest, so it compares priors of one model, not models.

    Args:
        model: The model, which stays as it is.
    """

    label = "the model's posterior means"
    """How results name this space."""

    def __init__(self, model: LatentVariableModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """Return the features of prepared data."""
        return torch.cat([code.flatten(1) for code in self.model.points(x)], 1)


def sample_quality(real: Tensor, generated: Tensor, features: Features, k: int = 5) -> SampleQuality:
    r"""Compare generated data with real ones.

    With :math:`B_k(x, X)` the ball around x that reaches to its k-th nearest neighbor in X, real features X and those
    of samples Y, N and M in number,

    .. math::
        \text{precision} &= \tfrac1M \#\{y : y \in \cup_x B_k(x, X)\}, &
        \text{recall} &= \tfrac1N \#\{x : x \in \cup_y B_k(y, Y)\}, \\
        \text{density} &= \tfrac1{kM} \textstyle\sum_y \#\{x : y \in B_k(x, X)\}, &
        \text{coverage} &= \tfrac1N \#\{x : \exists y \in B_k(x, X)\}.

    References:
        Kynkaanniemi, Karras, Laine, Lehtinen and Aila, 2019, "Improved precision and recall metric for assessing
        generative models"; Naeem, Oh, Uh, Choi and Yoo, 2020, "Reliable fidelity and diversity metrics for generative
        models"; Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter, 2017, "GANs trained by a two time-scale update
        rule converge to a local Nash equilibrium" (the distance).

    Args:
        real: Real data `(N, *event)` that the model was not trained on.
        generated: Samples `(M, *event)`.
        features: The space, e.g. `vaekit.nets.RandomFeatures(channels)` for intensities; a module is put into evaluation
            mode meanwhile.
        k: Neighbors that make a neighborhood.

    Raises:
        NotApplicable: The sets are no more than k data.
        ValueError: They hold data of different shapes.

    Examples:
        >>> x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
        >>> quality = sample_quality(x, x, torch.nn.Identity(), k=3)
        >>> quality.precision, quality.recall, quality.density, quality.coverage
        (1.0, 1.0, 1.0, 1.0)
    """
    if k < 1 or min(len(real), len(generated)) <= k:
        raise NotApplicable(
            f"k={k} neighbors need at least {k + 1} data on both sides, got {len(real)}, {len(generated)}"
        )
    if real.shape[1:] != generated.shape[1:]:
        raise ValueError(f"real data {tuple(real.shape[1:])} and samples {tuple(generated.shape[1:])} differ in shape")
    x, y = _features(real, features), _features(generated, features)
    near_x, near_y = _radii(x, k), _radii(y, k)
    in_real, per_real, inside = _hits(y, x, near_x)
    in_generated, _, _ = _hits(x, y, near_y)
    return SampleQuality(
        space=getattr(features, "label", type(features).__name__),
        precision=in_real.double().mean().item(),
        recall=in_generated.double().mean().item(),
        density=inside / (k * len(y)),
        coverage=per_real.double().mean().item(),
        frechet=frechet_distance(x, y),
        real=len(x),
        generated=len(y),
        k=k,
    )


def frechet_distance(x: Tensor, y: Tensor) -> float:
    r"""Return the squared 2-Wasserstein distance of Gaussians with the moments of x `(N, F)` and y `(M, F)`.

    .. math:: \|\mu_x - \mu_y\|^2 + \operatorname{tr}\left(C_x + C_y - 2 (C_x C_y)^{1/2}\right)

    The trace of the root is the nuclear norm of :math:`C_x^{1/2} C_y^{1/2}`, so that no root of a product that is not
    symmetric, complex by rounding, is taken.

    References:
        Dowson and Landau, 1982, "The Frechet distance between multivariate normal distributions".

    Raises:
        NotApplicable: There are fewer than two data on a side.

    Examples:
        >>> x = torch.tensor([[-1.0], [1.0]])
        >>> round(frechet_distance(x, x + 3), 6)
        9.0
    """
    if min(len(x), len(y)) < 2:
        raise NotApplicable(f"a covariance needs at least 2 data, got {len(x)} and {len(y)}")
    (mean_x, cov_x), (mean_y, cov_y) = _moments(x), _moments(y)
    cross = torch.linalg.matrix_norm(_root(cov_x) @ _root(cov_y), ord="nuc")
    distance = (mean_x - mean_y).square().sum() + cov_x.trace() + cov_y.trace() - 2 * cross
    return max(0.0, distance.item())  # rounding leaves equal sets a hair below


def _features(data: Tensor, features: Features) -> Tensor:
    holder = features if isinstance(features, nn.Module) else nn.Identity()
    with evaluating(holder):
        return torch.cat([features(part).flatten(1).double().cpu() for part in data.split(_BATCH)])


def _distances(x: Tensor, y: Tensor) -> Tensor:
    # The product form |x|^2 + |y|^2 - 2 xy would not give 0 for equal rows.
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def _radii(x: Tensor, k: int) -> Tensor:
    """Return the distance of each row to its k-th nearest among the others, `(N,)`."""
    rows = max(1, _ENTRIES // len(x))
    return torch.cat([_distances(part, x).kthvalue(k + 1, 1).values for part in x.split(rows)])


def _hits(points: Tensor, centers: Tensor, radii: Tensor) -> tuple[Tensor, Tensor, int]:
    """Return which points lie in any ball, which balls hold any point, and the number of pairs strictly inside."""
    rows, hit = max(1, _ENTRIES // len(centers)), torch.zeros(len(centers), dtype=torch.bool)
    found, inside = [], 0
    for part in points.split(rows):
        distances = _distances(part, centers)
        within = distances <= radii
        found.append(within.any(1))
        hit |= within.any(0)
        # Open balls: of a center and its neighbors k lie inside, so that equal sets have density 1 as equal laws do.
        inside += int((distances < radii).sum())
    return torch.cat(found), hit, inside


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    x = x.double()
    return x.mean(0), torch.atleast_2d(x.T.cov())


def _root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp_min(0).sqrt() @ vectors.T
