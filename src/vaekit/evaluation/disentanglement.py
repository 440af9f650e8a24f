"""Disentanglement, where the factors that data were made from are known: does each latent dimension follow one of them?

A rotation of the latents leaves the bound of a model with a rotationally symmetric prior as it is: these scores measure
what the likelihood cannot see, in the four ways that the literature agreed on, which disagree with each other.

References:
    Locatello, Bauer, Lucic, Ratsch, Gelly, Scholkopf and Bachem, 2019, "Challenging common assumptions in the unsupervised
    learning of disentangled representations" (their conventions of discretisation are kept).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaekit.errors import NotApplicable
from vaekit.training import ACTIVE_VARIANCE

__all__ = ["Disentanglement", "dci", "disentanglement", "factor_vae_score", "mutual_information_gap", "sap"]

_BINS = 20
_TREES, _LEAF = 30, 5  # trees of a forest, and data in the smallest leaf: trees that end in single data learn noise
_VOTES, _GROUP = 1600, 64  # votes of the FactorVAE score, half of them to be checked by, and data behind each
_FEWEST = 50  # data: below, bins and halves are empty


@dataclass(frozen=True)
class Disentanglement:
    """Scores of latents against known factors, between 0 and 1: larger is better.

    Args:
        mig: Mutual information gap; see `mutual_information_gap`.
        sap: Separated attribute predictability; see `sap`.
        factor_vae: FactorVAE score; see `factor_vae_score`. By chance it is 1 over the number of factors.
        disentanglement: Of DCI: does each dimension inform about one factor only? See `dci`.
        completeness: Of DCI: does one dimension alone inform about each factor?
        informativeness: Of DCI: how accurately are the factors told from all dimensions?
        importance: Of DCI: share of dimension d in predicting factor k, `(D, K)`; columns sum to 1, or to 0 where no dimension helps.
        factors: The names of the factors, K.
        n: Number of data.
    """

    mig: float
    sap: float
    factor_vae: float
    disentanglement: float
    completeness: float
    informativeness: float
    importance: Tensor
    factors: tuple[str, ...]
    n: int

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON."""
        return asdict(self) | {"importance": self.importance.tolist(), "factors": list(self.factors)}


def disentanglement(means: Tensor, factors: Tensor, names: tuple[str, ...] = (), seed: int = 0) -> Disentanglement:
    """Return all scores of latents against the factors that their data were made from.

    Args:
        means: Posterior means, `(N, D)`.
        factors: An index for each factor, `(N, K)`, int64.
        names: The names of the factors; by default their numbers.
        seed: Seed of the halves, the trees and the votes.

    Raises:
        NotApplicable: There are fewer than 50 data, or latents that are not finite; or no factor varies.
        ValueError: Sizes differ.
    """
    varying = _checked(means, factors)
    known, names = factors[:, varying], names or tuple(str(k) for k in range(factors.shape[1]))
    shares = dci(means, known, seed)
    return Disentanglement(
        mig=mutual_information_gap(means, known),
        sap=sap(means, known, seed),
        factor_vae=factor_vae_score(means, known, seed),
        disentanglement=shares[0],
        completeness=shares[1],
        informativeness=shares[2],
        importance=shares[3],
        factors=tuple(name for name, varies in zip(names, varying.tolist(), strict=True) if varies),
        n=len(means),
    )


def mutual_information_gap(means: Tensor, factors: Tensor) -> float:
    r"""Return by how much the dimension that knows most of a factor knows more than the next, relative to all there is.

    .. math:: \frac1K \sum_k \frac{1}{H(v_k)} \left(I(z_{j(k)}; v_k) - \max_{j \ne j(k)} I(z_j; v_k)\right),
        \qquad j(k) = \arg\max_j I(z_j; v_k)

    The means are discretised into 20 bins of equal width from their smallest to their largest.

    References:
        Chen, Li, Grosse and Duvenaud, 2018, "Isolating sources of disentanglement in variational autoencoders".

    Args:
        means: Posterior means, `(N, D)`.
        factors: Indices, `(N, K)`, each factor with two values or more.

    Examples:
        >>> v = torch.cartesian_prod(torch.arange(4), torch.arange(4))
        >>> round(mutual_information_gap(v.double(), v), 6)
        1.0
    """
    codes = [_binned(z) for z in means.double().T]
    gaps = []
    for v in factors.T:
        known = torch.stack([_mutual_information(code, v) for code in codes])
        gaps.append(_gap(known) / _mutual_information(v, v))
    return float(torch.stack(gaps).mean())


