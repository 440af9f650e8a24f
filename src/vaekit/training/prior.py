"""Fitting a prior to a trained model: posterior and likelihood stay as they are."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from vaekit.data import Stored, unpacked
from vaekit.distributions import drawing
from vaekit.errors import NotApplicable
from vaekit.heads import LearnedMixture
from vaekit.models import LatentVariableModel
from vaekit.training.budget import NEVER, Deadline

__all__ = ["Encoded", "PriorFit", "clusters", "encode", "fit_weights", "place_by_clusters", "score", "scored_draws"]

_DRAWS = 8  # stored per datum of a posterior that is no Gaussian
_CLUSTERED = 20_000  # means that k-means looks at
_SCORE_SEED = 1
_SLOW = 500  # draws whose slow density is taken


@dataclass(frozen=True)
class Encoded:
    """The posteriors of some data, encoded once.

    Args:
        draws: What z is drawn from: the means of Gaussian posteriors, `(1, N, *event)`, or a few draws, `(R, N, *event)`.
        scale: The standard deviations that belong to means, `(N, *event)`; None for draws.
        context: What the data are conditioned on, tensors `(N, C)`.
    """

    draws: Tensor
    scale: Tensor | None
    context: tuple[Tensor, ...]

    def batch(self, rows: Tensor, seed: torch.Generator) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return one draw from q(z | x) per row, `(B, *event)`, and their context."""
        chosen = torch.randint(len(self.draws), (len(rows),), generator=seed)
        z = self.draws[chosen, rows]
        if self.scale is not None:
            z = z + self.scale[rows] * torch.randn(z.shape, generator=seed)
        return z, tuple(vectors[rows] for vectors in self.context)

    def __len__(self) -> int:
        """The number of data."""
        return self.draws.shape[1]


@dataclass(frozen=True)
class PriorFit:
    """How a prior is fitted: Adam, a smaller learning rate where the held-out score rests, a stop where it rests longer, or at a deadline."""

    lr: float = 3e-3
    batch: int = 512
    rounds: int = 40
    round_steps: int = 100
    patience: int = 6
    seed: int = 0
    deadline: Deadline = NEVER


@torch.no_grad()
def encode(model: LatentVariableModel, batches: Iterable[Stored], prepare: Callable[[Tensor], Tensor]) -> Encoded:
    """Return the posteriors of stored batches; the model is expected in evaluation mode.

    Of several groups of latents those of the first, the top of a hierarchy: its prior alone depends on no other group.
    """
    draws: list[Tensor] = []
    scales: list[Tensor] = []
    contexts: list[tuple[Tensor, ...]] = []
    for stored, context in map(unpacked, batches):
        q = model.posteriors(prepare(stored), *context)[0]
        contexts.append(context)
        if isinstance(q, Independent) and isinstance(q.base_dist, Normal):
            draws.append(q.base_dist.loc.unsqueeze(0))
            scales.append(q.base_dist.scale)
        else:
            draws.append(q.sample((_DRAWS,)))
    together = tuple(torch.cat(parts) for parts in zip(*contexts, strict=True))
    return Encoded(torch.cat(draws, 1), torch.cat(scales) if scales else None, together)


def fit_weights(prior: nn.Module, train: Encoded, held_out: Encoded, fit: PriorFit | None = None) -> None:
    r"""Maximise :math:`E_{q(z \mid x)} \log p(z)`, the only part of the bound that the prior enters, by Adam.

    A prior may bring a criterion of its own, `fitting_loss(z, *context)` per draw, in place of the log-density. It ends with
    the weights whose criterion on held-out data was best.

    References:
        Dai and Wipf, 2019, "Diagnosing and enhancing VAE models"; Ghosh, Sajjadi, Vergari, Black and Schoelkopf, 2020, "From
        variational to deterministic autoencoders" (a density of the latents, fitted afterwards).

    Args:
        prior: The module p(z); a mixture is first placed by `place_by_clusters`.
        train: Posteriors of training data.
        held_out: Posteriors of validation data.
        fit: Settings.

    Raises:
        NotApplicable: The prior has no weights.
    """
    fit = fit or PriorFit()
    parameters = [p for p in prior.parameters() if p.requires_grad]
    if not parameters:
        raise NotApplicable("this prior has nothing to fit; use gmm, flow, diffusion, vamp or diagonal")
    optimizer = torch.optim.Adam(parameters, lr=fit.lr)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=fit.patience // 3)
    batches = _batches(train, fit)
    best = _held_out_loss(prior, held_out)
    kept, since = copy.deepcopy(prior.state_dict()), 0
    for _ in range(fit.rounds):
        for _ in range(max(fit.round_steps, len(train) // fit.batch)):
            if fit.deadline.left <= 0:
                break
            loss = _loss(prior, *next(batches))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 100.0)
            optimizer.step()
        found = _held_out_loss(prior, held_out)
        plateau.step(found)
        since += 1
        if found < best:
            best, kept, since = found, copy.deepcopy(prior.state_dict()), 0
        if since >= fit.patience or fit.deadline.left <= 0 or not math.isfinite(found):
            break
    prior.load_state_dict(kept)


def place_by_clusters(prior: LearnedMixture, train: Encoded, seed: int = 0) -> None:
    """Put the components of a mixture on the clusters that k-means finds among the posteriors' means.

    Raises:
        ValueError: There are fewer data than components.
    """
    components, means = len(prior.logits), train.draws[0].flatten(1)
    labels = clusters(train, components, seed)
    count = labels.bincount(minlength=components).to(means)
    # The spread of a cluster is that of its means, and of the posteriors around them.
    square = means.square() if train.scale is None else means.square() + train.scale.flatten(1).square()
    center = _summed(means, labels, components) / count.clamp_min(1).unsqueeze(1)
    spread = _summed(square, labels, components) / count.clamp_min(1).unsqueeze(1) - center.square()
    wide = square.mean(0) - means.mean(0).square()
    variances = torch.where(count.unsqueeze(1) > 1, spread, wide).clamp_min(1e-3 * wide.max())
    event = train.draws.shape[2:]
    prior.place(center.unflatten(1, event), variances.unflatten(1, event), (count + 1) / (count + 1).sum())


def clusters(train: Encoded, components: int, seed: int = 0) -> Tensor:
    """Return which of so many clusters each posterior's mean is in, `(N,)`, by k-means; some may be empty.

    Raises:
        ValueError: There are fewer data than components.
    """
    from sklearn.cluster import KMeans

    means = train.draws[0].flatten(1).double().numpy()
    if len(means) < components:
        raise ValueError(
            f"prior.components={components} needs as many training data, but there are {len(means)}; lower prior.components"
        )
    seen = means[: max(_CLUSTERED, components)]
    # Fewer distinct points than clusters leave some clusters empty; scikit-learn would warn of them.
    count = min(components, len(np.unique(seen, axis=0)))
    found = KMeans(count, n_init=1, max_iter=30, random_state=seed).fit(seen)
    return torch.from_numpy(found.predict(means)).long()


def _summed(values: Tensor, labels: Tensor, components: int) -> Tensor:
    return values.new_zeros(components, values.shape[1]).index_add_(0, labels, values)


def _batches(train: Encoded, fit: PriorFit) -> Iterator[tuple[Tensor, tuple[Tensor, ...]]]:
    seed = torch.Generator().manual_seed(fit.seed)
    while True:
        for rows in torch.randperm(len(train), generator=seed).split(fit.batch):
            yield train.batch(rows, seed)


def scored_draws(held_out: Encoded) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return one draw per datum, `(N, *event)`, and the contexts: the same at every call."""
    return held_out.batch(torch.arange(len(held_out)), torch.Generator().manual_seed(_SCORE_SEED))


@torch.no_grad()
def score(prior: nn.Module, held_out: Encoded) -> float:
    """Return the mean log-density of `scored_draws` in nats; of some of them where a prior's density is slow.

    Slow are the densities of priors that bring a criterion of their own, and they are taken of 500 draws.
    """
    z, context = scored_draws(held_out)
    rows = slice(_SLOW if hasattr(prior, "fitting_loss") else None)
    return prior(*(c[rows] for c in context)).log_prob(z[rows]).double().mean().item()


def _loss(prior: nn.Module, z: Tensor, context: tuple[Tensor, ...]) -> Tensor:
    own = getattr(prior, "fitting_loss", None)
    return (-prior(*context).log_prob(z) if own is None else own(z, *context)).mean()


@torch.no_grad()
def _held_out_loss(prior: nn.Module, held_out: Encoded) -> float:
    """Return the criterion of the same draws, with the same noise, at every call."""
    with drawing(_SCORE_SEED):
        return _loss(prior, *scored_draws(held_out)).double().item()