def sap(means: Tensor, factors: Tensor, seed: int = 0) -> float:
    r"""Return the separated attribute predictability: the gap between the two best single predictors of a factor.

    .. math:: \frac1K \sum_k \left(S_{j(k)k} - \max_{j \ne j(k)} S_{jk}\right), \qquad j(k) = \arg\max_j S_{jk}

    :math:`S_{jk}` is the balanced accuracy with which dimension j alone, cut by as many thresholds as part the values of
    factor k, tells them on the other half of the data. It is 0 for dead dimensions, whose mean has a variance of 0.01 at
    most. One that is alive and tells nothing has one over the number of values: so the score of a binary factor is at
    most a half, unless all other dimensions are dead.

    References:
        Kumar, Sattigeri and Balakrishnan, 2018, "Variational inference of disentangled latent concepts from unlabeled
        observations".

    Args:
        means: Posterior means, `(N, D)`.
        factors: Indices, `(N, K)`.
        seed: Seed of the halves.
    """
    from sklearn.tree import DecisionTreeClassifier

    x, alive = means.double().numpy(), _alive(means)
    first, second = _halves(len(x), seed)
    gaps = []
    for v in factors.numpy().T:
        cuts = DecisionTreeClassifier(max_leaf_nodes=len(np.unique(v)), class_weight="balanced", random_state=0)
        predicted = [cuts.fit(z[first, None], v[first]).predict(z[second, None]) for z in x.T]
        accuracy = torch.tensor([_balanced(values, v[second]) for values in predicted])
        gaps.append(_gap(torch.where(alive, accuracy, 0.0)))
    return float(torch.stack(gaps).mean())


def factor_vae_score(means: Tensor, factors: Tensor, seed: int = 0) -> float:
    r"""Return how often the dimension that varies least while a factor is held fixed tells which factor that was.

    Of 64 data that share the value of one factor k, the dimension :math:`d = \arg\min_d \mathrm{Var}(z_d) / s_d^2`, with
    :math:`s_d^2` the variance over all data, casts a vote (d, k). The majority of 800 votes says which factor each
    dimension stands for; the score is the share of 800 others that agree. Dead dimensions, whose mean has a variance of
    0.01 at most, cast none; where all are dead, the score is that of guessing.

    References:
        Kim and Mnih, 2018, "Disentangling by factorising".

    Args:
        means: Posterior means, `(N, D)`.
        factors: Indices, `(N, K)`.
        seed: Seed of the votes.
    """
    count = factors.shape[1]
    alive = _alive(means)
    if not alive.any():
        return 1 / count
    z = means.double()[:, alive]
    z = z / z.std(0, correction=0)
    generator = torch.Generator().manual_seed(seed)
    fixed = torch.randint(count, (_VOTES,), generator=generator)
    groups = [_group(factors[:, k], generator) for k in fixed.tolist()]
    least = torch.stack([z[rows].var(0).argmin() for rows in groups])
    half = _VOTES // 2
    votes = torch.zeros(z.shape[1], count).index_put_((least[:half], fixed[:half]), torch.ones(half), accumulate=True)
    return (votes.argmax(1)[least[half:]] == fixed[half:]).double().mean().item()


def dci(means: Tensor, factors: Tensor, seed: int = 0) -> tuple[float, float, float, Tensor]:
    r"""Return disentanglement, completeness, informativeness, and the importance matrix R that they come from.

    :math:`R_{dk}` is the share of dimension d in a random forest's decrease of impurity when it tells factor k from all
    dimensions, trained on one half of the data. With entropies to the base of the number of outcomes,

    .. math::
        \text{disentanglement} &= \sum_d \rho_d \left(1 - H\left(R_{dk} / \textstyle\sum_l R_{dl}\right)\right),
        \qquad \rho_d = \textstyle\sum_k R_{dk} / \sum_{ck} R_{ck} \\
        \text{completeness} &= \frac1K \sum_k \left(1 - H\left(R_{dk} / \textstyle\sum_c R_{ck}\right)\right)

    and informativeness is the share of the other half that the forests tell right, the mean over the factors: always
    guessing the most frequent value has more than nothing.

    References:
        Eastwood and Williams, 2018, "A framework for the quantitative evaluation of disentangled representations";
        Locatello et al., 2019 (the accuracy, where the first took an error).

    Args:
        means: Posterior means, `(N, D)`.
        factors: Indices, `(N, K)`.
        seed: Seed of the halves and of the trees.
    """
    from sklearn.ensemble import RandomForestClassifier

    x = means.double().numpy()
    first, second = _halves(len(x), seed)
    importance, informativeness = [], []
    for v in factors.numpy().T:
        # All dimensions compete for each cut: drawn ones would credit those that tell nothing.
        forest = RandomForestClassifier(_TREES, min_samples_leaf=_LEAF, max_features=None, random_state=seed)
        forest.fit(x[first], v[first])
        importance.append(torch.from_numpy(forest.feature_importances_))
        informativeness.append((forest.predict(x[second]) == v[second]).mean())
    r = torch.stack(importance, 1)
    weight = r.sum(1) / r.sum().clamp_min(1e-300)
    return float(weight @ _certainty(r)), float(_certainty(r.T).mean()), float(np.mean(informativeness)), r


def _checked(means: Tensor, factors: Tensor) -> Tensor:
    """Return which factors vary, `(K,)`."""
    if factors.dim() != 2 or len(factors) != len(means):
        raise ValueError(
            f"disentanglement needs one row of factors for each datum, but latents {tuple(means.shape)} came with "
            f"factors {tuple(factors.shape)}"
        )
    if len(means) < _FEWEST:
        raise NotApplicable(f"disentanglement needs at least {_FEWEST} data, but {len(means)} came; give more")
    if not means.isfinite().all():
        raise NotApplicable("disentanglement needs finite latents, but some are NaN or infinite: the model is broken")
    varying = (factors != factors[:1]).any(0)
    if not varying.any():
        raise NotApplicable("no factor varies among these data; give data made from different values")
    return varying


def _alive(means: Tensor) -> Tensor:
    return means.double().var(0, correction=0) > ACTIVE_VARIANCE


def _halves(count: int, seed: int) -> tuple[Any, Any]:
    rows = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).numpy()
    return rows[: count // 2], rows[count // 2 :]


def _binned(z: Tensor) -> Tensor:
    low, high = z.aminmax()
    return ((z - low) / (high - low).clamp_min(1e-300) * _BINS).long().clamp_max(_BINS - 1)


def _mutual_information(a: Tensor, b: Tensor) -> Tensor:
    """Return the mutual information of two columns of indices in nats; of a column with itself, its entropy."""
    width = int(b.max()) + 1
    joint = torch.bincount(a * width + b, minlength=(int(a.max()) + 1) * width).double().view(-1, width) / len(a)
    apart = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    return torch.where(joint > 0, joint * (joint / apart).log(), 0.0).nansum()


def _gap(scores: Tensor) -> Tensor:
    """Return the best score minus the next; a single dimension has nothing next to it."""
    best = torch.cat([scores, torch.zeros(1)]).topk(2).values
    return best[0] - best[1]


def _balanced(found: Any, truth: Any) -> float:
    return float(np.mean([(found[truth == v] == v).mean() for v in np.unique(truth)]))


def _certainty(weights: Tensor) -> Tensor:
    """Return one minus the entropy of each row, to the base of its length: 1 for one outcome, 0 for equal ones."""
    shares = weights / weights.sum(1, keepdim=True).clamp_min(1e-300)
    entropy = -torch.special.xlogy(shares, shares).sum(1) / np.log(max(weights.shape[1], 2))
    # A row of zeros tells nothing, with certainty of nothing.
    return torch.where(weights.sum(1) > 0, 1 - entropy, 0.0)


def _group(values: Tensor, generator: torch.Generator) -> Tensor:
    """Return rows that share the value of a factor, itself drawn as it occurs."""
    value = values[torch.randint(len(values), (1,), generator=generator)]
    rows = (values == value).nonzero().flatten()
    return rows[torch.randint(len(rows), (_GROUP,), generator=generator)]
